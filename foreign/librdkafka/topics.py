"""Topics for the cases."""

import time
import uuid

from confluent_kafka.admin import AdminClient, NewTopic


def unique(word: str) -> str:
    return f"{word}-{uuid.uuid4().hex[:12]}"


def admin(bootstrap: str) -> AdminClient:
    return AdminClient({"bootstrap.servers": bootstrap})


def create(bootstrap: str, word: str, partitions: int, config: dict | None = None) -> str:
    """A new topic, as soon as every partition has a leader."""
    name = unique(f"librdkafka-{word}")
    made = admin(bootstrap)
    for future in made.create_topics([NewTopic(name, partitions, config=config or {})]).values():
        future.result(20)
    until_there(made, name, partitions)
    return name


def until_there(made: AdminClient, name: str, partitions: int):
    until = time.monotonic() + 20
    while True:
        topic = made.list_topics(name, timeout=10).topics[name]
        if len(topic.partitions) == partitions and all(at.leader >= 0 for at in topic.partitions.values()):
            return
        if time.monotonic() > until:
            raise AssertionError(f"{name} does not get {partitions} partitions with leaders: {topic.partitions}")
        time.sleep(0.05)
