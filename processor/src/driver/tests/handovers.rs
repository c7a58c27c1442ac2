//! Revocation, loss, shutdown.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

use super::world::{TestMessage, Verdict, World};
use crate::*;

fn fill(world: &World, records: usize) {
    for number in 0..records {
        world.append(0, &format!("k{}", number % 50), &number.to_string());
    }
    world.assign(&[0]);
}

async fn slow(m: TestMessage, _: Attempt) -> Result<Output, BoxError> {
    sleep(Duration::from_millis(500 + m.offset() as u64 % 5)).await;
    Ok(m.echo())
}

#[tokio::test(start_paused = true)]
async fn a_revoked_partition_is_drained_and_committed() {
    let world = World::new();
    fill(&world, 200);
    let running = world.start(slow);
    sleep(Duration::from_millis(100)).await;
    let start = Instant::now();
    world.revoke(&[0]).await;
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    // What was running is finished, the rest left to others: no output is produced twice.
    assert_eq!(world.committed(0), Some(16));
    assert_eq!(world.written("out").len(), 16);
    let report = running.shutdown().await.unwrap();
    assert_eq!((report.succeeded, report.overlaps), (16, 0));
    assert_eq!(report.undone, report.received - 16);
}

#[tokio::test(start_paused = true)]
async fn gaps_before_the_last_started_record_are_filled_before_leaving() {
    // Records of one key are queued before records of others that run: they are finished too.
    let world = World::new();
    for number in 0..4 {
        world.append(0, "same", &number.to_string());
    }
    for number in 4..8 {
        world.append(0, &format!("k{number}"), &number.to_string());
    }
    for number in 8..100 {
        world.append(0, "same", &number.to_string());
    }
    world.assign(&[0]);
    let running = world.start(slow);
    sleep(Duration::from_millis(100)).await;
    world.revoke(&[0]).await;
    assert_eq!(world.committed(0), Some(8));
    assert_eq!(world.written("out").len(), 8);
    running.shutdown().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_drain_has_a_deadline() {
    let world = World::new().with(|settings| settings.drain_timeout = Duration::from_secs(3));
    fill(&world, 10);
    let dropped = Arc::new(AtomicBool::new(false));
    struct OnDrop(Arc<AtomicBool>);
    impl Drop for OnDrop {
        fn drop(&mut self) {
            self.0.store(true, Relaxed);
        }
    }
    let on_drop = Arc::clone(&dropped);
    let running = world.start(move |m: TestMessage, _| {
        let on_drop = OnDrop(Arc::clone(&on_drop));
        async move {
            if m.offset() == 4 {
                sleep(Duration::from_secs(1000)).await;
                drop(on_drop);
            } else {
                std::mem::forget(on_drop);
            }
            Ok::<_, BoxError>(m.echo())
        }
    });
    sleep(Duration::from_millis(100)).await;
    let start = Instant::now();
    world.revoke(&[0]).await;
    assert_eq!(start.elapsed().as_secs(), 3);
    assert!(dropped.load(Relaxed), "the handler was not stopped");
    assert_eq!(world.committed(0), Some(4));
    let report = running.shutdown().await.unwrap();
    assert_eq!((report.undone, report.overlaps), (6, 0));
}

#[tokio::test(start_paused = true)]
async fn a_completion_after_the_handover_changes_nothing() {
    // The acknowledgement takes longer than the drain.
    let world = World::new().with(|settings| settings.drain_timeout = Duration::from_secs(3));
    fill(&world, 10);
    world.decide(|_, _| Verdict::Written(Duration::from_secs(20)));
    let running = world.start(async |m: TestMessage, _| Ok::<_, BoxError>(m.echo()));
    sleep(Duration::from_millis(100)).await;
    world.revoke(&[0]).await;
    assert_eq!(world.committed(0), None);
    // It comes back to the same member before the old acknowledgements arrive.
    world.decide(|_, _| Verdict::Written(Duration::from_secs(100)));
    world.assign(&[0]);
    sleep(Duration::from_secs(50)).await;
    assert_eq!(world.written("out").len(), 10, "the old outputs were written");
    assert_eq!(world.marked(0), None, "and do not count");
    running.all_done().await;
    let report = running.shutdown().await.unwrap();
    assert_eq!(report.overlaps, 10, "the outputs were on their way: {report:?}");
    assert_eq!((report.received, report.succeeded), (20, 10));
}

/// A handler that cannot be dropped: it blocks its thread until it is told to go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_key_waits_for_a_handler_that_could_not_be_stopped() {
    let world = World::new().with(|settings| settings.drain_timeout = Duration::from_millis(50));
    world.append(0, "stuck", "0");
    world.append(0, "other", "1");
    world.assign(&[0]);
    /// Lets the blocked thread go, also when the test fails.
    struct GoOn(Arc<AtomicBool>);
    impl Drop for GoOn {
        fn drop(&mut self) {
            self.0.store(true, Relaxed);
        }
    }
    let go_on = GoOn(Arc::default());
    let starts = Arc::new(Mutex::new(Vec::new()));
    let (seen, blocked, started) = (world.clone(), Arc::clone(&go_on.0), Arc::clone(&starts));
    let running = world.start(move |m: TestMessage, _| {
        let (seen, blocked, started) = (seen.clone(), Arc::clone(&blocked), Arc::clone(&started));
        async move {
            let _entered = seen.enter(&m);
            let first = {
                let mut started = started.lock();
                started.push(m.offset());
                started.iter().filter(|&&offset| offset == 0).count() == 1
            };
            while first && m.offset() == 0 && !blocked.load(Relaxed) {
                std::thread::sleep(Duration::from_millis(1));
            }
            Ok::<_, BoxError>(m.echo())
        }
    });
    world.until("both started", || starts.lock().len() == 2).await;
    world.revoke(&[0]).await;
    assert_eq!(running.handle.stats().done.overlaps, 1);
    world.assign(&[0]);
    world.until("the other key", || starts.lock().iter().filter(|&&o| o == 1).count() == 2).await;
    sleep(Duration::from_millis(50)).await;
    assert_eq!(starts.lock().iter().filter(|&&offset| offset == 0).count(), 1, "it must wait");
    go_on.0.store(true, Relaxed);
    running.all_done().await;
    assert_eq!(starts.lock().iter().filter(|&&offset| offset == 0).count(), 2);
    running.shutdown().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn lost_partitions_are_fenced_at_once_and_not_committed() {
    let world = World::new();
    fill(&world, 100);
    world.append(1, "k", "v");
    world.assign(&[1]);
    let running = world.start(slow);
    sleep(Duration::from_millis(700)).await;
    let marked = world.marked(0);
    assert!(marked > Some(0));
    world.lose(&[0]).await;
    sleep(Duration::from_secs(5)).await;
    assert_eq!((world.marked(0), world.committed(0)), (marked, None));
    let stats = running.handle.stats();
    assert_eq!((stats.executing, stats.outstanding, stats.partitions), (0, 0, 1));
    assert_eq!(stats.done.lost_partitions, 1);
    assert!(stats.done.overlaps > 0);
    assert_eq!(world.marked(1), Some(1));
    // It comes back and starts where it was committed.
    world.assign(&[0]);
    running.all_done().await;
    running.shutdown().await.unwrap();
    assert_eq!(world.committed(0), Some(100));
}

#[tokio::test(start_paused = true)]
async fn other_partitions_go_on_during_a_revocation() {
    let world = World::new();
    fill(&world, 10);
    for number in 0..50 {
        world.append(1, "", &number.to_string());
    }
    world.assign(&[1]);
    let running = world.start(async |m: TestMessage, _| {
        let ms = if m.partition() == 0 { 5000 } else { 10 };
        sleep(Duration::from_millis(ms)).await;
        Ok::<_, BoxError>(m.echo())
    });
    sleep(Duration::from_millis(1)).await;
    let revoking = world.clone();
    let revoked = tokio::spawn(async move { revoking.revoke(&[0]).await });
    world.until("partition 1 done", || world.marked(1) == Some(50)).await;
    assert!(!revoked.is_finished());
    revoked.await.unwrap();
    assert_eq!(world.committed(0), Some(10));
    running.shutdown().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn shutdown_finishes_what_has_begun_and_commits() {
    let world = World::new();
    fill(&world, 200);
    let running = world.start(slow);
    sleep(Duration::from_millis(100)).await;
    let start = Instant::now();
    let report = running.shutdown().await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(1));
    assert_eq!((report.succeeded, world.committed(0)), (16, Some(16)));
}

#[tokio::test(start_paused = true)]
async fn shutdown_waits_for_retries_that_are_due_in_time() {
    for (delay, done) in [(5, 20), (15, 7)] {
        let world = World::new();
        for number in 0..20 {
            world.append(0, "", &number.to_string());
        }
        world.assign(&[0]);
        let running = world.start(move |m: TestMessage, attempt: Attempt| async move {
            if m.offset() == 7 && attempt.number() == 1 {
                return Err(Failure::Retry(When::After(Duration::from_secs(delay))));
            }
            Ok(m.echo())
        });
        sleep(Duration::from_millis(100)).await;
        let start = Instant::now();
        let report = running.shutdown().await.unwrap();
        assert!(start.elapsed() < Duration::from_secs(6), "waits for nothing");
        assert_eq!((world.committed(0), report.undone), (Some(done), 20 - done as u64));
    }
}

#[tokio::test(start_paused = true)]
async fn stop_drops_handlers_and_commits_what_is_done() {
    let world = World::new();
    fill(&world, 200);
    let running = world.start(slow);
    sleep(Duration::from_millis(700)).await;
    let start = Instant::now();
    let report = running.stop().await.unwrap();
    assert!(start.elapsed() < Duration::from_millis(600));
    assert_eq!((report.succeeded, world.committed(0)), (16, Some(16)));
    assert!(report.undone > 0);
}

#[tokio::test(start_paused = true)]
async fn stop_cuts_a_shutdown_short() {
    let world = World::new();
    fill(&world, 10);
    let running = world.start(async |m: TestMessage, _| {
        sleep(Duration::from_secs(1000)).await;
        Ok::<_, BoxError>(m.echo())
    });
    sleep(Duration::from_secs(1)).await;
    running.handle.shutdown();
    sleep(Duration::from_secs(1)).await;
    assert!(!running.task.is_finished());
    let start = Instant::now();
    running.stop().await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_revocation_during_shutdown_is_answered() {
    let world = World::new();
    fill(&world, 10);
    let running = world.start(async |m: TestMessage, _| {
        sleep(Duration::from_secs(4)).await;
        Ok::<_, BoxError>(m.echo())
    });
    sleep(Duration::from_secs(1)).await;
    running.handle.shutdown();
    sleep(Duration::from_secs(1)).await;
    world.revoke(&[0]).await;
    assert_eq!(world.committed(0), Some(10));
    running.shutdown().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn input_order_is_drained_like_any_other() {
    let world = World::new().with(|settings| {
        settings.output_order = OutputOrder::Input;
        settings.drain_timeout = Duration::from_secs(2);
    });
    fill(&world, 16);
    let running = world.start(async |m: TestMessage, _| {
        sleep(Duration::from_secs(if m.offset() == 5 { 100 } else { 1 })).await;
        Ok::<_, BoxError>(m.echo())
    });
    sleep(Duration::from_millis(100)).await;
    world.revoke(&[0]).await;
    assert_eq!(world.committed(0), Some(5));
    // What came after the stuck record was never let out.
    assert_eq!(world.written("out").len(), 5);
    running.shutdown().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_drain_in_input_order_does_not_wait_for_turns_that_never_come() {
    let world = World::new().with(|settings| settings.output_order = OutputOrder::Input);
    fill(&world, 10);
    let running = world.start(async |m: TestMessage, _| {
        if m.offset() == 3 {
            return Err(Failure::Retry(When::After(Duration::from_secs(100))));
        }
        sleep(Duration::from_secs(1)).await;
        Ok(m.echo())
    });
    sleep(Duration::from_millis(100)).await;
    let start = Instant::now();
    let report = running.shutdown().await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert_eq!((world.committed(0), report.undone), (Some(3), 7));
    assert_eq!(world.written("out").len(), 3);
}

#[tokio::test(start_paused = true)]
async fn dropping_run_drops_the_handlers() {
    let world = World::new();
    fill(&world, 10);
    let seen = world.clone();
    let alive = Arc::new(());
    let token = Arc::clone(&alive);
    let running = world.start(move |m: TestMessage, _| {
        let (entered, token) = (seen.enter(&m), Arc::clone(&token));
        async move {
            sleep(Duration::from_secs(1000)).await;
            drop((entered, token));
            Ok::<_, BoxError>(m.echo())
        }
    });
    sleep(Duration::from_secs(1)).await;
    assert_eq!(Arc::strong_count(&alive), 12);
    running.task.abort();
    world.until("all dropped", || Arc::strong_count(&alive) == 1).await;
    assert!(!running.handle.unpark(&world.at(0), 0).await);
}
