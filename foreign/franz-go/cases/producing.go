package main

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"ottla.foreign/records"
)

// producing: produce with each codec and read everything back.
func producing() []testCase {
	const partitions, count = 6, 3000
	with := func(codec kgo.CompressionCodec) func(context.Context, []string) (string, error) {
		return func(ctx context.Context, bootstrap []string) (string, error) {
			topic, err := create(ctx, bootstrap, "produce", partitions, nil)
			if err != nil {
				return "", err
			}
			made, err := records.Producer(bootstrap, kgo.ProducerBatchCompression(codec))
			if err != nil {
				return "", err
			}
			defer made.Close()
			places, err := records.Produce(ctx, made, topic, partitions, 0, count)
			if err != nil {
				return "", err
			}
			found, err := records.ReadAll(ctx, bootstrap, topic, partitions, kgo.ReadUncommitted())
			if err != nil {
				return "", err
			}
			said := fmt.Sprintf("%d records in %d partitions as reported and in order", count, partitions)
			return said, records.Check(topic, places, found)
		}
	}
	return []testCase{
		{"produce-none", 40 * time.Second, with(kgo.NoCompression())},
		{"produce-gzip", 40 * time.Second, with(kgo.GzipCompression())},
		{"produce-snappy", 40 * time.Second, with(kgo.SnappyCompression())},
		{"produce-lz4", 40 * time.Second, with(kgo.Lz4Compression())},
		{"produce-zstd", 40 * time.Second, with(kgo.ZstdCompression())},
	}
}
