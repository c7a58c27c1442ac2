"""Transactions: committed and aborted ones, offsets in them, a fenced zombie, and who reads what."""

import time

from confluent_kafka import OFFSET_BEGINNING, KafkaException, TopicPartition

import records
import topics
from seeking import expect

PARTITIONS = 3


def transactional(bootstrap: str, name: str):
    made = records.producer(bootstrap, **{"transactional.id": name, "transaction.timeout.ms": 30_000})
    made.init_transactions(20)
    return made


def send(made, topic: str, numbers: range):
    for number in numbers:
        made.produce(topic, partition=number % PARTITIONS, value=b"%d" % number)
    if made.flush(20):
        raise AssertionError("not all is written")


def values(bootstrap: str, topic: str, isolation: str) -> list[list[int]]:
    found = records.read_all(bootstrap, topic, PARTITIONS, **{"isolation.level": isolation})
    return [[int(record.value) for record in part] for part in found]


def part_of(numbers) -> list[list[int]]:
    return [[number for number in numbers if number % PARTITIONS == at] for at in range(PARTITIONS)]


def commit_and_abort(bootstrap: str) -> str:
    topic = topics.create(bootstrap, "txn", PARTITIONS)
    made = transactional(bootstrap, topics.unique("librdkafka-txn"))
    for round in range(6):
        made.begin_transaction()
        send(made, topic, range(round * 100, round * 100 + 100))
        if round % 2 == 0:
            made.commit_transaction(20)
        else:
            made.abort_transaction(20)
    everything = list(range(600))
    expect("read uncommitted", values(bootstrap, topic, "read_uncommitted"), part_of(everything))
    committed = [number for number in everything if number // 100 % 2 == 0]
    expect("read committed", values(bootstrap, topic, "read_committed"), part_of(committed))
    return "3 committed and 3 aborted transactions of 100 records in 3 partitions"


def open_transaction(bootstrap: str) -> str:
    """What is behind the begin of an open transaction is not to be seen by who reads what is committed."""
    topic = topics.create(bootstrap, "open", PARTITIONS)
    records_before = records.producer(bootstrap)
    send(records_before, topic, range(30))
    made = transactional(bootstrap, topics.unique("librdkafka-open"))
    made.begin_transaction()
    send(made, topic, range(30, 60))
    send(records_before, topic, range(60, 90))
    expect("before", values(bootstrap, topic, "read_committed"), part_of(range(30)))
    expect("uncommitted", values(bootstrap, topic, "read_uncommitted"), part_of(range(90)))
    made.commit_transaction(20)
    expect("after", values(bootstrap, topic, "read_committed"), part_of(range(90)))
    return "the last stable offset stays before an open transaction, and moves with its end"


def offsets(bootstrap: str) -> str:
    """Read, process, write: the offsets are committed with the output or not at all."""
    source = topics.create(bootstrap, "txn-in", PARTITIONS)
    target = topics.create(bootstrap, "txn-out", PARTITIONS)
    group = topics.unique("librdkafka-txn-group")
    send(records.producer(bootstrap), source, range(90))
    made = transactional(bootstrap, topics.unique("librdkafka-copy"))
    reader = records.reader(bootstrap, **{"group.id": group, "isolation.level": "read_committed"})
    try:
        aborted = copy(reader, made, source, target, 60)
        made.abort_transaction(20)
        expect("committed by an aborted one", committed(reader, source), [-1001] * PARTITIONS)
        positions = copy(reader, made, source, target, 90)
        made.commit_transaction(20)
        expect("committed", committed(reader, source), positions)
    finally:
        reader.close()
    expect("output", values(bootstrap, target, "read_committed"), part_of(range(90)))
    everything = sum(len(part) for part in values(bootstrap, target, "read_uncommitted"))
    expect("with what was aborted", everything, 90 + sum(aborted))
    return "offsets sent to an aborted and to a committed transaction"


def copy(reader, made, source: str, target: str, count: int) -> list[int]:
    """Copies at least so many records in a transaction and sends the offsets to it."""
    made.begin_transaction()
    reader.assign([TopicPartition(source, at, OFFSET_BEGINNING) for at in range(PARTITIONS)])
    next_offsets = [0] * PARTITIONS
    until = time.monotonic() + 20
    while sum(next_offsets) < count:
        if time.monotonic() > until:
            raise AssertionError(f"{next_offsets} of {count} came")
        for message in reader.consume(50, 0.2):
            if message.error() is None:
                made.produce(target, partition=message.partition(), value=message.value())
                next_offsets[message.partition()] = message.offset() + 1
    # An abort drops what is not yet sent.
    if made.flush(20):
        raise AssertionError("not all is written")
    done = [TopicPartition(source, at, offset) for at, offset in enumerate(next_offsets)]
    made.send_offsets_to_transaction(done, reader.consumer_group_metadata(), 20)
    return next_offsets


def committed(reader, topic: str) -> list[int]:
    return [at.offset for at in reader.committed([TopicPartition(topic, at) for at in range(PARTITIONS)], 10)]


def zombie(bootstrap: str) -> str:
    """Of two producers with one transactional id the older one can do nothing any more."""
    topic = topics.create(bootstrap, "zombie", PARTITIONS)
    name = topics.unique("librdkafka-zombie")
    older = transactional(bootstrap, name)
    older.begin_transaction()
    send(older, topic, range(30))
    newer = transactional(bootstrap, name)
    try:
        older.commit_transaction(20)
        raise AssertionError("the older one could commit")
    except KafkaException as refused:
        if not refused.args[0].fatal():
            raise
        reason = refused.args[0].name()
    expect("its records", values(bootstrap, topic, "read_committed"), part_of([]))
    newer.begin_transaction()
    send(newer, topic, range(30, 60))
    newer.commit_transaction(20)
    expect("the newer one's", values(bootstrap, topic, "read_committed"), part_of(range(30, 60)))
    return f"the older one: {reason}"


CASES = {
    "transaction-commit-abort": (commit_and_abort, 40),
    "transaction-open": (open_transaction, 40),
    "transaction-offsets": (offsets, 60),
    "transaction-zombie": (zombie, 60),
}
