//! What is committed, and when.

use std::time::Duration;

use tokio::time::sleep;

use super::world::World;
use crate::*;

#[tokio::test(start_paused = true)]
async fn the_offset_after_the_last_record_is_committed() {
    let world = World::new();
    for number in 0..10 {
        world.append(0, "k", &number.to_string());
    }
    world.assign(&[0]);
    let running = world.start(async |m: super::world::TestMessage, _| Ok::<_, BoxError>(m.echo()));
    running.all_done().await;
    let report = running.shutdown().await.unwrap();
    assert_eq!(world.committed(0), Some(10));
    assert_eq!((report.received, report.succeeded, report.emitted, report.undone), (10, 10, 10, 0));
    assert_eq!(world.written("out").len(), 10);
}

#[tokio::test(start_paused = true)]
async fn an_empty_assignment_commits_nothing() {
    let world = World::new();
    world.append(1, "k", "v");
    world.gap(0, 0);
    world.assign(&[0]);
    let running = world.start(async |m: super::world::TestMessage, _| Ok::<_, BoxError>(m.echo()));
    sleep(Duration::from_secs(60)).await;
    world.revoke(&[0]).await;
    assert_eq!(world.committed(0), None);
    running.shutdown().await.unwrap();
    assert_eq!((world.committed(0), world.committed(1)), (None, None));
}

#[tokio::test(start_paused = true)]
async fn transaction_markers_and_compacted_offsets_do_not_stop_the_position() {
    let world = World::new();
    for number in 0..30 {
        world.append(0, "", &number.to_string());
        world.gap(0, number % 3);
    }
    world.gap(1, 5);
    world.assign(&[0, 1]);
    *world.batch.lock() = 4;
    let running = world.start(async |m: super::world::TestMessage, _| {
        sleep(Duration::from_millis(m.offset() as u64 % 7)).await;
        Ok::<_, BoxError>(m.echo())
    });
    running.all_done().await;
    running.shutdown().await.unwrap();
    assert_eq!(world.committed(0), Some(world.end(0)));
}

#[tokio::test(start_paused = true)]
async fn an_offset_counts_only_when_its_output_is_acknowledged() {
    let world = World::new();
    world.append(0, "k", "v");
    world.decide(|_, _| super::world::Verdict::Written(Duration::from_secs(5)));
    world.assign(&[0]);
    let running = world.start(async |m: super::world::TestMessage, _| Ok::<_, BoxError>(m.echo()));
    sleep(Duration::from_secs(4)).await;
    assert_eq!(world.marked(0), None);
    let stats = running.handle.stats();
    assert_eq!((stats.executing, stats.outstanding, stats.partitions), (0, 1, 1));
    assert!(stats.oldest_undone >= Duration::from_secs(2), "{stats:?}");
    sleep(Duration::from_secs(2)).await;
    assert_eq!(world.marked(0), Some(1));
    running.shutdown().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_filtered_record_is_done_without_an_output() {
    let world = World::new();
    for number in 0..10 {
        world.append(0, "", &number.to_string());
    }
    world.assign(&[0]);
    let seen = world.clone();
    let running = world.start(move |m: super::world::TestMessage, _| {
        let seen = seen.clone();
        async move {
            if m.offset() % 2 == 0 {
                return Ok::<_, BoxError>(Emit::from(m.echo()));
            }
            seen.done(&m);
            if m.offset() % 3 == 0 { Err(Failure::Skip.into()) } else { Ok(Emit::none()) }
        }
    });
    running.all_done().await;
    let report = running.shutdown().await.unwrap();
    assert_eq!((report.succeeded, report.skipped, report.emitted), (8, 2, 5));
    assert_eq!(world.committed(0), Some(10));
}

#[tokio::test(start_paused = true)]
async fn several_outputs_are_all_awaited() {
    let world = World::new();
    world.append(0, "k", "v");
    world.assign(&[0]);
    let mut slow = 0;
    world.decide(move |_, _| {
        slow += 1;
        super::world::Verdict::Written(Duration::from_secs(slow))
    });
    let running = world.start(async |m: super::world::TestMessage, _| {
        Ok::<_, BoxError>(Emit::from_iter([m.echo(), m.echo(), m.echo()]))
    });
    sleep(Duration::from_millis(2900)).await;
    assert_eq!((world.written("out").len(), world.marked(0)), (2, None));
    sleep(Duration::from_millis(200)).await;
    assert_eq!((world.written("out").len(), world.marked(0)), (3, Some(1)));
    assert!(world.alive() > 0);
    assert_eq!(running.shutdown().await.unwrap().emitted, 3);
}
