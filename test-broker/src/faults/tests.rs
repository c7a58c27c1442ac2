use ottla_protocol::{ApiKey, ErrorCode};

use super::*;

const ERROR: ErrorCode = ErrorCode::NOT_LEADER_OR_FOLLOWER;

fn hits(faults: &Faults, requests: usize) -> usize {
    let hit = |_: &usize| {
        let mut request = faults.request(ApiKey::PRODUCE, 0);
        request.partition_error("t", 0).is_some()
    };
    (0..requests).filter(hit).count()
}

#[test]
fn a_fault_that_is_not_armed_does_nothing() {
    let faults = Faults::new(0);
    drop(faults.fail(ApiKey::PRODUCE, ERROR));
    assert_eq!(hits(&faults, 3), 0);
}

#[test]
fn it_hits_as_often_as_it_is_told() {
    let faults = Faults::new(0);
    let armed = faults.fail(ApiKey::PRODUCE, ERROR).after(1).times(2).arm();
    assert_eq!(hits(&faults, 1), 0);
    assert_eq!(hits(&faults, 5), 2);
    assert_eq!(armed.hits(), 2);
    let always = faults.fail(ApiKey::PRODUCE, ERROR).arm();
    assert_eq!(hits(&faults, 5), 5);
    always.disarm();
    assert_eq!(hits(&faults, 5), 0);
    assert_eq!(always.hits(), 5);
}

#[test]
fn one_request_is_hit_in_all_its_partitions_and_counts_once() {
    let faults = Faults::new(0);
    let armed = faults.fail(ApiKey::PRODUCE, ERROR).topic("t").times(1).arm();
    let mut request = faults.request(ApiKey::PRODUCE, 0);
    assert_eq!(request.partition_error("other", 0), None);
    assert_eq!(request.partition_error("t", 0), Some(ERROR));
    assert_eq!(request.partition_error("t", 1), Some(ERROR));
    assert_eq!(armed.hits(), 1);
    assert_eq!(faults.request(ApiKey::PRODUCE, 0).partition_error("t", 0), None);
}

#[test]
fn its_scope_is_kept() {
    let faults = Faults::new(0);
    faults.fail(ApiKey::PRODUCE, ERROR).broker(1).topic("t").partition(2).arm();
    let error = |api, broker, topic, partition| {
        faults.request(api, broker).partition_error(topic, partition).is_some()
    };
    assert!(error(ApiKey::PRODUCE, 1, "t", 2));
    assert!(!error(ApiKey::FETCH, 1, "t", 2));
    assert!(!error(ApiKey::PRODUCE, 0, "t", 2));
    assert!(!error(ApiKey::PRODUCE, 1, "u", 2));
    assert!(!error(ApiKey::PRODUCE, 1, "t", 1));
    assert_eq!(faults.request(ApiKey::PRODUCE, 1).error(), None);
    assert_eq!(faults.request(ApiKey::PRODUCE, 1).topic_error("t"), None);
}

#[test]
fn before_and_after_are_not_mixed_up() {
    let faults = Faults::new(0);
    faults.fail_after(ApiKey::PRODUCE, ERROR).arm();
    let mut request = faults.request(ApiKey::PRODUCE, 0);
    assert_eq!(request.partition_error("t", 0), None);
    assert_eq!(request.partition_error_after("t", 0), Some(ERROR));
}

#[test]
fn the_same_seed_hits_the_same_requests() {
    let pattern = |seed| {
        let faults = Faults::new(seed);
        faults.fail(ApiKey::PRODUCE, ERROR).probability(0.5).arm();
        (0..64).map(|_| hits(&faults, 1)).collect::<Vec<_>>()
    };
    assert_eq!(pattern(1), pattern(1));
    assert_ne!(pattern(1), pattern(2));
    let hit: usize = pattern(1).into_iter().sum();
    assert!((16..48).contains(&hit), "{hit}");
}
