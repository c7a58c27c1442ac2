package main

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"
)

func consume(p plan) {
	if p.warm > 0 {
		read(p, p.warmTopic, p.warm, startMeter())
	}
	m := startMeter()
	seen := read(p, p.topic, p.records, m)
	m.report(report{Records: p.records, Consumed: seen})
}

func read(p plan, topic string, count uint64, m *meter) *order {
	partitions := make(map[int32]kgo.Offset)
	for partition := range p.partitions {
		partitions[int32(partition)] = kgo.NewOffset().AtStart()
	}
	options := []kgo.Opt{
		kgo.SeedBrokers(p.bootstrap),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: partitions}),
	}
	if p.settings == "tuned" {
		options = append(options,
			kgo.FetchMaxPartitionBytes(1<<20),
			kgo.FetchMaxBytes(50<<20))
	}
	client, err := kgo.NewClient(options...)
	must(err)
	defer client.Close()

	seen := &order{next: make([]int64, p.partitions), least: make([]uint64, p.partitions)}
	for seen.Count < count {
		fetches := client.PollFetches(context.Background())
		for _, failure := range fetches.Errors() {
			must(failure.Err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			m.consumed()
			seen.see(r.Partition, r.Offset, r.Value)
		})
	}
	return seen
}
