"""What an administrator asks for: topics, partitions, configuration, records, groups."""

import time

from confluent_kafka import OFFSET_END, ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import ConfigResource, NewPartitions, NewTopic, OffsetSpec, ResourceType

import records
import topics
from seeking import expect


def results(futures: dict) -> dict:
    return {what: future.result(20) for what, future in futures.items()}


def change_topics(bootstrap: str) -> str:
    made = topics.admin(bootstrap)
    name = topics.create(bootstrap, "admin", 2)
    try:
        results(made.create_topics([NewTopic(name, 2)]))
        raise AssertionError("it was created twice")
    except KafkaException as refused:
        expect("created twice", refused.args[0].name(), "TOPIC_ALREADY_EXISTS")
    results(made.create_partitions([NewPartitions(name, 5)]))
    topics.until_there(made, name, 5)
    try:
        results(made.create_partitions([NewPartitions(name, 3)]))
        raise AssertionError("it has fewer partitions now")
    except KafkaException as refused:
        expect("fewer partitions", refused.args[0].name(), "INVALID_PARTITIONS")
    places = records.produce(records.producer(bootstrap), name, 5, range(500))
    records.check(places, records.read_all(bootstrap, name, 5))
    results(made.delete_topics([name]))
    until = time.monotonic() + 20
    while name in made.list_topics(timeout=10).topics:
        if time.monotonic() > until:
            raise AssertionError("it is still there")
        time.sleep(0.05)
    return "created, not twice, from 2 to 5 partitions, not back, written to, deleted"


def describe_cluster(bootstrap: str) -> str:
    made = topics.admin(bootstrap)
    answer = made.describe_cluster().result(20)
    expect("nodes", len(answer.nodes), len(bootstrap.split(",")))
    if answer.controller.id not in [node.id for node in answer.nodes]:
        raise AssertionError(f"the controller is {answer.controller.id}")
    addresses = {f"{node.host}:{node.port}" for node in answer.nodes}
    expect("addresses", addresses, set(bootstrap.split(",")))
    return f"{len(answer.nodes)} node(s)"


def describe_config(bootstrap: str) -> str:
    made = topics.admin(bootstrap)
    setting = "message.timestamp.type"
    name = topics.create(bootstrap, "config", 1, {setting: "LogAppendTime"})
    (config,) = results(made.describe_configs([ConfigResource(ResourceType.TOPIC, name)])).values()
    expect(setting, config[setting].value, "LogAppendTime")
    expect("is it a default", config[setting].is_default, False)
    records.produce(records.producer(bootstrap), name, 1, range(1))
    ((record,),) = records.read_all(bootstrap, name, 1)
    if record.timestamp == records.BASE_TIME:
        raise AssertionError("the record has the time of its producer")
    return f"{len(config)} settings of a topic"


def delete_records(bootstrap: str) -> str:
    made = topics.admin(bootstrap)
    name = topics.create(bootstrap, "records", 1)
    at = TopicPartition(name, 0)
    records.produce(records.producer(bootstrap), name, 1, range(100))
    (answer,) = results(made.delete_records([TopicPartition(name, 0, 40)])).values()
    expect("low watermark", answer.low_watermark, 40)
    (earliest,) = results(made.list_offsets({at: OffsetSpec.earliest()})).values()
    expect("earliest", earliest.offset, 40)
    (found,) = records.read_all(bootstrap, name, 1)
    expect("what is left", [record.offset for record in found], list(range(40, 100)))
    results(made.delete_records([TopicPartition(name, 0, OFFSET_END)]))
    expect("nothing is left", records.read_all(bootstrap, name, 1), [[]])
    return "up to an offset, and all"


def manage_groups(bootstrap: str) -> str:
    made = topics.admin(bootstrap)
    name, group = topics.create(bootstrap, "groups", 2), topics.unique("librdkafka-admin")
    records.produce(records.producer(bootstrap), name, 2, range(20))
    member = records.reader(bootstrap, **{"group.id": group, "client.id": "described", "auto.offset.reset": "earliest"})
    member.subscribe([name])
    until = time.monotonic() + 20
    while len(member.assignment()) < 2:
        if time.monotonic() > until:
            raise AssertionError("it gets no partitions")
        member.poll(0.1)
    member.commit(offsets=[TopicPartition(name, 0, 7), TopicPartition(name, 1, 9)], asynchronous=False)
    listed = made.list_consumer_groups().result(20)
    expect("listed", group in [one.group_id for one in listed.valid], True)
    (described,) = results(made.describe_consumer_groups([group])).values()
    expect("members", [one.client_id for one in described.members], ["described"])
    assigned = sorted(at.partition for at in described.members[0].assignment.topic_partitions)
    expect("assigned", assigned, [0, 1])
    (answer,) = results(made.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])).values()
    offsets = sorted((at.partition, at.offset) for at in answer.topic_partitions)
    expect("offsets", offsets, [(0, 7), (1, 9)])
    try:
        results(made.delete_consumer_groups([group]))
        raise AssertionError("a group with a member was deleted")
    except KafkaException as refused:
        expect("with a member", refused.args[0].name(), "NON_EMPTY_GROUP")
    member.close()
    results(made.delete_consumer_groups([group]))
    listed = made.list_consumer_groups().result(20)
    expect("listed after", group in [one.group_id for one in listed.valid], False)
    return "listed, described, its offsets, deleted when it was empty"


CASES = {
    "admin-topics": (change_topics, 40),
    "admin-cluster": (describe_cluster, 20),
    "admin-config": (describe_config, 20),
    "admin-records": (delete_records, 40),
    "admin-groups": (manage_groups, 40),
}
