package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func unique(word string) string {
	return word + "-" + rand.Text()[:12]
}

func admin(bootstrap []string, more ...kgo.Opt) (*kadm.Client, error) {
	return kadm.NewOptClient(append([]kgo.Opt{kgo.SeedBrokers(bootstrap...)}, more...)...)
}

// create makes a new topic, and is done as soon as every partition has a leader.
func create(
	ctx context.Context, bootstrap []string, word string, partitions int, config map[string]*string,
) (string, error) {
	made, err := admin(bootstrap)
	if err != nil {
		return "", err
	}
	defer made.Close()
	name := unique("franz-go-" + word)
	if _, err := made.CreateTopic(ctx, int32(partitions), -1, config, name); err != nil {
		return "", err
	}
	return name, untilThere(ctx, made, name, partitions)
}

// untilThere waits until the leaders of all partitions know that they are that.
func untilThere(ctx context.Context, made *kadm.Client, name string, partitions int) error {
	var state string
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); {
		offsets, err := made.ListEndOffsets(ctx, name)
		if err == nil && offsets.Error() == nil && len(offsets[name]) == partitions {
			return nil
		}
		state = fmt.Sprint(offsets, err)
		time.Sleep(50 * time.Millisecond)
	}
	return fmt.Errorf("%s does not get %d partitions with leaders: %s", name, partitions, state)
}
