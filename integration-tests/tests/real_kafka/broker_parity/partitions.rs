//! Idempotent producers, positions in a log, and its administration.

use ottla::protocol::api::*;

use super::{
    peer::timestamp,
    subject::{Subject, Who},
};

impl Subject {
    async fn epoch_end(&mut self, current: i32, wanted: i32) {
        let partition = OffsetForLeaderPartition {
            partition: 0,
            current_leader_epoch: current,
            leader_epoch: wanted,
        };
        let request = OffsetForLeaderEpochRequest {
            replica_id: -1,
            topics: vec![OffsetForLeaderTopic {
                topic: self.topic.clone(),
                partitions: vec![partition],
            }],
        };
        let answer = self.peer.ask(4, &request).await;
        let it = &answer.topics[0].partitions[0];
        let found = format!("{} {} {}", it.error_code, it.leader_epoch, it.end_offset);
        self.note(&format!("end of epoch {wanted} at {current}"), found);
    }

    async fn delete_records(&mut self, partition_index: i32, offset: i64) {
        let request = DeleteRecordsRequest {
            topics: vec![DeleteRecordsTopic {
                name: self.topic.clone(),
                partitions: vec![DeleteRecordsPartition { partition_index, offset }],
            }],
            timeout_ms: 10_000,
        };
        let answer = self.peer.ask(2, &request).await;
        let it = &answer.topics[0].partitions[0];
        let found = format!("{} {}", it.error_code, it.low_watermark);
        self.note(&format!("delete up to {offset}"), found);
    }

    async fn grow(&mut self, topic: &str, count: i32) {
        let request = CreatePartitionsRequest {
            topics: vec![CreatePartitionsTopic {
                name: topic.to_owned(),
                count,
                assignments: None,
            }],
            timeout_ms: 10_000,
            validate_only: false,
        };
        let answer = self.peer.ask(3, &request).await;
        self.note(&format!("grow to {count}"), answer.results[0].error_code);
    }

    async fn describe_config(&mut self, resource_type: i8, name: &str) {
        let request = DescribeConfigsRequest {
            resources: vec![DescribeConfigsResource {
                resource_type,
                resource_name: name.to_owned(),
                configuration_keys: Some(vec!["message.timestamp.type".to_owned()]),
            }],
            ..Default::default()
        };
        let answer = self.peer.ask(4, &request).await;
        let it = &answer.results[0];
        let configs: Vec<_> = it.configs.iter().map(|it| (&it.name, &it.value)).collect();
        let found = format!("{} {configs:?}", it.error_code);
        self.note(&format!("config of {resource_type}"), found);
    }
}

pub(super) async fn idempotence(s: &mut Subject) {
    let me = Who { id: 77_000, epoch: 3 };
    s.produce_plain(me, 5).await;
    s.produce_plain(me, 5).await;
    s.produce_plain(me, 8).await;
    s.produce_plain(me, 6).await;
    s.produce_plain(me, 7).await;
    s.produce_plain(me.epoch(-1), 9).await;
    s.produce_plain(me.epoch(-1), 5).await;
    s.produce_plain(me.epoch(1), 9).await;
    s.produce_plain(me.epoch(1), 0).await;
    s.produce_plain(me, 7).await;
    for first in 1..7 {
        s.produce_plain(me.epoch(1), first * 2).await;
    }
    s.produce_plain(me.epoch(1), 4).await;
    s.produce_plain(me.epoch(1), 0).await;
    s.fetch(0).await;
}

pub(super) async fn positions(s: &mut Subject) {
    s.produce_plain(Who { id: -1, epoch: -1 }, -1).await;
    s.produce_plain(Who { id: -1, epoch: -1 }, -1).await;
    for special in [-1, -2, -3, -4, -5, -6, -7] {
        s.list_offsets(special, -1).await;
    }
    for (name, after) in [("first", 0), ("none", 1)] {
        let found = s.list_offsets_of(0, timestamp() + after, -1, 0).await;
        s.note(name, format!("{found:?}"));
    }
    for epoch in [0, 1, 5] {
        s.list_offsets(-1, epoch).await;
    }
    s.fetch(4).await;
    s.fetch(5).await;
    for (current, wanted) in [(-1, 0), (0, 0), (-1, 1), (-1, -1), (1, 0), (0, 5)] {
        s.epoch_end(current, wanted).await;
    }
}

pub(super) async fn deleted_records(s: &mut Subject) {
    for _ in 0..3 {
        s.produce_plain(Who { id: -1, epoch: -1 }, -1).await;
    }
    s.delete_records(0, 2).await;
    s.delete_records(0, 1).await;
    s.delete_records(0, 7).await;
    s.delete_records(0, -2).await;
    s.delete_records(7, 0).await;
    s.fetch(1).await;
    s.fetch(2).await;
    s.list_offsets(-2, -1).await;
    s.delete_records(0, -1).await;
    s.fetch(6).await;
    s.epoch_end(-1, 0).await;
    let me = s.init().await;
    s.add(3, me, 0).await;
    s.produce(9, me, 0).await;
    s.produce(9, me, 2).await;
    s.delete_records(0, 8).await;
    s.fetch(8).await;
    s.list_offsets(-1, -1).await;
    s.end_txn(3, me, false).await;
    s.settle().await;
    s.fetch(8).await;
}

pub(super) async fn topics(s: &mut Subject) {
    let topic = s.topic.clone();
    s.grow("no-such-topic", 3).await;
    s.grow(&topic, 1).await;
    s.grow(&topic, 2).await;
    s.grow(&topic, 3).await;
    s.describe_config(2, &topic).await;
    s.describe_config(2, "no-such-topic").await;
    s.describe_config(4, "100000").await;
    s.describe_config(77, "x").await;
}
