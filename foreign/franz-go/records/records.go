// Package records has the records that the cases write, and reads them back.
package records

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// BaseTime is 2023-11-14, so that no clock of a broker can be taken for it.
const BaseTime = 1_700_000_000_000

// Described is record number: keys, values and headers that are null, empty, or several of one name.
func Described(topic string, partition int32, number int) *kgo.Record {
	record := &kgo.Record{
		Topic:     topic,
		Partition: partition,
		Key:       fmt.Appendf(nil, "key-%d", number%97),
		Value:     fmt.Appendf(nil, "%d:%s", number, strings.Repeat("ottla ", number%40)),
		Timestamp: time.UnixMilli(BaseTime + int64(number)),
	}
	if number%7 == 0 {
		record.Key = nil
	}
	if number%11 == 0 {
		record.Value = []byte{}
	}
	if number%13 == 0 {
		record.Value = nil
	}
	if number%5 == 0 {
		record.Headers = []kgo.RecordHeader{
			{Key: "twice", Value: []byte("1")},
			{Key: "null", Value: nil},
			{Key: "twice", Value: []byte{}},
			{Key: "number", Value: fmt.Appendf(nil, "%d", number)},
		}
	}
	return record
}

func Producer(bootstrap []string, more ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(bootstrap...),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerLinger(10 * time.Millisecond),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
	}, more...)...)
}

// Produce writes the records in turn to the partitions. What is returned is, for each partition, the
// numbers by the offsets that were reported.
func Produce(
	ctx context.Context, made *kgo.Client, topic string, partitions, from, to int,
) ([]map[int64]int, error) {
	type report struct {
		record *kgo.Record
		number int
		err    error
	}
	reports := make(chan report, to-from)
	for number := from; number < to; number++ {
		record := Described(topic, int32(number%partitions), number)
		made.Produce(ctx, record, func(record *kgo.Record, err error) { reports <- report{record, number, err} })
	}
	places := make([]map[int64]int, partitions)
	for at := range places {
		places[at] = map[int64]int{}
	}
	for range to - from {
		got := <-reports
		if got.err != nil {
			return nil, fmt.Errorf("record %d: %w", got.number, got.err)
		}
		at := int(got.record.Partition)
		if at != got.number%partitions {
			return nil, fmt.Errorf("record %d went to partition %d", got.number, at)
		}
		if _, known := places[at][got.record.Offset]; known {
			return nil, fmt.Errorf("offset %d@%d was reported twice", at, got.record.Offset)
		}
		places[at][got.record.Offset] = got.number
	}
	return places, nil
}

func Reader(bootstrap []string, more ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(bootstrap...),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchMaxWait(100 * time.Millisecond),
	}, more...)...)
}

// ReadAll reads everything in the topic, each partition up to its end.
func ReadAll(
	ctx context.Context, bootstrap []string, topic string, partitions int, level kgo.IsolationLevel,
) ([][]*kgo.Record, error) {
	starts, ends, err := Bounds(ctx, bootstrap, topic, partitions, level)
	if err != nil {
		return nil, err
	}
	at := map[int32]kgo.Offset{}
	for partition := range partitions {
		at[int32(partition)] = kgo.NewOffset().AtStart()
	}
	made, err := Reader(bootstrap,
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: at}),
		kgo.FetchIsolationLevel(level),
		// They move the position to the end where nothing else does.
		kgo.KeepControlRecords(),
	)
	if err != nil {
		return nil, err
	}
	defer made.Close()
	return ReadTo(ctx, made, starts, ends)
}

// ReadTo reads until every partition has come to its end.
func ReadTo(ctx context.Context, made *kgo.Client, starts, ends []int64) ([][]*kgo.Record, error) {
	found := make([][]*kgo.Record, len(ends))
	positions := slices.Clone(starts)
	open := func() bool {
		for at, end := range ends {
			if positions[at] < end {
				return true
			}
		}
		return false
	}
	last := time.Now()
	for open() {
		fetches := Poll(ctx, made, 1000, 200*time.Millisecond)
		if err := fetches.Err0(); err != nil && ctx.Err() != nil {
			return nil, fmt.Errorf("%w; at %v of %v", err, positions, ends)
		}
		for _, failed := range fetches.Errors() {
			if failed.Partition >= 0 {
				return nil, fmt.Errorf("partition %d: %w", failed.Partition, failed.Err)
			}
		}
		fetches.EachRecord(func(record *kgo.Record) {
			last = time.Now()
			positions[record.Partition] = record.Offset + 1
			if !record.Attrs.IsControl() {
				found[record.Partition] = append(found[record.Partition], record)
			}
		})
		if time.Since(last) > 20*time.Second {
			return nil, fmt.Errorf("nothing came for 20 s; at %v of %v", positions, ends)
		}
	}
	return found, nil
}

// Poll waits for records, for a while.
func Poll(ctx context.Context, made *kgo.Client, most int, patience time.Duration) kgo.Fetches {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return made.PollRecords(ctx, most)
}

// Check says whether what is found is what was reported, in the order in which it was written.
func Check(topic string, places []map[int64]int, found [][]*kgo.Record) error {
	for at, reported := range places {
		if len(found[at]) != len(reported) {
			return fmt.Errorf("partition %d: %d records, %d were reported", at, len(found[at]), len(reported))
		}
		before := -1
		for _, record := range found[at] {
			where := fmt.Sprintf("%d@%d", at, record.Offset)
			number, known := reported[record.Offset]
			if !known {
				return fmt.Errorf("%s was never reported", where)
			}
			if number <= before {
				return fmt.Errorf("%s: record %d comes after %d", where, number, before)
			}
			before = number
			expected := Described(topic, int32(at), number)
			for _, pair := range [][2]any{
				{record.Key, expected.Key},
				{record.Value, expected.Value},
				{record.Headers, expected.Headers},
				{record.Timestamp.UnixMilli(), expected.Timestamp.UnixMilli()},
			} {
				if !reflect.DeepEqual(pair[0], pair[1]) {
					return fmt.Errorf("%s: %#v, not %#v", where, pair[0], pair[1])
				}
			}
		}
	}
	return nil
}

// Bounds are where the partitions begin and end for who reads at that level.
func Bounds(
	ctx context.Context, bootstrap []string, topic string, partitions int, level kgo.IsolationLevel,
) ([]int64, []int64, error) {
	made, err := kadm.NewOptClient(kgo.SeedBrokers(bootstrap...))
	if err != nil {
		return nil, nil, err
	}
	defer made.Close()
	list := made.ListEndOffsets
	if level == kgo.ReadCommitted() {
		list = made.ListCommittedOffsets
	}
	last, err := list(ctx, topic)
	if err := errors.Join(err, last.Error()); err != nil {
		return nil, nil, err
	}
	first, err := made.ListStartOffsets(ctx, topic)
	if err := errors.Join(err, first.Error()); err != nil {
		return nil, nil, err
	}
	starts, ends := make([]int64, partitions), make([]int64, partitions)
	first.Each(func(one kadm.ListedOffset) { starts[one.Partition] = one.Offset })
	last.Each(func(one kadm.ListedOffset) { ends[one.Partition] = one.Offset })
	return starts, ends, nil
}
