package main

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func produce(p plan) {
	options := []kgo.Opt{
		kgo.SeedBrokers(p.bootstrap),
		// Its default is snappy; nobody else's is.
		kgo.ProducerBatchCompression(map[string]kgo.CompressionCodec{
			"none":   kgo.NoCompression(),
			"gzip":   kgo.GzipCompression(),
			"snappy": kgo.SnappyCompression(),
			"lz4":    kgo.Lz4Compression(),
			"zstd":   kgo.ZstdCompression(),
		}[p.codec]),
	}
	switch p.settings {
	case "tuned":
		options = append(options,
			kgo.ProducerLinger(5*time.Millisecond),
			kgo.ProducerBatchMaxBytes(1_000_000),
			kgo.BrokerMaxWriteBytes(1<<20),
			kgo.MaxBufferedRecords(1_000_000),
			kgo.MaxBufferedBytes(64<<20))
	case "linger0":
		options = append(options, kgo.ProducerLinger(0))
	}
	client, err := kgo.NewClient(options...)
	must(err)
	defer client.Close()
	send(client, p, p.warmTopic, p.warm, nil, nil)

	var paced *pace
	var took *times
	if p.rate > 0 {
		paced, took = newPace(p.rate), &times{}
	}
	m := startMeter()
	acknowledged, failed := send(client, p, p.topic, p.records, paced, took)
	r := report{Records: p.records, Acknowledged: &acknowledged, Failed: &failed}
	if took != nil {
		r.Latency = took.latency()
	}
	m.report(r)
}

// send sends everything and waits until every promise was called.
func send(client *kgo.Client, p plan, topic string, count uint64, paced *pace, took *times) (uint64, uint64) {
	var acknowledged, failed atomic.Uint64
	ctx := context.Background()
	promise := func(_ *kgo.Record, err error) {
		if err == nil {
			acknowledged.Add(1)
		} else {
			failed.Add(1)
		}
	}
	payload := newPayload(p)
	for number := range count {
		done := promise
		if paced != nil {
			if since := paced.wait(); !since.IsZero() {
				done = func(r *kgo.Record, err error) {
					took.took(since)
					promise(r, err)
				}
			}
		}
		key, value := payload.record(number)
		client.Produce(ctx, &kgo.Record{Topic: topic, Key: key, Value: value}, done)
	}
	must(client.Flush(ctx))
	return acknowledged.Load(), failed.Load()
}
