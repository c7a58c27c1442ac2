//! How much is taken in.

use std::time::Duration;

use tokio::time::sleep;

use super::world::{TestMessage, World};
use crate::*;

#[tokio::test(start_paused = true)]
async fn a_slow_partition_is_paused_and_resumed() {
    let world = World::new().with(|settings| settings.limits.outstanding = 100);
    for number in 0..1000 {
        world.append(0, "", &number.to_string());
    }
    world.assign(&[0]);
    *world.batch.lock() = 10;
    let mut most = 0;
    let running = world.start(async |m: TestMessage, _| {
        sleep(Duration::from_millis(10)).await;
        Ok::<_, BoxError>(m.echo())
    });
    while world.marked(0) != Some(1000) {
        most = running.handle.stats().outstanding.max(most);
        sleep(Duration::from_millis(1)).await;
    }
    assert!((85..=100).contains(&most), "{most:?}");
    assert!(world.pauses() > 5);
    running.shutdown().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stuck_record_stops_the_intake_of_its_partition_only() {
    let world = World::new().with(|settings| settings.limits.outstanding = 100);
    for number in 0..1000 {
        world.append(0, "", &number.to_string());
        world.append(1, "", &number.to_string());
    }
    world.assign(&[0, 1]);
    let running = world.start(async |m: TestMessage, _| {
        if m.partition() == 0 && m.offset() == 0 {
            sleep(Duration::from_secs(100)).await;
        }
        Ok::<_, BoxError>(m.echo())
    });
    world.until("the other partition done", || world.marked(1) == Some(1000)).await;
    assert_eq!(world.marked(0), None);
    assert!(world.is_paused(0) && !world.is_paused(1));
    assert!(world.position(0) < 200, "{}", world.position(0));
    running.all_done().await;
    running.shutdown().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn bytes_stop_the_intake_too() {
    let world = World::new().with(|settings| settings.limits.bytes = 100_000);
    for _ in 0..500 {
        world.append(0, "", &"x".repeat(1000));
    }
    world.assign(&[0]);
    *world.batch.lock() = 5;
    let running = world.start(async |m: TestMessage, _| {
        sleep(Duration::from_millis(10)).await;
        Ok::<_, BoxError>(m.echo())
    });
    sleep(Duration::from_millis(1)).await;
    let stats = running.handle.stats();
    assert!((85_000..=95_000).contains(&stats.outstanding_bytes), "{stats:?}");
    assert_eq!(stats.paused, 1);
    running.all_done().await;
    assert_eq!(running.handle.stats().outstanding_bytes, 0);
    running.shutdown().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn retries_do_not_starve_the_others() {
    // Every record of partition 0 fails for ever; partition 1 must not notice.
    let world = World::new().with(|settings| {
        settings.retry = RetryPolicy::DEFAULT.unlimited();
        settings.limits.outstanding = 200;
        settings.limits.retrying = 100;
        settings.limits.concurrency = 4;
    });
    for number in 0..2000 {
        world.append(0, "", &number.to_string());
    }
    world.assign(&[0]);
    let running = world.start(async |m: TestMessage, _| {
        sleep(Duration::from_millis(20)).await;
        if m.partition() == 0 {
            Err("no")?;
        }
        Ok::<_, BoxError>(m.echo())
    });
    sleep(Duration::from_secs(60)).await;
    assert!(world.is_paused(0));
    for number in 0..200 {
        world.append(1, "", &number.to_string());
    }
    world.assign(&[1]);
    let start = tokio::time::Instant::now();
    world.until("the healthy partition done", || world.marked(1) == Some(200)).await;
    // With all four places it takes a second, with one of four in the worst case four.
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    let report = running.stop().await.unwrap();
    assert_eq!(world.committed(0), None);
    assert!(report.retried > 100);
}

#[tokio::test(start_paused = true)]
async fn a_waiting_retry_frees_its_place() {
    let world = World::new().with(|settings| settings.limits.concurrency = 1);
    world.append(0, "a", "fails");
    for number in 0..10 {
        world.append(0, "b", &number.to_string());
    }
    world.assign(&[0]);
    let running = world.start(async |m: TestMessage, attempt: Attempt| {
        if m.value() == "fails" && attempt.number() == 1 {
            return Err(Failure::Retry(When::After(Duration::from_secs(60))));
        }
        Ok(m.echo())
    });
    sleep(Duration::from_secs(1)).await;
    assert_eq!(world.written("out").len(), 10);
    running.all_done().await;
    running.shutdown().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn many_stuck_partitions_stay_within_the_bounds_together() {
    let world = World::new().with(|settings| settings.limits.outstanding = 100);
    for partition in 0..9 {
        for number in 0..100 {
            world.append(partition, "", &number.to_string());
        }
    }
    world.assign(&[0, 1, 2, 3, 4, 5, 6, 7, 8]);
    let running = world.start(async |m: TestMessage, _| {
        if m.partition() < 8 && m.offset() == 0 {
            sleep(Duration::from_secs(100)).await;
        }
        Ok::<_, BoxError>(m.echo())
    });
    world.until("the healthy partition done", || world.marked(8) == Some(100)).await;
    let stats = running.handle.stats();
    assert!(stats.outstanding <= 100, "{stats:?}");
    assert_eq!(stats.paused, 8);
    running.all_done().await;
    running.shutdown().await.unwrap();
}
