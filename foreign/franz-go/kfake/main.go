// Package main is franz-go's kfake as a process.
//
//	kfake [BROKERS [VERSION]]
//
// It prints its bootstrap addresses, and then obeys the lines of its standard input until that ends.
// ../../MOCKS.md describes them. What is read and written by command is read and written by franz-go.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"ottla.foreign/records"
)

func main() {
	brokers, version := 3, "newest"
	if len(os.Args) > 1 {
		brokers, _ = strconv.Atoi(os.Args[1])
	}
	if len(os.Args) > 2 {
		version = os.Args[2]
	}
	made, err := start(brokers, version)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(strings.Join(made.fake.ListenAddrs(), ","))
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		answer, err := made.obey(strings.Fields(lines.Text()))
		if err != nil {
			answer = strings.ReplaceAll(err.Error(), "\n", " ")
		} else {
			answer = strings.TrimSpace("ok " + answer)
		}
		fmt.Println(answer)
	}
}

type cluster struct {
	fake   *kfake.Cluster
	faults map[int16][]*installed
	losses *losses
}

type installed struct {
	handle *kfake.FaultHandle
	count  int
}

func start(brokers int, version string) (*cluster, error) {
	lost := &losses{wanted: map[int16]int{}}
	options := []kfake.Opt{
		kfake.NumBrokers(brokers),
		kfake.ListenFn(lost.listen),
		kfake.DefaultNumPartitions(6),
		kfake.AllowAutoTopicCreation(),
	}
	if version != "newest" {
		versions := kversion.FromString("v" + version)
		if versions == nil {
			return nil, fmt.Errorf("there is no version %s", version)
		}
		options = append(options, kfake.MaxVersions(versions))
	}
	fake, err := kfake.NewCluster(options...)
	if err != nil {
		return nil, err
	}
	return &cluster{fake, map[int16][]*installed{}, lost}, nil
}

func (c *cluster) obey(words []string) (string, error) {
	if len(words) == 0 {
		return "", fmt.Errorf("nothing to do")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	numbers := make([]int, len(words))
	for i, word := range words {
		numbers[i], _ = strconv.Atoi(word)
	}
	switch words[0] + " " + strconv.Itoa(len(words)-1) {
	case "topic 2":
		return "", c.fake.CreateTopic(words[1], int32(numbers[2]), nil)
	case "move 3":
		return "", c.fake.MoveTopicPartition(words[1], int32(numbers[2]), int32(numbers[3]))
	case "coordinators 0":
		c.fake.RehashCoordinators()
		return "", nil
	case "fail 3":
		return "", c.fail(int16(numbers[1]), int16(numbers[2]), numbers[3])
	case "lose 2":
		c.losses.want(int16(numbers[1]), numbers[2])
		return "", nil
	case "clear 0":
		c.clear()
		return "", nil
	case "left 1":
		left := c.losses.left(int16(numbers[1]))
		for _, one := range c.faults[int16(numbers[1])] {
			left += one.count - one.handle.Hits()
		}
		return strconv.Itoa(left), nil
	case "write 5":
		return c.write(ctx, words[1], numbers[2], numbers[3], numbers[4], words[5])
	case "read 2":
		return "", c.read(ctx, words[1], numbers[2])
	case "committed 3":
		return c.committed(ctx, words[1], words[2], numbers[3])
	}
	return "", fmt.Errorf("not understood: %v", words)
}

// fail answers the next requests of that kind with an error.
func (c *cluster) fail(api, code int16, count int) error {
	err, known := kerr.ErrorForCode(code).(*kerr.Error)
	if !known {
		return fmt.Errorf("there is no error %d", code)
	}
	fault := kfake.Fault{Keys: []kmsg.Key{kmsg.Key(api)}, Err: err, Count: count}
	c.faults[api] = append(c.faults[api], &installed{c.fake.Fault(fault), count})
	return nil
}

func (c *cluster) clear() {
	for _, all := range c.faults {
		for _, one := range all {
			one.handle.Remove()
		}
	}
	clear(c.faults)
	c.losses.clear()
}

func (c *cluster) write(
	ctx context.Context, topic string, partitions, first, count int, codec string,
) (string, error) {
	codecs := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}
	made, err := records.Producer(c.fake.ListenAddrs(), kgo.ProducerBatchCompression(codecs[codec]))
	if err != nil {
		return "", err
	}
	defer made.Close()
	places, err := records.Produce(ctx, made, topic, partitions, first, first+count)
	if err != nil {
		return "", err
	}
	var counts []string
	for _, part := range places {
		counts = append(counts, strconv.Itoa(len(part)))
	}
	return strings.Join(counts, " "), nil
}

func (c *cluster) read(ctx context.Context, topic string, partitions int) error {
	found, err := records.ReadAll(ctx, c.fake.ListenAddrs(), topic, partitions, kgo.ReadUncommitted())
	if err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for at, part := range found {
		for _, record := range part {
			fmt.Fprintln(out, at, record.Offset, hexed(record.Key), hexed(record.Value))
		}
	}
	return nil
}

func (c *cluster) committed(ctx context.Context, group, topic string, partitions int) (string, error) {
	made, err := kadm.NewOptClient(kgo.SeedBrokers(c.fake.ListenAddrs()...))
	if err != nil {
		return "", err
	}
	defer made.Close()
	offsets, err := made.FetchOffsets(ctx, group)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return "", err
	}
	var found []string
	for at := range partitions {
		offset, known := offsets.Lookup(topic, int32(at))
		if !known {
			offset.At = -1
		}
		found = append(found, strconv.FormatInt(offset.At, 10))
	}
	return strings.Join(found, " "), nil
}

func hexed(value []byte) string {
	if value == nil {
		return "null"
	}
	return fmt.Sprintf("x%x", value)
}
