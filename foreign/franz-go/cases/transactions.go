package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"ottla.foreign/records"
)

// transacting: transactions that commit and abort, with offsets, a fenced zombie, and who reads what.
func transacting() []testCase {
	return []testCase{
		{"transaction-commit-abort", 40 * time.Second, commitAndAbort},
		{"transaction-open", 40 * time.Second, openTransaction},
		{"transaction-offsets", 60 * time.Second, transactionOffsets},
		{"transaction-zombie", 60 * time.Second, zombie},
	}
}

const transactionPartitions = 3

func commitAndAbort(ctx context.Context, bootstrap []string) (string, error) {
	topic, err := create(ctx, bootstrap, "txn", transactionPartitions, nil)
	if err != nil {
		return "", err
	}
	made, err := transactional(bootstrap, unique("franz-go-txn"))
	if err != nil {
		return "", err
	}
	defer made.Close()
	for round := range 6 {
		err := errors.Join(
			made.BeginTransaction(),
			send(ctx, made, topic, round*100, round*100+100),
			made.EndTransaction(ctx, kgo.TransactionEndTry(round%2 == 0)),
		)
		if err != nil {
			return "", err
		}
	}
	said := "3 committed and 3 aborted transactions of 100 records in 3 partitions"
	return said, errors.Join(
		expectValues(ctx, bootstrap, topic, kgo.ReadUncommitted(), 600, func(int) bool { return true }),
		expectValues(ctx, bootstrap, topic, kgo.ReadCommitted(), 600, func(n int) bool { return n/100%2 == 0 }),
	)
}

// openTransaction: what is behind the begin of one is not to be seen by who reads what is committed.
func openTransaction(ctx context.Context, bootstrap []string) (string, error) {
	topic, err := create(ctx, bootstrap, "open", transactionPartitions, nil)
	if err != nil {
		return "", err
	}
	plain, err := records.Producer(bootstrap)
	if err != nil {
		return "", err
	}
	defer plain.Close()
	made, err := transactional(bootstrap, unique("franz-go-open"))
	if err != nil {
		return "", err
	}
	defer made.Close()
	all := func(int) bool { return true }
	err = errors.Join(
		send(ctx, plain, topic, 0, 30),
		made.BeginTransaction(),
		send(ctx, made, topic, 30, 60),
		send(ctx, plain, topic, 60, 90),
		expectValues(ctx, bootstrap, topic, kgo.ReadCommitted(), 30, all),
		expectValues(ctx, bootstrap, topic, kgo.ReadUncommitted(), 90, all),
		made.EndTransaction(ctx, kgo.TryCommit),
		expectValues(ctx, bootstrap, topic, kgo.ReadCommitted(), 90, all),
	)
	return "the last stable offset stays before an open transaction, and moves with its end", err
}

// transactionOffsets: read, process, write; the offsets are committed with the output or not at all.
func transactionOffsets(ctx context.Context, bootstrap []string) (string, error) {
	source, err := create(ctx, bootstrap, "txn-in", transactionPartitions, nil)
	if err != nil {
		return "", err
	}
	target, err := create(ctx, bootstrap, "txn-out", transactionPartitions, nil)
	if err != nil {
		return "", err
	}
	plain, err := records.Producer(bootstrap)
	if err != nil {
		return "", err
	}
	defer plain.Close()
	if err := send(ctx, plain, source, 0, 90); err != nil {
		return "", err
	}
	group := unique("franz-go-txn-group")
	session, err := kgo.NewGroupTransactSession(
		kgo.SeedBrokers(bootstrap...),
		kgo.TransactionalID(unique("franz-go-copy")),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.FetchMaxWait(100*time.Millisecond),
		kgo.ConsumerGroup(group),
		kgo.ConsumeTopics(source),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
	)
	if err != nil {
		return "", err
	}
	defer session.Close()
	// What is aborted is read again: the session goes back to what is committed.
	aborted, _, err := copyRecords(ctx, session, target, 60, kgo.TryAbort)
	if err != nil {
		return "", err
	}
	none, err := committedOffsets(ctx, bootstrap, group, source)
	if err != nil {
		return "", err
	}
	copied, ends, err := copyRecords(ctx, session, target, 90, kgo.TryCommit)
	if err != nil {
		return "", err
	}
	// The coordinator learns of the end after the producer.
	done := none
	for until := time.Now().Add(10 * time.Second); !slices.Equal(done, ends) && time.Now().Before(until); {
		if done, err = committedOffsets(ctx, bootstrap, group, source); err != nil {
			return "", err
		}
	}
	uncommitted, err := records.ReadAll(ctx, bootstrap, target, transactionPartitions, kgo.ReadUncommitted())
	if err != nil {
		return "", err
	}
	everything := 0
	for _, part := range uncommitted {
		everything += len(part)
	}
	return "offsets sent to an aborted and to a committed transaction", errors.Join(
		equal("committed by an aborted one", none, []int64{-1, -1, -1}),
		equal("committed", done, ends),
		equal("copied at last", copied, 90),
		equal("with what was aborted", everything, 90+aborted),
		expectValues(ctx, bootstrap, target, kgo.ReadCommitted(), 90, func(int) bool { return true }),
	)
}

// copyRecords copies at least so many records in a transaction; the session adds the offsets.
func copyRecords(
	ctx context.Context, session *kgo.GroupTransactSession, target string, count int, end kgo.TransactionEndTry,
) (int, []int64, error) {
	if err := session.Begin(); err != nil {
		return 0, nil, err
	}
	copied, ends := 0, make([]int64, transactionPartitions)
	for copied < count {
		fetches := session.PollRecords(ctx, 50)
		if err := fetches.Err(); err != nil {
			return 0, nil, fmt.Errorf("%d of %d came: %w", copied, count, err)
		}
		fetches.EachRecord(func(record *kgo.Record) {
			copied++
			ends[record.Partition] = record.Offset + 1
			to := &kgo.Record{Topic: target, Partition: record.Partition, Value: record.Value}
			session.Produce(ctx, to, nil)
		})
	}
	// An abort drops what is not yet sent.
	if err := session.Client().Flush(ctx); err != nil {
		return 0, nil, err
	}
	committed, err := session.End(ctx, end)
	if err == nil && committed != bool(end) {
		err = fmt.Errorf("it was to be %v, it is %v", end, committed)
	}
	return copied, ends, err
}

func committedOffsets(ctx context.Context, bootstrap []string, group, topic string) ([]int64, error) {
	made, err := admin(bootstrap)
	if err != nil {
		return nil, err
	}
	defer made.Close()
	offsets, err := made.FetchOffsets(ctx, group)
	if err != nil {
		return nil, err
	}
	found := make([]int64, transactionPartitions)
	for at := range found {
		found[at] = -1
		if one, known := offsets.Lookup(topic, int32(at)); known {
			found[at] = one.At
		}
	}
	return found, nil
}

// zombie: of two producers with one transactional id the older one can do nothing any more.
func zombie(ctx context.Context, bootstrap []string) (string, error) {
	topic, err := create(ctx, bootstrap, "zombie", transactionPartitions, nil)
	if err != nil {
		return "", err
	}
	name := unique("franz-go-zombie")
	older, err := transactional(bootstrap, name)
	if err != nil {
		return "", err
	}
	defer older.Close()
	if err := errors.Join(older.BeginTransaction(), send(ctx, older, topic, 0, 30)); err != nil {
		return "", err
	}
	newer, err := transactional(bootstrap, name)
	if err != nil {
		return "", err
	}
	defer newer.Close()
	// Its first transaction is what takes the id over.
	if err := errors.Join(newer.BeginTransaction(), send(ctx, newer, topic, 30, 60)); err != nil {
		return "", err
	}
	reason := older.EndTransaction(ctx, kgo.TryCommit)
	if !errors.Is(reason, kerr.ProducerFenced) && !errors.Is(reason, kerr.InvalidProducerEpoch) {
		return "", fmt.Errorf("the older one is not fenced, its commit ended with %v", reason)
	}
	return "the older one: " + reason.Error(), errors.Join(
		expectValues(ctx, bootstrap, topic, kgo.ReadCommitted(), 0, nil),
		newer.EndTransaction(ctx, kgo.TryCommit),
		expectValues(ctx, bootstrap, topic, kgo.ReadCommitted(), 60, func(n int) bool { return n >= 30 }),
	)
}

func transactional(bootstrap []string, name string) (*kgo.Client, error) {
	return records.Producer(bootstrap, kgo.TransactionalID(name), kgo.TransactionTimeout(30*time.Second))
}

func send(ctx context.Context, made *kgo.Client, topic string, from, to int) error {
	var all []*kgo.Record
	for number := from; number < to; number++ {
		value := []byte(strconv.Itoa(number))
		all = append(all, &kgo.Record{Topic: topic, Partition: int32(number % transactionPartitions), Value: value})
	}
	return made.ProduceSync(ctx, all...).FirstErr()
}

// expectValues compares what is read with the wanted ones of the numbers up to an end.
func expectValues(
	ctx context.Context, bootstrap []string, topic string, level kgo.IsolationLevel, end int, wanted func(int) bool,
) error {
	found, err := records.ReadAll(ctx, bootstrap, topic, transactionPartitions, level)
	if err != nil {
		return err
	}
	for at, part := range found {
		var values, expected []int
		for _, record := range part {
			value, err := strconv.Atoi(string(record.Value))
			if err != nil {
				return err
			}
			values = append(values, value)
		}
		for number := at; number < end; number += transactionPartitions {
			if wanted(number) {
				expected = append(expected, number)
			}
		}
		if err := equal(fmt.Sprintf("partition %d up to %d", at, end), values, expected); err != nil {
			return err
		}
	}
	return nil
}
