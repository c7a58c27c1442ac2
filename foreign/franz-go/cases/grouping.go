package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"ottla.foreign/records"
)

// grouping: a group of three: one joins late, one leaves, one dies, while records keep coming.
func grouping() []testCase {
	return []testCase{
		{"group-range", 60 * time.Second, func(ctx context.Context, bootstrap []string) (string, error) {
			return group(ctx, bootstrap, kgo.RangeBalancer(), false)
		}},
		{"group-cooperative-sticky", 60 * time.Second, func(ctx context.Context, bootstrap []string) (string, error) {
			return group(ctx, bootstrap, kgo.CooperativeStickyBalancer(), true)
		}},
	}
}

const groupPartitions = 6

func group(
	ctx context.Context, bootstrap []string, balancer kgo.GroupBalancer, cooperative bool,
) (string, error) {
	topic, err := create(ctx, bootstrap, "group", groupPartitions, nil)
	if err != nil {
		return "", err
	}
	name, told := unique("franz-go-group"), newTally()
	flow, err := startTraffic(bootstrap, topic)
	if err != nil {
		return "", err
	}
	defer flow.client.Close()
	first, err := join(bootstrap, told, "first", topic, name, balancer)
	if err != nil {
		return "", err
	}
	defer first.dies()
	if err := told.untilShared(ctx, "the first has all", 6, "first"); err != nil {
		return "", err
	}
	second, err := join(bootstrap, told, "second", topic, name, balancer)
	if err != nil {
		return "", err
	}
	defer second.dies()
	dying, err := join(bootstrap, told, "dying", topic, name, balancer)
	if err != nil {
		return "", err
	}
	defer dying.dies()
	if err := told.untilShared(ctx, "two each", 2, "first", "second", "dying"); err != nil {
		return "", err
	}
	joins := told.revokedSoFar()
	if err := second.leaves(); err != nil {
		return "", err
	}
	if err := told.untilShared(ctx, "three each", 3, "first", "dying"); err != nil {
		return "", err
	}
	leaves := told.revokedSoFar()
	close(dying.hold)
	reads := func() bool { return len(told.afterHold) >= 20 }
	if err := told.until(ctx, "one reads and does not commit", 10, reads); err != nil {
		return "", err
	}
	dying.dies()
	if err := <-dying.left; err != nil {
		return "", err
	}
	told.forget("dying")
	if err := told.untilShared(ctx, "the first has all again", 6, "first"); err != nil {
		return "", err
	}
	ends, err := flow.end()
	if err != nil {
		return "", err
	}
	var total int
	for _, end := range ends {
		total += int(end)
	}
	if err := told.until(ctx, "everything is read", 20, func() bool { return len(told.read) >= total }); err != nil {
		return "", err
	}
	// It commits after every batch, and once more when it leaves.
	if err := first.leaves(); err != nil {
		return "", err
	}
	said := fmt.Sprintf("%d records, %d twice, as the one that died had not committed them", total, len(told.afterHold))
	return said, errors.Join(
		checkReads(told, ends),
		checkStyle(cooperative, told.revoked[:joins], told.revoked[joins:leaves]),
		checkCommits(ctx, bootstrap, name, topic, ends),
	)
}

func checkReads(told *tally, ends []int64) error {
	told.lock.Lock()
	defer told.lock.Unlock()
	if len(told.lost) > 0 {
		// The one that died may notice that it has lost its partitions; nobody else may.
		for _, one := range told.lost {
			if one.member != "dying" {
				return fmt.Errorf("lost: %v", told.lost)
			}
		}
	}
	for at, end := range ends {
		for offset := range end {
			if told.read[place{int32(at), offset}] == 0 {
				return fmt.Errorf("%d@%d was not read", at, offset)
			}
		}
	}
	for at, count := range told.read {
		if at.offset >= ends[at.partition] {
			return fmt.Errorf("%v was never written", at)
		}
		if (count > 1) != told.afterHold[at] {
			return fmt.Errorf("%v was read %d times; uncommitted by the dead: %v", at, count, told.afterHold[at])
		}
	}
	return nil
}

// checkStyle: an eager member gives up everything in every rebalance, a cooperative one what must move.
func checkStyle(cooperative bool, joins, leaves []givenUp) error {
	most := 0
	for _, one := range joins {
		if one.member == "first" {
			most = max(most, len(one.partitions))
		}
	}
	stayed := 0
	for _, one := range leaves {
		if one.member != "second" {
			stayed += len(one.partitions)
		}
	}
	switch {
	case cooperative && (most == 0 || most == groupPartitions):
		return fmt.Errorf("given up at once when others joined: %v", joins)
	case cooperative && stayed > 0:
		return fmt.Errorf("given up when a member left: %v", leaves)
	case !cooperative && most != groupPartitions:
		return fmt.Errorf("kept when others joined: %v", joins)
	case !cooperative && stayed == 0:
		return errors.New("nothing was given up when a member left")
	}
	return nil
}

func checkCommits(ctx context.Context, bootstrap []string, group, topic string, ends []int64) error {
	made, err := admin(bootstrap)
	if err != nil {
		return err
	}
	defer made.Close()
	offsets, err := made.FetchOffsets(ctx, group)
	if err != nil {
		return err
	}
	committed := make([]int64, len(ends))
	for at := range committed {
		committed[at] = offsets[topic][int32(at)].At
	}
	return equal("committed", committed, ends)
}

// traffic writes to every partition, all the time.
type traffic struct {
	client *kgo.Client
	stop   chan struct{}
	done   chan error
	counts []int64
}

func startTraffic(bootstrap []string, topic string) (*traffic, error) {
	client, err := records.Producer(bootstrap)
	if err != nil {
		return nil, err
	}
	made := &traffic{client, make(chan struct{}), make(chan error, 1), make([]int64, groupPartitions)}
	go func() {
		failures := make(chan error, 1)
		ctx := context.Background()
		for number := 0; ; number++ {
			at := int32(number % groupPartitions)
			made.counts[at]++
			client.Produce(ctx, records.Described(topic, at, number), func(_ *kgo.Record, err error) {
				if err != nil {
					select {
					case failures <- err:
					default:
					}
				}
			})
			select {
			case <-time.After(10 * time.Millisecond):
				continue
			case <-made.stop:
			}
			err := client.Flush(ctx)
			select {
			case err = <-failures:
			default:
			}
			made.done <- err
			return
		}
	}()
	return made, nil
}

// end tells how many records each partition has.
func (t *traffic) end() ([]int64, error) {
	close(t.stop)
	err := <-t.done
	return t.counts, err
}
