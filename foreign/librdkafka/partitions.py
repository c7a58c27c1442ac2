"""Prints which partitions librdkafka chooses for keys: the vectors of ottla's partitioners.

    partitions.py KEYS

KEYS is a file of keys in hexadecimal, one a line. Every key is produced by every partitioner to topics
of several sizes on librdkafka's own mock cluster; where it went is what the delivery report says. A key
that went to more than one partition is drawn at random: a `*`. The last line is for the null key.
"""

import sys

import confluent_kafka
from confluent_kafka import Producer

from mock_cluster import Cluster

COUNTS = [1, 4, 7, 12, 1000]
PARTITIONERS = ["consistent", "consistent_random", "murmur2", "murmur2_random", "fnv1a", "fnv1a_random"]
# As often as makes it sure enough that what is random shows.
TIMES = 12


def chosen(bootstrap: str, partitioner: str, topic: str, keys: list[bytes | None]) -> list[set[int]]:
    settings = {"bootstrap.servers": bootstrap, "partitioner": partitioner, "log_level": 3}
    # Else it would keep records without a key together for a while (KIP-480).
    producer = Producer({**settings, "sticky.partitioning.linger.ms": 0})
    places = [set() for _ in keys]
    for place, key in zip(places, keys):
        for _ in range(TIMES):
            producer.produce(topic, b"", key, on_delivery=lambda error, at, place=place: place.add(at.partition()))
    producer.flush(30)
    return places


def main():
    with open(sys.argv[1], encoding="ascii") as file:
        keys = [bytes.fromhex(line) for line in file.read().split("\n")[:-1]] + [None]
    cluster = Cluster(1)
    for count in COUNTS:
        if (answer := cluster.obey(["topic", f"in{count}", str(count)])) != "ok":
            raise SystemExit(answer)
    print("#", confluent_kafka.libversion()[0], "counts", *COUNTS)
    for partitioner in PARTITIONERS:
        columns = [chosen(cluster.bootstrap, partitioner, f"in{count}", keys) for count in COUNTS]
        for key, places in zip(keys, zip(*columns)):
            written = ["*" if len(place) > 1 else str(*place) for place in places]
            print(partitioner, "null" if key is None else "x" + key.hex(), *written)


if __name__ == "__main__":
    main()
