//! Which records wait for each other.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

use super::world::{TestMessage, World};
use crate::*;

/// Runs 200 records of 10 keys, and those without a key, with handlers of random length; returns
/// the offsets in the order started, and the highest concurrency seen.
async fn run(world: &World) -> (Vec<i64>, usize) {
    let mut rng = fastrand::Rng::with_seed(7);
    for number in 0..200 {
        let key = rng.u32(0..12);
        let key = if key < 10 { format!("k{key}") } else { String::new() };
        world.append(0, &key, &number.to_string());
    }
    world.assign(&[0]);
    let started = Arc::new(Mutex::new(Vec::new()));
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (w, s, n, m) = (world.clone(), Arc::clone(&started), now, Arc::clone(&most));
    let running = world.start(move |message: TestMessage, _: Attempt| {
        let (world, started, now, most) = (w.clone(), s.clone(), n.clone(), m.clone());
        async move {
            let _entered = world.enter(&message);
            started.lock().push(message.offset());
            most.fetch_max(now.fetch_add(1, Relaxed) + 1, Relaxed);
            sleep(Duration::from_millis(message.offset() as u64 * 7 % 13)).await;
            now.fetch_sub(1, Relaxed);
            Ok::<_, BoxError>(message.echo())
        }
    });
    running.all_done().await;
    running.shutdown().await.unwrap();
    let started = std::mem::take(&mut *started.lock());
    (started, most.load(Relaxed))
}

#[tokio::test(start_paused = true)]
async fn records_of_a_key_run_one_after_the_other_in_order() {
    let world = World::new();
    let (started, most) = run(&world).await;
    assert!(most > 8, "{most}");
    let keys: HashMap<String, Option<String>> = world
        .outputs("out")
        .iter()
        .map(|output| {
            let key = output.key_bytes().map(super::world::text);
            (super::world::text(output.value_bytes().unwrap()), key)
        })
        .collect();
    let mut last: HashMap<&str, i64> = HashMap::new();
    for offset in started {
        if let Some(key) = &keys[&offset.to_string()] {
            let before = last.insert(key, offset);
            assert!(before < Some(offset), "{key}: {offset} after {before:?}");
        }
    }
    // And so do their outputs.
    let mut last: HashMap<&str, i64> = HashMap::new();
    for value in world.written("out") {
        if let Some(key) = &keys[&value] {
            let offset = value.parse().unwrap();
            let before = last.insert(key, offset);
            assert!(before < Some(offset), "{key}: {offset} after {before:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn records_of_a_partition_run_one_after_the_other() {
    let world = World::new().with(|settings| settings.order = Order::Partition);
    let (started, most) = run(&world).await;
    assert_eq!(most, 1);
    assert_eq!(started, (0..200).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn without_an_order_nothing_waits() {
    let world = World::new().with(|settings| settings.order = Order::None);
    // All of one key.
    for number in 0..16 {
        world.append(0, "k", &number.to_string());
    }
    world.assign(&[0]);
    let running = world.start(async |m: TestMessage, _| {
        sleep(Duration::from_secs(1)).await;
        Ok::<_, BoxError>(m.echo())
    });
    let start = Instant::now();
    running.all_done().await;
    assert!(start.elapsed() < Duration::from_millis(1100));
    running.shutdown().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn null_keys_are_unordered_unless_asked() {
    for (null_keys, seconds) in [(NullKeys::Unordered, 1), (NullKeys::Ordered, 8)] {
        let world = World::new().with(|settings| settings.null_keys = null_keys);
        for number in 0..8 {
            world.append(0, "", &number.to_string());
        }
        world.assign(&[0]);
        let running = world.start(async |m: TestMessage, _| {
            sleep(Duration::from_secs(1)).await;
            Ok::<_, BoxError>(m.echo())
        });
        let start = Instant::now();
        running.all_done().await;
        assert_eq!(start.elapsed().as_secs(), seconds);
        running.shutdown().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_key_in_two_partitions_is_two_keys() {
    let world = World::new();
    for partition in 0..4 {
        world.append(partition, "k", "v");
    }
    world.assign(&[0, 1, 2, 3]);
    let running = world.start(async |m: TestMessage, _| {
        sleep(Duration::from_secs(1)).await;
        Ok::<_, BoxError>(m.echo())
    });
    let start = Instant::now();
    running.all_done().await;
    assert_eq!(start.elapsed().as_secs(), 1);
    running.shutdown().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn concurrency_is_bounded() {
    let world = World::new().with(|settings| {
        settings.order = Order::None;
        settings.limits.concurrency = 5;
    });
    let (_, most) = run(&world).await;
    assert_eq!(most, 5);
}
