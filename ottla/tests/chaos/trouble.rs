//! What goes wrong in the cluster, by seed.

use std::time::Duration;

use fastrand::Rng;
use ottla::protocol::{ApiKey, ErrorCode};
use ottla_test_broker::TestCluster;

use crate::run::{BROKERS, GROUP, PARTITIONS};

/// What is no trouble, but takes time as on a network. Without it every output is acknowledged at
/// the moment it is sent, and nobody ever leaves with one under way.
pub(crate) fn latency(cluster: &TestCluster, rng: &mut Rng) {
    for api in [ApiKey::PRODUCE, ApiKey::FETCH, ApiKey::OFFSET_COMMIT, ApiKey::JOIN_GROUP] {
        let by = Duration::from_millis(rng.u64(1..15));
        let _late = cluster.faults().delay_reply(api, by).probability(0.5).arm();
    }
}

/// What only the data meets: records are answered for late, elsewhere or not at all.
pub(crate) fn of_data(cluster: &TestCluster, rng: &mut Rng) {
    let faults = cluster.faults();
    match rng.u8(0..7) {
        0..=2 => move_leaders(cluster, rng),
        3 => {
            let api = if rng.bool() { ApiKey::PRODUCE } else { ApiKey::FETCH };
            let _fault = faults.drop_reply(api).times(rng.u64(1..4)).arm();
        }
        4 => {
            let errors = [
                ErrorCode::NOT_LEADER_OR_FOLLOWER,
                ErrorCode::NOT_ENOUGH_REPLICAS,
                ErrorCode::REQUEST_TIMED_OUT,
            ];
            let error = errors[rng.usize(0..errors.len())];
            let fault = faults.fail(ApiKey::PRODUCE, error).topic("out");
            let _fault = fault.partition(rng.i32(0..PARTITIONS)).times(rng.u64(1..5)).arm();
        }
        5 => {
            let fault = faults.fail_after(ApiKey::PRODUCE, ErrorCode::REQUEST_TIMED_OUT);
            let _fault = fault.topic("out").times(rng.u64(1..4)).arm();
        }
        _ => {
            let fault = faults.fail(ApiKey::FETCH, ErrorCode::NOT_LEADER_OR_FOLLOWER);
            let _fault = fault.topic("in").times(rng.u64(1..4)).arm();
        }
    }
}

/// What the group meets, and whole brokers.
pub(crate) fn of_all(cluster: &TestCluster, rng: &mut Rng) {
    let faults = cluster.faults();
    let group_apis =
        [ApiKey::OFFSET_COMMIT, ApiKey::HEARTBEAT, ApiKey::JOIN_GROUP, ApiKey::SYNC_GROUP];
    let broker = rng.i32(0..BROKERS);
    match rng.u8(0..10) {
        0 | 1 => {
            cluster.move_coordinator(GROUP, broker);
        }
        2 => {
            cluster.stop_broker(broker);
        }
        3 | 4 => start_brokers(cluster),
        5 => cluster.cut_connections(broker),
        6 => {
            let api = group_apis[rng.usize(0..group_apis.len())];
            let _fault = faults.drop_reply(api).times(rng.u64(1..3)).arm();
        }
        7 => {
            let apis = [&group_apis[..], &[ApiKey::PRODUCE, ApiKey::FETCH]].concat();
            let _fault = faults.swallow_reply(apis[rng.usize(0..apis.len())]).times(1).arm();
        }
        8 => {
            let errors = [
                ErrorCode::COORDINATOR_NOT_AVAILABLE,
                ErrorCode::NOT_COORDINATOR,
                ErrorCode::REBALANCE_IN_PROGRESS,
            ];
            let api = group_apis[rng.usize(0..group_apis.len())];
            // A join is never answered with a rebalance in progress.
            let errors = if api == ApiKey::JOIN_GROUP { &errors[..2] } else { &errors[..] };
            let error = errors[rng.usize(0..errors.len())];
            let _fault = faults.fail(api, error).times(rng.u64(1..4)).arm();
        }
        _ => {
            let api = group_apis[rng.usize(0..group_apis.len())];
            let by = Duration::from_millis(rng.u64(50..4_000));
            let _fault = faults.delay_reply(api, by).times(rng.u64(1..3)).arm();
        }
    }
}

/// Ends all of it.
pub(crate) fn heal(cluster: &TestCluster) {
    cluster.faults().clear();
    start_brokers(cluster);
}

fn start_brokers(cluster: &TestCluster) {
    for broker in 0..BROKERS {
        cluster.start_broker(broker);
    }
}

fn move_leaders(cluster: &TestCluster, rng: &mut Rng) {
    for _ in 0..rng.u8(1..5) {
        let topic = if rng.bool() { "in" } else { "out" };
        cluster.move_leader(topic, rng.i32(0..PARTITIONS), rng.i32(0..BROKERS));
    }
}
