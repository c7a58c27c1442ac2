"""Consume with assign: positions, seeks, timestamps."""

import time

from confluent_kafka import OFFSET_END, KafkaException, TopicPartition

import records
import topics

PARTITIONS = 3
EACH = 100


def next_offset(made) -> int:
    """The offset of the next record that comes."""
    until = time.monotonic() + 15
    while time.monotonic() < until:
        message = made.poll(0.2)
        if message is None:
            continue
        if message.error() is None:
            return message.offset()
        if message.error().name() != "_PARTITION_EOF":
            raise KafkaException(message.error())
    raise AssertionError("nothing came for 15 s")


def expect(what: str, actual, expected):
    if actual != expected:
        raise AssertionError(f"{what}: {actual!r}, not {expected!r}")


def seeks(bootstrap: str) -> str:
    topic = topics.create(bootstrap, "seek", PARTITIONS)
    # Partition p gets the numbers p, p + 3, ...: the record at offset o is of the time 3 o + p.
    records.produce(records.producer(bootstrap), topic, PARTITIONS, range(EACH * PARTITIONS))
    made = records.reader(bootstrap)
    try:
        for at in range(PARTITIONS):
            expect("watermarks", made.get_watermark_offsets(TopicPartition(topic, at), 10), (0, EACH))
        made.assign([TopicPartition(topic, 1, 40)])
        expect("assigned at 40", next_offset(made), 40)
        expect("then", next_offset(made), 41)
        made.seek(TopicPartition(topic, 1, 10))
        expect("back to 10", next_offset(made), 10)
        made.seek(TopicPartition(topic, 1, 99))
        expect("ahead to 99", next_offset(made), 99)
        position = made.position([TopicPartition(topic, 1)])[0].offset
        expect("position", position, EACH)

        # Between the records 49 (time 148) and 50 (time 151); before all; after all.
        asked = [(0, 0), (1, 150), (2, 100_000)]
        times = [TopicPartition(topic, at, records.BASE_TIME + time) for at, time in asked]
        answers = [answer.offset for answer in made.offsets_for_times(times, 10)]
        expect("offsets of times", answers, [0, 50, OFFSET_END])
        made.seek(TopicPartition(topic, 1, answers[1]))
        expect("at a time", next_offset(made), 50)

        made.assign([TopicPartition(topic, 0, 90), TopicPartition(topic, 2, 95)])
        found = records.read_to_ends(ended_by(made, topic), PARTITIONS)
        offsets = [[record.offset for record in part] for part in found]
        expect("tails", offsets, [list(range(90, 100)), list(range(97, 100)), list(range(95, 100))])
        made.assign([TopicPartition(topic, 1, OFFSET_END)])
        expect("at the end", made.poll(0.5).error().name(), "_PARTITION_EOF")
    finally:
        made.close()
    return "positions, seeks both ways, times before, between and after records"


def ended_by(made, topic: str):
    """Adds a partition to what is assigned, while reading."""
    made.incremental_assign([TopicPartition(topic, 1, 97)])
    return made


def beyond(bootstrap: str) -> str:
    """An offset that does not exist: an error, or a start where the policy says."""
    topic = topics.create(bootstrap, "beyond", 1)
    records.produce(records.producer(bootstrap), topic, 1, range(10))
    made = records.reader(bootstrap, **{"auto.offset.reset": "earliest"})
    try:
        made.assign([TopicPartition(topic, 0, 5000)])
        expect("reset", next_offset(made), 0)
    finally:
        made.close()
    made = records.reader(bootstrap)
    try:
        made.assign([TopicPartition(topic, 0, 5000)])
        until = time.monotonic() + 15
        while time.monotonic() < until:
            message = made.poll(0.2)
            if message is not None:
                expect("error", message.error().name(), "_AUTO_OFFSET_RESET")
                return "reset to the earliest, and an error where no reset is wanted"
        raise AssertionError("no error for an offset that does not exist")
    finally:
        made.close()


CASES = {"assign-seek-times": (seeks, 30), "offset-out-of-range": (beyond, 40)}
