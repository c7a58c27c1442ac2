package main

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"ottla.foreign/records"
)

// A member of a group. It commits what it has read, after every batch and before it gives a partition
// up, until it is told to hold.
type member struct {
	name        string
	topic       string
	tally       *tally
	client      *kgo.Client
	cables      cables
	uncommitted map[int32]kgo.EpochOffset
	holds       bool

	hold, leave chan struct{}
	left        chan error
}

func join(
	bootstrap []string, tally *tally, name, topic, group string, balancer kgo.GroupBalancer,
) (*member, error) {
	made := &member{
		name: name, topic: topic, tally: tally,
		uncommitted: map[int32]kgo.EpochOffset{},
		hold:        make(chan struct{}), leave: make(chan struct{}), left: make(chan error, 1),
	}
	told := func(what string) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(ctx context.Context, _ *kgo.Client, partitions map[string][]int32) {
			given := slices.Sorted(slices.Values(partitions[topic]))
			if what == "revoked" {
				made.commit(ctx)
			}
			if what != "assigned" {
				for _, one := range given {
					delete(made.uncommitted, one)
				}
			}
			tally.assignment(name, what, given)
		}
	}
	var err error
	made.client, err = records.Reader(bootstrap,
		kgo.Dialer(made.cables.dial),
		kgo.ConsumerGroup(group),
		kgo.ConsumeTopics(topic),
		kgo.Balancers(balancer),
		kgo.SessionTimeout(6*time.Second),
		kgo.HeartbeatInterval(500*time.Millisecond),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(),
		// A rebalance happens between two batches, never within one.
		kgo.BlockRebalanceOnPoll(),
		kgo.OnPartitionsAssigned(told("assigned")),
		kgo.OnPartitionsRevoked(told("revoked")),
		kgo.OnPartitionsLost(told("lost")),
	)
	if err != nil {
		return nil, err
	}
	go func() { made.left <- made.run() }()
	return made, nil
}

func (m *member) run() error {
	ctx := context.Background()
	for {
		select {
		case <-m.leave:
			// Callbacks run in the closing, which commits a last time.
			m.client.CloseAllowingRebalance()
			return nil
		case <-m.hold:
			// What was read before is committed, what is read from now on is not.
			m.commit(ctx)
			m.holds, m.hold = true, nil
			m.tally.nowHolds(m.name)
		default:
		}
		fetches := records.Poll(ctx, m.client, 50, 100*time.Millisecond)
		if m.cables.cut() {
			return nil
		}
		for _, failed := range fetches.Errors() {
			if !errors.Is(failed.Err, context.DeadlineExceeded) {
				return failed.Err
			}
		}
		fetches.EachRecord(func(record *kgo.Record) {
			m.tally.record(m.name, record.Partition, record.Offset)
			m.uncommitted[record.Partition] = kgo.EpochOffset{Epoch: -1, Offset: record.Offset + 1}
		})
		m.commit(ctx)
		m.client.AllowRebalance()
	}
}

// commit tries; what fails is tried again, at the latest before the partition is given up.
func (m *member) commit(ctx context.Context) {
	if m.holds || len(m.uncommitted) == 0 {
		return
	}
	offsets := map[string]map[int32]kgo.EpochOffset{m.topic: m.uncommitted}
	m.client.CommitOffsetsSync(ctx, offsets, nil)
	for partition, committed := range m.client.CommittedOffsets()[m.topic] {
		if wanted, is := m.uncommitted[partition]; is && wanted.Offset == committed.Offset {
			delete(m.uncommitted, partition)
		}
	}
}

// leaves in good order.
func (m *member) leaves() error {
	close(m.leave)
	select {
	case err := <-m.left:
		return err
	case <-time.After(20 * time.Second):
		return errors.New("a member does not leave")
	}
}

// dies without a word: its connections end, and there are no new ones.
func (m *member) dies() {
	m.cables.cutAll()
	go m.client.CloseAllowingRebalance()
}

// cables are the connections of a member.
type cables struct {
	lock    sync.Mutex
	all     []net.Conn
	severed bool
}

func (c *cables) dial(ctx context.Context, network, host string) (net.Conn, error) {
	made, err := (&net.Dialer{}).DialContext(ctx, network, host)
	if err != nil {
		return nil, err
	}
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.severed {
		made.Close()
		return nil, net.ErrClosed
	}
	c.all = append(c.all, made)
	return made, nil
}

func (c *cables) cutAll() {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.severed = true
	for _, one := range c.all {
		one.Close()
	}
}

func (c *cables) cut() bool {
	c.lock.Lock()
	defer c.lock.Unlock()
	return c.severed
}
