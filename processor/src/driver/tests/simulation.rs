//! Everything at once, at random: whatever happens, nothing is lost, nothing is committed that is
//! not done, and no key runs twice at the same time.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::sleep;

use super::world::{TestMessage, Verdict, World};
use crate::*;

const PARTITIONS: i32 = 4;
const RECORDS: usize = 400;

#[test]
fn random_runs_keep_the_rules() {
    let seeds = std::env::var("OTTLA_SEEDS").ok().and_then(|seeds| seeds.parse().ok());
    let first = std::env::var("OTTLA_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    for seed in first..seeds.unwrap_or(first + 60) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            runtime.block_on(run(seed));
        }));
        assert!(done.is_ok(), "seed {seed}");
    }
}

async fn run(seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let world = World::new();
    let letters = world.client.topic("dlt");
    let world = world.with(|settings| {
        settings.order =
            rng.choice([Order::Key, Order::Key, Order::Partition, Order::None]).unwrap();
        settings.output_order = rng.choice([OutputOrder::Completion, OutputOrder::Input]).unwrap();
        settings.null_keys = rng.choice([NullKeys::Unordered, NullKeys::Ordered]).unwrap();
        settings.limits.concurrency = rng.usize(1..40);
        settings.limits.outstanding = rng.usize(20..300);
        settings.limits.retrying = settings.limits.outstanding / 2;
        settings.limits.bytes = rng.usize(100..10_000);
        settings.drain_timeout = Duration::from_millis(rng.u64(0..300));
        settings.retry = RetryPolicy::DEFAULT.attempts(4);
        settings.dead_letter = Some(letters);
        settings.exhausted = Exhausted::DeadLetter;
        settings.seed = seed;
    });
    *world.batch.lock() = rng.usize(1..60);
    *world.capacity.lock() = rng.usize(1..100);
    for number in 0..RECORDS {
        let partition = rng.i32(0..PARTITIONS);
        let key = rng.usize(0..30);
        let key = if key == 0 { String::new() } else { format!("k{key}") };
        world.append(partition, &key, &number.to_string());
        if rng.u8(0..10) == 0 {
            world.gap(partition, rng.i64(1..4));
        }
    }
    let mut fates = rng.fork();
    world.decide(move |topic, _| {
        let after = Duration::from_millis(fates.u64(0..30));
        match fates.u8(0..100) {
            0 => Verdict::Fails(Remedy::Again, after),
            1 => Verdict::MaybeWritten(after),
            // A dead letter is always accepted, or the run would end early.
            2 if topic.name() == "out" => Verdict::Fails(Remedy::Never, Duration::ZERO),
            _ => Verdict::Written(after),
        }
    });
    let running = world.start(handler(&world, rng.fork()));
    let mut ours: HashMap<i32, bool> = (0..PARTITIONS).map(|number| (number, false)).collect();
    for _ in 0..rng.usize(5..40) {
        sleep(Duration::from_millis(rng.u64(0..60))).await;
        let number = rng.i32(0..PARTITIONS);
        let is_ours = ours.get_mut(&number).unwrap();
        match (*is_ours, rng.u8(0..4)) {
            (false, _) => world.assign(&[number]),
            (true, 0) => world.lose(&[number]).await,
            (true, _) => world.revoke(&[number]).await,
        }
        *is_ours = !*is_ours;
    }
    for (number, is_ours) in &ours {
        if !is_ours {
            world.assign(&[*number]);
        }
    }
    running.all_done().await;
    let stats = running.handle.stats();
    assert_eq!((stats.outstanding, stats.outstanding_bytes, stats.waiting), (0, 0, 0), "{stats:?}");
    let report = running.shutdown().await.unwrap();
    for number in 0..PARTITIONS {
        assert_eq!(world.committed(number), Some(world.end(number)));
    }
    // Each record was received once more than it was given up, but for commits lost with their
    // partition.
    assert!(report.received >= report.undone + RECORDS as u64, "{report:?}");
    // Every record came out: as an output, or as a dead letter.
    let mut seen = [false; RECORDS];
    for value in world.written("out").iter().chain(&world.written("dlt")) {
        seen[value.parse::<usize>().unwrap()] = true;
    }
    assert!(seen.iter().all(|seen| *seen), "lost: {:?}", seen.iter().position(|seen| !seen));
}

fn handler(world: &World, rng: fastrand::Rng) -> impl Handler<TestMessage> + use<> {
    let world = world.clone();
    let rng = parking_lot::Mutex::new(rng);
    move |m: TestMessage, _: Attempt| {
        let (pause, fate) = {
            let mut rng = rng.lock();
            (Duration::from_millis(rng.u64(0..40)), rng.u8(0..100))
        };
        let world = world.clone();
        async move {
            let _entered = world.enter(&m);
            if fate > 3 {
                sleep(pause).await;
            }
            match fate {
                0 => panic!("at random"),
                1..10 => Err(Failure::error("at random")),
                10..12 => Err(Failure::Retry(When::After(pause))),
                12 => Err(Failure::dead_letter("at random")),
                _ => Ok(m.echo()),
            }
        }
    }
}
