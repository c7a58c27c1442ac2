package main

import (
	"context"
	"encoding/binary"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func produce(p plan) {
	options := []kgo.Opt{
		kgo.SeedBrokers(p.bootstrap),
		// Its default is snappy; nobody else's is, and the broker looks into the batches.
		kgo.ProducerBatchCompression(kgo.NoCompression()),
	}
	if p.settings == "tuned" {
		options = append(options,
			kgo.ProducerLinger(5*time.Millisecond),
			kgo.ProducerBatchMaxBytes(1_000_000),
			kgo.BrokerMaxWriteBytes(1<<20),
			kgo.MaxBufferedRecords(1_000_000),
			kgo.MaxBufferedBytes(64<<20))
	}
	client, err := kgo.NewClient(options...)
	must(err)
	defer client.Close()
	send(client, p, p.warmTopic, p.warm)

	m := startMeter()
	acknowledged, failed := send(client, p, p.topic, p.records)
	m.report(report{Records: p.records, Acknowledged: &acknowledged, Failed: &failed})
}

// send sends everything and waits until every promise was called.
func send(client *kgo.Client, p plan, topic string, count uint64) (uint64, uint64) {
	var acknowledged, failed atomic.Uint64
	ctx := context.Background()
	promise := func(_ *kgo.Record, err error) {
		if err == nil {
			acknowledged.Add(1)
		} else {
			failed.Add(1)
		}
	}
	for number := range count {
		// The client keeps the value until it is acknowledged.
		value := make([]byte, p.valueSize)
		binary.BigEndian.PutUint64(value, number)
		client.Produce(ctx, &kgo.Record{Topic: topic, Value: value}, promise)
	}
	must(client.Flush(ctx))
	return acknowledged.Load(), failed.Load()
}
