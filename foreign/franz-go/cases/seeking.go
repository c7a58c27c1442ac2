package main

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"ottla.foreign/records"
)

// seeking: consume with assign, positions, seeks, timestamps.
func seeking() []testCase {
	return []testCase{
		{"assign-seek-times", 30 * time.Second, seeks},
		{"offset-out-of-range", 40 * time.Second, beyond},
	}
}

func seeks(ctx context.Context, bootstrap []string) (string, error) {
	const partitions, each = 3, 100
	topic, err := create(ctx, bootstrap, "seek", partitions, nil)
	if err != nil {
		return "", err
	}
	// Partition p gets the numbers p, p + 3, ...: the record at offset o is of the time 3 o + p.
	if err := fill(ctx, bootstrap, topic, partitions, each*partitions); err != nil {
		return "", err
	}
	starts, listed, err := records.Bounds(ctx, bootstrap, topic, partitions, kgo.ReadUncommitted())
	if err != nil {
		return "", err
	}
	if err := equal("ends", listed, []int64{each, each, each}); err != nil {
		return "", err
	}
	start := map[string]map[int32]kgo.Offset{topic: {1: kgo.NewOffset().At(40)}}
	made, err := records.Reader(bootstrap, kgo.ConsumePartitions(start))
	if err != nil {
		return "", err
	}
	defer made.Close()
	asked, err := admin(bootstrap)
	if err != nil {
		return "", err
	}
	defer asked.Close()
	// Between the records 49 (time 148) and 50 (time 151) of partition 1; after all.
	between, err := asked.ListOffsetsAfterMilli(ctx, records.BaseTime+150, topic)
	if err != nil {
		return "", err
	}
	after, err := asked.ListOffsetsAfterMilli(ctx, records.BaseTime+100_000, topic)
	if err != nil {
		return "", err
	}
	first, err := asked.ListOffsetsAfterMilli(ctx, records.BaseTime-5, topic)
	if err != nil {
		return "", err
	}
	seek := func(offset int64) {
		to := kgo.EpochOffset{Epoch: -1, Offset: offset}
		made.SetOffsets(map[string]map[int32]kgo.EpochOffset{topic: {1: to}})
	}
	next := func() int64 {
		offset, err := nextOffset(ctx, made)
		if err != nil {
			return -1
		}
		return offset
	}
	for _, step := range []struct {
		what     string
		actual   func() int64
		expected int64
	}{
		{"assigned at 40", next, 40},
		{"then", next, 41},
		{"back to 10", func() int64 { seek(10); return next() }, 10},
		{"ahead to 99", func() int64 { seek(99); return next() }, 99},
		{"offset of a time", func() int64 { return between[topic][1].Offset }, 50},
		{"its time", func() int64 { return between[topic][1].Timestamp }, records.BaseTime + 151},
		{"offset of a time before all", func() int64 { return first[topic][1].Offset }, 0},
		{"offset of a time after all", func() int64 { return after[topic][1].Offset }, each},
		{"at a time", func() int64 { seek(between[topic][1].Offset); return next() }, 50},
	} {
		if err := equal(step.what, step.actual(), step.expected); err != nil {
			return "", err
		}
	}

	tails, err := records.Reader(bootstrap, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {
		0: kgo.NewOffset().At(90), 1: kgo.NewOffset().AtEnd().Relative(-3), 2: kgo.NewOffset().AfterMilli(records.BaseTime + 3*95),
	}}))
	if err != nil {
		return "", err
	}
	defer tails.Close()
	found, err := records.ReadTo(ctx, tails, starts, listed)
	if err != nil {
		return "", err
	}
	begins := []int64{found[0][0].Offset, found[1][0].Offset, found[2][0].Offset}
	if err := equal("begin of the tails", begins, []int64{90, 97, 95}); err != nil {
		return "", err
	}
	return "positions, seeks both ways, times before, between and after records", nil
}

// beyond: an offset that does not exist is an error, or a start where the policy says.
func beyond(ctx context.Context, bootstrap []string) (string, error) {
	topic, err := create(ctx, bootstrap, "beyond", 1, nil)
	if err != nil {
		return "", err
	}
	if err := fill(ctx, bootstrap, topic, 1, 10); err != nil {
		return "", err
	}
	start := kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().At(5000)}})
	resets, err := records.Reader(bootstrap, start, kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return "", err
	}
	defer resets.Close()
	offset, err := nextOffset(ctx, resets)
	if err != nil {
		return "", err
	}
	if err := equal("reset", offset, int64(0)); err != nil {
		return "", err
	}
	fails, err := records.Reader(bootstrap, start)
	if err != nil {
		return "", err
	}
	defer fails.Close()
	offset, err = nextOffset(ctx, fails)
	if !errors.Is(err, kerr.OffsetOutOfRange) {
		return "", fmt.Errorf("offset %d and error %v, not %v", offset, err, kerr.OffsetOutOfRange)
	}
	return "reset to the earliest, and an error where no reset is wanted", nil
}

func fill(ctx context.Context, bootstrap []string, topic string, partitions, count int) error {
	made, err := records.Producer(bootstrap)
	if err != nil {
		return err
	}
	defer made.Close()
	_, err = records.Produce(ctx, made, topic, partitions, 0, count)
	return err
}

func nextOffset(ctx context.Context, made *kgo.Client) (int64, error) {
	for until := time.Now().Add(15 * time.Second); time.Now().Before(until); {
		fetches := records.Poll(ctx, made, 1, 200*time.Millisecond)
		if records := fetches.Records(); len(records) > 0 {
			return records[0].Offset, nil
		}
		for _, failed := range fetches.Errors() {
			if !errors.Is(failed.Err, context.DeadlineExceeded) {
				return -1, failed.Err
			}
		}
	}
	return -1, errors.New("nothing came for 15 s")
}

func equal(what string, actual, expected any) error {
	if !reflect.DeepEqual(actual, expected) {
		return fmt.Errorf("%s: %v, not %v", what, actual, expected)
	}
	return nil
}
