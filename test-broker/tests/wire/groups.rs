use std::time::Duration;

use bytes::Bytes;
use ottla_protocol::ErrorCode;
use ottla_protocol::api::{
    FindCoordinatorRequest, HeartbeatRequest, JoinGroupRequest, JoinGroupRequestProtocol,
    JoinGroupResponse, LeaveGroupRequest, MemberIdentity, SyncGroupRequest,
    SyncGroupRequestAssignment,
};
use ottla_test_broker::{GroupPhase, TestCluster};

use crate::support::Peer;

pub(crate) fn join(member_id: &str) -> JoinGroupRequest {
    JoinGroupRequest {
        group_id: "g".to_owned(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 60_000,
        member_id: member_id.to_owned(),
        protocol_type: "consumer".to_owned(),
        protocols: vec![JoinGroupRequestProtocol {
            name: "range".to_owned(),
            metadata: Bytes::from_static(b"about me"),
        }],
        ..Default::default()
    }
}

pub(crate) fn sync(
    generation_id: i32,
    me: &str,
    assignments: &[(&str, &'static str)],
) -> SyncGroupRequest {
    let assignments = assignments.iter().map(|(id, what)| SyncGroupRequestAssignment {
        member_id: (*id).to_owned(),
        assignment: Bytes::from_static(what.as_bytes()),
    });
    SyncGroupRequest {
        group_id: "g".to_owned(),
        generation_id,
        member_id: me.to_owned(),
        assignments: assignments.collect(),
        ..Default::default()
    }
}

fn heartbeat(generation_id: i32, me: &str) -> HeartbeatRequest {
    HeartbeatRequest {
        group_id: "g".to_owned(),
        generation_id,
        member_id: me.to_owned(),
        ..Default::default()
    }
}

/// Joins as a client does: with the id it is given, if it must have one first.
async fn join_as_new(peer: &mut Peer, version: i16) -> JoinGroupResponse {
    let first = peer.ask(&join(""), version).await;
    if version < 4 {
        return first;
    }
    assert_eq!(first.error_code, ErrorCode::MEMBER_ID_REQUIRED);
    assert!(first.member_id.starts_with("test-"), "{}", first.member_id);
    peer.ask(&join(&first.member_id), version).await
}

#[tokio::test(start_paused = true)]
async fn every_version_joins_syncs_beats_and_leaves() {
    for version in 0..=9 {
        let cluster = TestCluster::builder().build();
        let mut peer = Peer::connect(&cluster, 0);
        let joined = join_as_new(&mut peer, version).await;
        assert_eq!((joined.error_code, joined.generation_id), (ErrorCode::NONE, 1), "{version}");
        let me = joined.member_id;
        assert_eq!(joined.leader, me);
        assert_eq!(joined.protocol_name.as_deref(), Some("range"));
        assert_eq!(joined.members[0].metadata, "about me");
        let synced = peer.ask(&sync(1, &me, &[(&me, "all")]), version.min(5)).await;
        assert_eq!((synced.error_code, &synced.assignment[..]), (ErrorCode::NONE, &b"all"[..]));
        let beat = peer.ask(&heartbeat(1, &me), version.min(4)).await;
        assert_eq!(beat.error_code, ErrorCode::NONE);
        let mut leave = LeaveGroupRequest { group_id: "g".to_owned(), ..Default::default() };
        if version < 3 {
            leave.member_id = me.clone();
        } else {
            leave.members = vec![MemberIdentity { member_id: me.clone(), ..Default::default() }];
        }
        let left = peer.ask(&leave, version.min(5)).await;
        assert_eq!(left.error_code, ErrorCode::NONE);
        assert!(left.members.iter().all(|member| member.error_code.is_ok()));
        let view = cluster.group("g").expect("it stays, empty");
        assert_eq!((view.phase, view.members.len()), (GroupPhase::Empty, 0));
        let again = peer.ask(&leave, version.min(5)).await;
        let error = again.members.first().map_or(again.error_code, |member| member.error_code);
        assert_eq!(error, ErrorCode::UNKNOWN_MEMBER_ID);
    }
}

#[tokio::test(start_paused = true)]
async fn two_members_share_a_group() {
    let cluster = TestCluster::builder().build();
    let (mut one, mut other) = (Peer::connect(&cluster, 0), Peer::connect(&cluster, 0));
    let first = join_as_new(&mut one, 9).await.member_id;
    one.ask(&sync(1, &first, &[(&first, "all")]), 5).await;
    let promised = other.ask(&join(""), 9).await.member_id;
    other.send(&join(&promised), 9).await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    let beat = one.ask(&heartbeat(1, &first), 4).await;
    assert_eq!(beat.error_code, ErrorCode::REBALANCE_IN_PROGRESS);
    let lead = one.ask(&join(&first), 9).await;
    let follow = other.receive::<JoinGroupRequest>(9).await.expect("an answer");
    assert_eq!((lead.generation_id, follow.generation_id), (2, 2));
    assert_eq!((lead.members.len(), follow.members.len()), (2, 0));
    other.send(&sync(2, &promised, &[]), 5).await;
    one.ask(&sync(2, &first, &[(&first, "a"), (&promised, "b")]), 5).await;
    let synced = other.receive::<SyncGroupRequest>(5).await.expect("an answer");
    assert_eq!(synced.assignment, "b");
    let view = cluster.group("g").expect("the group");
    assert_eq!((view.phase, view.generation), (GroupPhase::Stable, 2));
    assert_eq!(view.members.iter().map(|m| &m.assignment[..]).collect::<Vec<_>>(), [b"a", b"b"]);
}

/// Version 0 has no rebalance timeout: the session's takes its place.
#[tokio::test(start_paused = true)]
async fn the_oldest_version_waits_for_members_as_long_as_for_their_heartbeats() {
    let cluster = TestCluster::builder().build();
    let (mut one, mut other) = (Peer::connect(&cluster, 0), Peer::connect(&cluster, 0));
    let first = join_as_new(&mut one, 0).await.member_id;
    one.ask(&sync(1, &first, &[]), 0).await;
    other.send(&join(""), 0).await;
    assert!(!other.hears_within(9_000).await);
    assert!(other.hears_within(2_000).await);
}

#[tokio::test(start_paused = true)]
async fn a_join_holds_up_what_follows_on_its_connection() {
    let cluster = TestCluster::builder().build();
    let (mut one, mut other) = (Peer::connect(&cluster, 0), Peer::connect(&cluster, 0));
    let first = join_as_new(&mut one, 9).await.member_id;
    one.ask(&sync(1, &first, &[]), 5).await;
    let promised = other.ask(&join(""), 9).await.member_id;
    other.send(&join(&promised), 9).await;
    other.send(&heartbeat(1, &promised), 4).await;
    assert!(!other.hears_within(5_000).await);
    one.ask(&join(&first), 9).await;
    assert!(other.hears_within(1).await);
}

#[tokio::test(start_paused = true)]
async fn sessions_end_on_the_clock() {
    let cluster = TestCluster::builder().build();
    let mut peer = Peer::connect(&cluster, 0);
    let me = join_as_new(&mut peer, 9).await.member_id;
    peer.ask(&sync(1, &me, &[]), 5).await;
    tokio::time::sleep(Duration::from_millis(9_999)).await;
    assert_eq!(cluster.group("g").map(|view| view.members.len()), Some(1));
    tokio::time::sleep(Duration::from_millis(2)).await;
    assert_eq!(cluster.group("g").map(|view| view.phase), Some(GroupPhase::Empty));
    let beat = peer.ask(&heartbeat(1, &me), 4).await;
    assert_eq!(beat.error_code, ErrorCode::UNKNOWN_MEMBER_ID);
}

#[tokio::test(start_paused = true)]
async fn who_joins_and_is_never_heard_of_again_is_out() {
    let cluster = TestCluster::builder().build();
    let mut peer = Peer::connect(&cluster, 0);
    // Nothing but the join itself may set the timer.
    tokio::time::sleep(Duration::from_millis(1)).await;
    peer.ask(&join(""), 3).await;
    tokio::time::sleep(Duration::from_millis(10_001)).await;
    assert_eq!(cluster.groups(), ["g"]);
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(cluster.group("g").map(|view| view.members.len()), Some(0));
}

#[tokio::test(start_paused = true)]
async fn a_group_has_one_coordinator() {
    let cluster = TestCluster::builder().brokers(3).build();
    let mut peer = Peer::connect(&cluster, 0);
    let mut found = Vec::new();
    for version in 0..=6 {
        let mut request = FindCoordinatorRequest { key: "g".to_owned(), ..Default::default() };
        if version >= 4 {
            request.coordinator_keys = vec![std::mem::take(&mut request.key), "h".to_owned()];
        }
        let response = peer.ask(&request, version).await;
        let (error, node, host) = match response.coordinators.first() {
            Some(first) => (first.error_code, first.node_id, first.host.clone()),
            None => (response.error_code, response.node_id, response.host),
        };
        assert_eq!((error, host), (ErrorCode::NONE, format!("broker-{node}")));
        found.push(node);
    }
    let node = found[0];
    assert_eq!(found, vec![node; 7]);
    assert_eq!(cluster.coordinator("g"), Some(node));
    let mut elsewhere = Peer::connect(&cluster, (node + 1) % 3);
    let refused = elsewhere.ask(&join(""), 9).await;
    assert_eq!(refused.error_code, ErrorCode::NOT_COORDINATOR);
    let groups: std::collections::BTreeSet<_> =
        (0..100).filter_map(|id| cluster.coordinator(&format!("group-{id}"))).collect();
    assert_eq!(groups.len(), 3, "groups are spread");
}

#[tokio::test(start_paused = true)]
async fn a_group_survives_its_coordinator() {
    let cluster = TestCluster::builder().brokers(2).build();
    let node = cluster.coordinator("g").expect("both are up");
    let mut peer = Peer::connect(&cluster, node);
    let me = join_as_new(&mut peer, 9).await.member_id;
    peer.ask(&sync(1, &me, &[(&me, "all")]), 5).await;
    assert!(cluster.stop_broker(node));
    assert!(peer.is_cut().await);
    assert_eq!(cluster.coordinator("g"), Some(1 - node));
    let mut peer = Peer::connect(&cluster, 1 - node);
    assert_eq!(peer.ask(&heartbeat(1, &me), 4).await.error_code, ErrorCode::NONE);
    assert_eq!(peer.ask(&sync(1, &me, &[]), 5).await.assignment, "all");
    cluster.start_broker(node);
    assert_eq!(cluster.coordinator("g"), Some(node));
    let beat = peer.ask(&heartbeat(1, &me), 4).await;
    assert_eq!(beat.error_code, ErrorCode::NOT_COORDINATOR);
    assert!(cluster.delete_group("g"));
    let mut peer = Peer::connect(&cluster, node);
    let beat = peer.ask(&heartbeat(1, &me), 4).await;
    assert_eq!(beat.error_code, ErrorCode::UNKNOWN_MEMBER_ID);
}

#[tokio::test(start_paused = true)]
async fn a_join_that_waits_is_told_that_the_coordinator_moved() {
    let cluster = TestCluster::builder().brokers(2).build();
    let node = cluster.coordinator("g").expect("both are up");
    let (mut one, mut other) = (Peer::connect(&cluster, node), Peer::connect(&cluster, node));
    let first = join_as_new(&mut one, 9).await.member_id;
    one.ask(&sync(1, &first, &[]), 5).await;
    let promised = other.ask(&join(""), 9).await.member_id;
    other.send(&join(&promised), 9).await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(cluster.move_coordinator("g", 1 - node));
    let reply = other.receive::<JoinGroupRequest>(9).await.expect("an answer");
    assert_eq!(reply.error_code, ErrorCode::NOT_COORDINATOR);
}
