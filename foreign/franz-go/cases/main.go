// The cases of franz-go.
//
//	cases BROKER BOOTSTRAP [WORD...]
//
// BROKER is the name that the results are to carry; with words only those cases run that have one of
// them in their name. Every case prints one line of JSON. The exit code is 1 if any failed.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// A testCase is something to try on a cluster; it returns a word about what it saw.
type testCase struct {
	name  string
	limit time.Duration
	run   func(ctx context.Context, bootstrap []string) (string, error)
}

type result struct {
	Client  string  `json:"client"`
	Broker  string  `json:"broker"`
	Case    string  `json:"case"`
	OK      bool    `json:"ok"`
	Seconds float64 `json:"seconds"`
	Detail  string  `json:"detail"`
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: cases BROKER BOOTSTRAP [WORD...]")
		os.Exit(2)
	}
	words := os.Args[3:]
	cases := slices.Concat(producing(), seeking(), grouping(), transacting(), administering())
	failed := false
	for _, one := range cases {
		wanted := func(word string) bool { return strings.Contains(one.name, word) }
		if len(words) > 0 && !slices.ContainsFunc(words, wanted) {
			continue
		}
		begun := time.Now()
		detail, err := within(one, strings.Split(os.Args[2], ","))
		if err != nil {
			failed, detail = true, err.Error()
		}
		seconds := float64(time.Since(begun).Milliseconds()/100) / 10
		line, _ := json.Marshal(result{client(), os.Args[1], one.name, err == nil, seconds, detail})
		fmt.Println(string(line))
	}
	if failed {
		os.Exit(1)
	}
}

// within runs a case in a goroutine of its own: one that hangs is left behind.
func within(one testCase, bootstrap []string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), one.limit)
	defer cancel()
	type outcome struct {
		detail string
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		detail, err := one.run(ctx, bootstrap)
		done <- outcome{detail, err}
	}()
	select {
	case got := <-done:
		return got.detail, got.err
	case <-time.After(one.limit + time.Second):
		return "", fmt.Errorf("not done after %v", one.limit)
	}
}

func client() string {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if module.Path == "github.com/twmb/franz-go" {
			return "franz-go " + strings.TrimPrefix(module.Version, "v")
		}
	}
	return "franz-go"
}
