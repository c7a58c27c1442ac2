//! Classic groups, and who may do what in them.

use bytes::Bytes;
use ottla::protocol::{
    ErrorCode,
    api::*,
    consumer_protocol::{self, ConsumerProtocolSubscription},
};

use super::subject::Subject;

impl Subject {
    async fn join(
        &mut self,
        version: i16,
        member_id: &str,
        with: Joining<'_>,
    ) -> (ErrorCode, String) {
        let subscription =
            ConsumerProtocolSubscription { topics: vec![self.topic.clone()], ..Default::default() };
        let metadata = consumer_protocol::encode(&subscription, 0).unwrap();
        let request = JoinGroupRequest {
            group_id: self.group.clone(),
            session_timeout_ms: with.session_timeout_ms,
            rebalance_timeout_ms: 10_000,
            member_id: member_id.to_owned(),
            group_instance_id: with.instance.map(str::to_owned),
            protocol_type: with.protocol_type.to_owned(),
            protocols: vec![JoinGroupRequestProtocol { name: with.protocol.to_owned(), metadata }],
            ..Default::default()
        };
        let answer = self.peer.ask(version, &request).await;
        let found = format!(
            "{} generation {} protocol {:?} members {} leads {} named {}",
            answer.error_code,
            answer.generation_id,
            answer.protocol_name,
            answer.members.len(),
            answer.leader == answer.member_id,
            !answer.member_id.is_empty()
        );
        self.note(&format!("join v{version}"), found);
        (answer.error_code, answer.member_id)
    }

    async fn sync(&mut self, generation_id: i32, member_id: &str) {
        let assignment = Bytes::from_static(b"\0\0\0\0\0\0\0\0\0\0");
        let request = SyncGroupRequest {
            group_id: self.group.clone(),
            generation_id,
            member_id: member_id.to_owned(),
            assignments: vec![SyncGroupRequestAssignment {
                member_id: member_id.to_owned(),
                assignment,
            }],
            ..Default::default()
        };
        let answer = self.peer.ask(3, &request).await;
        self.note("sync", format!("{} {:?}", answer.error_code, answer.assignment));
    }

    async fn heartbeat(&mut self, generation_id: i32, member_id: &str, instance: Option<&str>) {
        let request = HeartbeatRequest {
            group_id: self.group.clone(),
            generation_id,
            member_id: member_id.to_owned(),
            group_instance_id: instance.map(str::to_owned),
        };
        let answer = self.peer.ask(3, &request).await;
        self.note("heartbeat", answer.error_code);
    }

    async fn leave(&mut self, member_id: &str, instance: Option<&str>) {
        let member = MemberIdentity {
            member_id: member_id.to_owned(),
            group_instance_id: instance.map(str::to_owned),
            ..Default::default()
        };
        let request = LeaveGroupRequest {
            group_id: self.group.clone(),
            members: vec![member],
            ..Default::default()
        };
        let answer = self.peer.ask(4, &request).await;
        let members: Vec<ErrorCode> = answer.members.iter().map(|it| it.error_code).collect();
        self.note("leave", format!("{} {members:?}", answer.error_code));
    }

    async fn describe(&mut self, version: i16) {
        let groups = vec![self.group.clone()];
        let request = DescribeGroupsRequest { groups, ..Default::default() };
        let answer = self.peer.ask(version, &request).await.groups.swap_remove(0);
        let found = format!(
            "{} {:?} {:?} {:?} members {} of {:?}",
            answer.error_code,
            answer.group_state,
            answer.protocol_type,
            answer.protocol_data,
            answer.members.len(),
            answer.members.first().map(|it| it.member_metadata.len() + it.member_assignment.len())
        );
        self.note(&format!("describe v{version}"), found);
    }

    async fn list(&mut self, states: &[&str], types: &[&str]) {
        let own = |words: &[&str]| words.iter().map(|it| (*it).to_owned()).collect();
        let request = ListGroupsRequest { states_filter: own(states), types_filter: own(types) };
        let answer = self.peer.ask(5, &request).await;
        let mine = answer.groups.iter().find(|it| it.group_id == self.group);
        let mine = mine.map(|it| (&it.protocol_type, &it.group_state, &it.group_type));
        let found = format!("{} {mine:?}", answer.error_code);
        self.note(&format!("list {states:?} {types:?}"), found);
    }

    async fn delete_group(&mut self) {
        let groups_names = vec![self.group.clone()];
        let answer = self.peer.ask(2, &DeleteGroupsRequest { groups_names }).await;
        self.note("delete", answer.results[0].error_code);
    }

    async fn delete_offset(&mut self, topic: &str, partition_index: i32) {
        let request = OffsetDeleteRequest {
            group_id: self.group.clone(),
            topics: vec![OffsetDeleteRequestTopic {
                name: topic.to_owned(),
                partitions: vec![OffsetDeleteRequestPartition { partition_index }],
            }],
        };
        let answer = self.peer.ask(0, &request).await;
        let codes: Vec<ErrorCode> =
            answer.topics.iter().flat_map(|it| &it.partitions).map(|it| it.error_code).collect();
        self.note("delete offset", format!("{} {codes:?}", answer.error_code));
    }
}

#[derive(Clone, Copy)]
struct Joining<'a> {
    session_timeout_ms: i32,
    instance: Option<&'a str>,
    protocol_type: &'a str,
    protocol: &'a str,
}

const PLAIN: Joining<'_> = Joining {
    session_timeout_ms: 10_000,
    instance: None,
    protocol_type: "consumer",
    protocol: "range",
};

pub(super) async fn nobody_there(s: &mut Subject) {
    s.heartbeat(1, "nobody", None).await;
    s.sync(1, "nobody").await;
    s.leave("nobody", None).await;
    s.leave("", Some("nobody")).await;
    s.join(5, "nobody", PLAIN).await;
    s.describe(5).await;
    s.describe(6).await;
    s.list(&[], &[]).await;
    s.committed().await;
    s.delete_offset("no-such-topic", 0).await;
    s.delete_group().await;
    s.commit(8, 1, 3, "nobody").await;
    s.commit(9, 1, 3, "nobody").await;
    s.commit(8, 1, -1, "").await;
    s.commit(8, 1, -1, "nobody").await;
    s.commit(8, 1, 3, "nobody").await;
    s.describe(5).await;
    s.list(&["Empty"], &["classic"]).await;
    s.list(&["Stable"], &[]).await;
    let topic = s.topic.clone();
    s.delete_offset(&topic, 0).await;
    s.delete_offset(&topic, 0).await;
    s.delete_offset(&topic, 7).await;
    s.delete_offset("no-such-topic", 0).await;
    s.committed().await;
    s.delete_group().await;
    s.delete_group().await;
    s.describe(6).await;
}

pub(super) async fn a_member(s: &mut Subject) {
    let (_, me) = s.join(5, "", PLAIN).await;
    s.heartbeat(1, &me, None).await;
    s.join(5, &me, PLAIN).await;
    s.describe(5).await;
    s.heartbeat(1, &me, None).await;
    s.commit(8, 1, 1, &me).await;
    s.sync(2, &me).await;
    s.sync(1, "nobody").await;
    s.sync(1, &me).await;
    s.describe(5).await;
    s.list(&["stable"], &["CLASSIC"]).await;
    s.heartbeat(1, &me, None).await;
    s.heartbeat(2, &me, None).await;
    s.heartbeat(1, "nobody", None).await;
    s.commit(8, 1, 1, &me).await;
    s.commit(8, 2, 2, &me).await;
    s.commit(8, 3, 1, "nobody").await;
    s.commit(8, 4, -1, "").await;
    s.commit(8, 5, -1, &me).await;
    s.committed().await;
    let topic = s.topic.clone();
    s.delete_offset(&topic, 0).await;
    s.delete_offset(&topic, 1).await;
    s.delete_group().await;
    s.join(5, &me, PLAIN).await;
    s.join(5, &me, Joining { protocol: "other", ..PLAIN }).await;
    s.join(5, "", Joining { protocol: "third", ..PLAIN }).await;
    s.join(5, &me, Joining { protocol_type: "connect", ..PLAIN }).await;
    s.leave("nobody", None).await;
    s.leave(&me, None).await;
    s.heartbeat(1, &me, None).await;
    s.describe(5).await;
    s.list(&[], &[]).await;
    s.committed().await;
    s.delete_group().await;
}

pub(super) async fn a_static_member(s: &mut Subject) {
    let fixed = Joining { instance: Some("fixed"), ..PLAIN };
    let (_, first) = s.join(5, "", fixed).await;
    s.sync(1, &first).await;
    let (_, second) = s.join(5, "", fixed).await;
    s.heartbeat(1, &first, Some("fixed")).await;
    s.heartbeat(1, &second, Some("fixed")).await;
    s.heartbeat(1, &second, Some("other")).await;
    s.join(5, &first, fixed).await;
    s.leave(&first, Some("fixed")).await;
    s.leave("", Some("fixed")).await;
    s.describe(5).await;
}

pub(super) async fn joins_that_cannot_be(s: &mut Subject) {
    s.join(5, "", Joining { session_timeout_ms: 100, ..PLAIN }).await;
    s.join(5, "", Joining { session_timeout_ms: 2_000_000, ..PLAIN }).await;
    s.join(5, "", Joining { protocol_type: "", ..PLAIN }).await;
    let (code, me) = s.join(3, "", PLAIN).await;
    s.note("joined at once", code.is_ok());
    s.sync(1, &me).await;
    s.group = String::new();
    s.join(5, "", PLAIN).await;
    s.heartbeat(1, "nobody", None).await;
    s.commit(8, 1, -1, "").await;
    s.leave("nobody", None).await;
    s.delete_group().await;
}

pub(super) async fn offsets_in_transactions_of_members(s: &mut Subject) {
    let producer = s.init().await;
    s.add_offsets(producer).await;
    let (_, me) = s.join(5, "", PLAIN).await;
    s.join(5, &me, PLAIN).await;
    // Not refused while the group completes its rebalance.
    s.txn_commit(3, producer, (0, 4), (1, &me)).await;
    s.sync(1, &me).await;
    s.txn_commit(3, producer, (0, 5), (1, &me)).await;
    s.txn_commit(3, producer, (0, 6), (2, &me)).await;
    s.txn_commit(3, producer, (0, 7), (1, "nobody")).await;
    s.txn_commit(3, producer, (0, 8), (-1, "")).await;
    s.txn_commit(3, producer, (0, 9), (-1, &me)).await;
    s.end_txn(3, producer, true).await;
    s.settle().await;
    s.committed().await;
}
