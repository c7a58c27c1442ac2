"""The records that the cases write, and reading them back."""

import time
from typing import NamedTuple

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer, TopicPartition

# 2023-11-14, so that no clock of a broker can be taken for it.
BASE_TIME = 1_700_000_000_000


class Read(NamedTuple):
    """A record as it stands in a partition."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list


def described(number: int) -> dict:
    """Record `number`: keys, values and headers that are null, empty, or several of one name."""
    value = b"%d:" % number + b"ottla " * (number % 40)
    if number % 11 == 0:
        value = b""
    if number % 13 == 0:
        value = None
    headers = []
    if number % 5 == 0:
        headers = [("twice", b"1"), ("null", None), ("twice", b""), ("number", b"%d" % number)]
    return {
        "key": None if number % 7 == 0 else b"key-%d" % (number % 97),
        "value": value,
        "headers": headers,
        "timestamp": BASE_TIME + number,
    }


def producer(bootstrap: str, **settings) -> Producer:
    return Producer(
        {
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "acks": "all",
            "linger.ms": 10,
            "message.timeout.ms": 30_000,
            **settings,
        }
    )


class Deliveries:
    """What the delivery reports say."""

    def __init__(self):
        self.errors = []
        self.count = 0

    def note(self, expected: dict, where: int, number: int):
        def report(error, message):
            self.count += 1
            if error is not None:
                self.errors.append(f"record {number}: {error}")
                return
            if message.partition() != where:
                self.errors.append(f"record {number} went to partition {message.partition()}")
            if message.offset() in expected:
                self.errors.append(f"offset {where}@{message.offset()} was reported twice")
            expected[message.offset()] = number

        return report


def produce(made: Producer, topic: str, partitions: int, numbers: range) -> list[dict[int, int]]:
    """Writes the records in turn to the partitions; what is returned is, for each partition, the
    numbers by the offsets that were reported."""
    places = [{} for _ in range(partitions)]
    deliveries = Deliveries()
    for number in numbers:
        at = number % partitions
        report = deliveries.note(places[at], at, number)
        while True:
            try:
                made.produce(topic, partition=at, on_delivery=report, **described(number))
                break
            except BufferError:
                made.poll(0.1)
        made.poll(0)
    left = made.flush(30)
    if left or deliveries.errors or deliveries.count != len(numbers):
        raise AssertionError(
            f"{left} not delivered, {deliveries.count} of {len(numbers)} reported, {deliveries.errors[:3]}"
        )
    return places


def reader(bootstrap: str, **settings) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "nobody",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            "check.crcs": True,
            "fetch.wait.max.ms": 100,
            **settings,
        }
    )


def read_all(bootstrap: str, topic: str, partitions: int, **settings) -> list[list[Read]]:
    """Everything in the topic, each partition up to its end."""
    made = reader(bootstrap, **settings)
    try:
        made.assign([TopicPartition(topic, at, OFFSET_BEGINNING) for at in range(partitions)])
        return read_to_ends(made, partitions)
    finally:
        made.close()


def read_to_ends(made: Consumer, partitions: int) -> list[list[Read]]:
    found = [[] for _ in range(partitions)]
    open_ones = set(range(partitions))
    last = time.monotonic()
    while open_ones:
        messages = made.consume(1000, 0.2)
        if messages:
            last = time.monotonic()
        elif time.monotonic() - last > 20:
            raise AssertionError(f"nothing came for 20 s; open are {sorted(open_ones)}")
        for message in messages:
            error = message.error()
            if error is None:
                found[message.partition()].append(as_read(message))
            elif error.code() == KafkaError._PARTITION_EOF:
                open_ones.discard(message.partition())
            else:
                raise KafkaException(error)
    return found


def as_read(message) -> Read:
    kind, timestamp = message.timestamp()
    return Read(message.offset(), timestamp, message.key(), message.value(), message.headers() or [])


def check(places: list[dict[int, int]], found: list[list[Read]]):
    """What is found is what was reported, in the order in which it was written."""
    for at, (reported, records) in enumerate(zip(places, found)):
        if len(records) != len(reported):
            raise AssertionError(f"partition {at}: {len(records)} records, {len(reported)} were reported")
        before = -1
        for record in records:
            number = reported.get(record.offset)
            if number is None:
                raise AssertionError(f"{at}@{record.offset} was never reported")
            if number <= before:
                raise AssertionError(f"{at}@{record.offset}: record {number} comes after {before}")
            before = number
            expected = described(number)
            actual = record._asdict()
            for field in ("key", "value", "headers", "timestamp"):
                if actual[field] != expected[field]:
                    raise AssertionError(
                        f"{at}@{record.offset}: {field} is {actual[field]!r}, not {expected[field]!r}"
                    )
