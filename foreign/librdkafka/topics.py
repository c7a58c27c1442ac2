"""Topics for the cases."""

import time
import uuid

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec


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
    """Metadata name a leader before that broker knows that it is one, so the leaders are asked too."""
    until = time.monotonic() + 20
    refusal = None
    while True:
        topic = made.list_topics(name, timeout=10).topics[name]
        if len(topic.partitions) == partitions and all(at.leader >= 0 for at in topic.partitions.values()):
            asked = {TopicPartition(name, at): OffsetSpec.latest() for at in range(partitions)}
            try:
                for future in made.list_offsets(asked, request_timeout=10).values():
                    future.result(10)
                return
            except KafkaException as refused:
                refusal = refused
        if time.monotonic() > until:
            raise AssertionError(f"{name} does not get {partitions} partitions with leaders: {topic.partitions}, {refusal}")
        time.sleep(0.05)
