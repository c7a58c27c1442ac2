use super::*;

fn ledger(concurrency: usize, outstanding: usize) -> Ledger {
    Ledger::new(Limits { concurrency, outstanding, bytes: 1 << 20, retrying: outstanding / 2 })
}

fn resumed(ledger: &mut Ledger) -> Vec<usize> {
    let mut resumed = Vec::new();
    ledger.resume(&mut resumed);
    resumed
}

/// Fills a partition a record at a time until it is paused.
fn fill(ledger: &mut Ledger, partition: usize) -> usize {
    let mut taken = 1;
    while !ledger.take(partition, 1, 10) {
        taken += 1;
        assert!(taken <= 10_000, "partition {partition} is never paused");
    }
    taken
}

#[test]
fn a_partition_alone_uses_most_of_it() {
    let mut ledger = ledger(4, 1000);
    let taken = fill(&mut ledger, 0);
    assert!((890..=910).contains(&taken), "{taken}");
    assert!(resumed(&mut ledger).is_empty());
}

#[test]
fn a_paused_partition_resumes_well_below_where_it_was_paused() {
    let mut ledger = ledger(4, 1000);
    fill(&mut ledger, 0);
    ledger.release(0, 50);
    assert!(resumed(&mut ledger).is_empty());
    ledger.release(0, 50);
    assert_eq!(resumed(&mut ledger), [0]);
    assert!(!ledger.take(0, 1, 10));
}

#[test]
fn stuck_partitions_leave_their_part_to_others() {
    let mut ledger = ledger(4, 1000);
    ledger.set_partitions(10);
    for partition in 0..9 {
        fill(&mut ledger, partition);
    }
    assert!(!ledger.take(9, 49, 10));
    assert!(ledger.take(9, 2, 10));
    ledger.release(9, 20);
    assert!(resumed(&mut ledger).is_empty());
    ledger.release(9, 6);
    assert_eq!(resumed(&mut ledger), [9]);
    assert!(ledger.outstanding() <= 1000);
}

#[test]
fn a_new_division_counts_what_is_held() {
    let mut ledger = ledger(4, 1000);
    ledger.take(0, 400, 10);
    ledger.set_partitions(10);
    // 350 of the common 500 are taken: no other may have more than four times the rest.
    assert!(!ledger.take(1, 50 + 120, 10));
    assert!(ledger.take(1, 1, 10));
    ledger.set_partitions(1);
    ledger.release(0, 400);
    ledger.release(1, 171);
    assert_eq!(ledger.outstanding(), 0);
    assert_eq!(resumed(&mut ledger), [1]);
}

#[test]
fn a_full_partition_does_not_pause_another() {
    let mut ledger = ledger(4, 1000);
    ledger.set_partitions(2);
    fill(&mut ledger, 0);
    for _ in 0..100 {
        assert!(!ledger.take(1, 20, 10));
        ledger.release(1, 20);
    }
    assert_eq!(ledger.paused(), 1);
}

#[test]
fn everything_released_resumes_everything() {
    let mut ledger = ledger(4, 100);
    ledger.set_partitions(10);
    for partition in 0..10 {
        ledger.take(partition, 100, 10);
    }
    assert!(resumed(&mut ledger).is_empty());
    for partition in 0..10 {
        ledger.release(partition, 100);
    }
    assert_eq!(resumed(&mut ledger).len(), 10);
    assert_eq!((ledger.outstanding(), ledger.paused()), (0, 0));
}

#[test]
fn bytes_are_bounded_like_records() {
    let mut ledger = ledger(4, 1_000_000);
    let mut taken = 0;
    loop {
        taken += 1;
        if ledger.take(0, 1, 64 << 10) {
            break;
        }
    }
    assert!((14..=16).contains(&taken), "{taken}");
    ledger.release(0, taken);
    assert!(resumed(&mut ledger).is_empty(), "the bytes are still held");
    ledger.release_bytes(0, taken * (64 << 10));
    assert_eq!(resumed(&mut ledger), [0]);
}

#[test]
fn a_batch_larger_than_everything_still_passes() {
    let mut ledger = ledger(4, 10);
    assert!(ledger.take(0, 1, 4 << 20));
    ledger.release(0, 1);
    ledger.release_bytes(0, 4 << 20);
    assert_eq!(resumed(&mut ledger), [0]);
}

#[test]
fn too_many_retries_stop_the_intake_of_their_partitions_only() {
    let mut ledger = ledger(4, 100);
    ledger.take(0, 50, 10);
    for _ in 0..50 {
        ledger.wait(0);
    }
    assert!(ledger.take(0, 1, 10), "half of the permits wait for retries");
    assert!(!ledger.take(1, 1, 10));
    for _ in 0..25 {
        ledger.wake(0);
    }
    ledger.release(0, 25);
    assert_eq!(resumed(&mut ledger), [0]);
}

#[test]
fn retries_leave_places_to_execute() {
    let mut ledger = ledger(8, 1000);
    let mut retries = 0;
    while ledger.start(true, true) {
        retries += 1;
    }
    assert_eq!(retries, 6);
    assert!(ledger.start(false, true));
    assert!(ledger.start(false, true));
    assert!(!ledger.start(false, true));
    ledger.stop(true);
    assert!(ledger.start(true, false), "nobody else wants the place");
    assert_eq!(ledger.executing(), 8);
    for _ in 0..6 {
        ledger.stop(true);
    }
    ledger.stop(false);
    ledger.stop(false);
    assert_eq!(ledger.executing(), 0);
}

#[test]
fn many_paused_partitions_are_looked_at_only_when_it_may_help() {
    let mut ledger = ledger(1, 3200);
    ledger.set_partitions(50);
    for partition in 0..50 {
        ledger.take(partition, 70, 10);
    }
    let paused = ledger.paused();
    assert!(paused > 0);
    assert!(ledger.start(false, false));
    ledger.release(0, 70);
    assert!(resumed(&mut ledger).is_empty(), "busy, and little was released");
    ledger.release(1, 70);
    for partition in 2..40 {
        ledger.release(partition, 70);
    }
    assert!(!resumed(&mut ledger).is_empty());
}
