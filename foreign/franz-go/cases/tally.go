package main

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"
)

type place struct {
	partition int32
	offset    int64
}

type givenUp struct {
	member     string
	partitions []int32
}

// A tally is what the members of a group have told.
type tally struct {
	lock      sync.Mutex
	owned     map[string]map[int32]bool
	revoked   []givenUp
	lost      []givenUp
	read      map[place]int
	byMember  map[string]int
	held      map[string]bool
	afterHold map[place]bool
}

func newTally() *tally {
	return &tally{
		owned: map[string]map[int32]bool{}, read: map[place]int{}, byMember: map[string]int{},
		held: map[string]bool{}, afterHold: map[place]bool{},
	}
}

func (t *tally) assignment(member, what string, partitions []int32) {
	t.lock.Lock()
	defer t.lock.Unlock()
	if t.owned[member] == nil {
		t.owned[member] = map[int32]bool{}
	}
	for _, partition := range partitions {
		if what == "assigned" {
			t.owned[member][partition] = true
		} else {
			delete(t.owned[member], partition)
		}
	}
	switch what {
	case "revoked":
		t.revoked = append(t.revoked, givenUp{member, partitions})
	case "lost":
		t.lost = append(t.lost, givenUp{member, partitions})
	}
}

func (t *tally) record(member string, partition int32, offset int64) {
	t.lock.Lock()
	defer t.lock.Unlock()
	at := place{partition, offset}
	t.read[at]++
	t.byMember[member]++
	if t.held[member] {
		t.afterHold[at] = true
	}
}

func (t *tally) nowHolds(member string) {
	t.lock.Lock()
	defer t.lock.Unlock()
	t.held[member] = true
}

func (t *tally) forget(member string) {
	t.lock.Lock()
	defer t.lock.Unlock()
	delete(t.owned, member)
}

func (t *tally) revokedSoFar() int {
	t.lock.Lock()
	defer t.lock.Unlock()
	return len(t.revoked)
}

func (t *tally) until(ctx context.Context, what string, seconds int, holds func() bool) error {
	limit := time.Now().Add(time.Duration(seconds) * time.Second)
	for {
		t.lock.Lock()
		done := holds()
		state := fmt.Sprintf("owned %v, %d read", t.owned, len(t.read))
		t.lock.Unlock()
		if done {
			return nil
		}
		if time.Now().After(limit) || ctx.Err() != nil {
			return fmt.Errorf("not within %d s: %s; %s", seconds, what, state)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// untilShared waits until the members own that many partitions each, and each has read from them since.
func (t *tally) untilShared(ctx context.Context, what string, count int, members ...string) error {
	shared := func() bool {
		for _, name := range members {
			if len(t.owned[name]) != count {
				return false
			}
		}
		return true
	}
	if err := t.until(ctx, what, 20, shared); err != nil {
		return err
	}
	t.lock.Lock()
	before := maps.Clone(t.byMember)
	t.lock.Unlock()
	return t.until(ctx, what+", and all go on reading", 10, func() bool {
		for _, name := range members {
			if t.byMember[name] <= before[name] {
				return false
			}
		}
		return true
	})
}
