//! Reading without a group.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what goes wrong here is a failed test")]

mod world;

use std::time::Duration;

use futures_util::StreamExt;
use ottla_consumer_group::{ConsumerError, Fetched, OffsetReset, PartitionError, Start};
use ottla_protocol::compression::Compression;
use ottla_protocol::records::{ControlKind, ControlRecord};
use ottla_protocol::{ApiKey, ErrorCode};
use tokio::time::{Instant, sleep, timeout};
use world::{LONG, Seen, World, all, batch, nothing, read, records};

/// A long poll that would be noticed if anything had to wait for it.
const PARKED: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn every_record_comes_once_and_in_order() {
    let world = World::new(|b| b.brokers(3).topic("in", 6));
    for partition in 0..6 {
        world.fill("in", partition, 500);
    }
    let all_of_it: Vec<_> = (0..6).map(|p| world.at("in", p)).collect();
    let mut consumer = world.reader(&all_of_it).build().unwrap();
    let mut seen = Seen::default();
    read(&mut consumer, &mut seen, 3000).await;
    for partition in 0..6 {
        assert_eq!(seen.of("in", partition), all(500));
        let at = world.at("in", partition);
        assert_eq!(consumer.control().position(&at), Some(500));
        assert_eq!(consumer.control().lag(&at), Some(0));
    }
    world.fill("in", 3, 510);
    read(&mut consumer, &mut seen, 3010).await;
    nothing(&mut consumer).await;
    consumer.close(LONG).await.unwrap();
    assert_eq!(world.client.cluster().brokers().count(), 3);
}

#[tokio::test(start_paused = true)]
async fn every_codec_is_read_also_in_large_batches() {
    for compression in Compression::ALL {
        let world = World::new(|b| b.topic("in", 1));
        let mut end = 0;
        // The last ones are large enough to be inflated elsewhere.
        for count in [1, 10, 100, 20_000, 20_000, 20_000, 5] {
            let bytes = batch(0, end..end + count, compression);
            world.cluster.append("in", 0, &bytes).unwrap();
            end += count;
        }
        let mut consumer = world.reader(&[world.at("in", 0)]).build().unwrap();
        let mut seen = Seen::default();
        read(&mut consumer, &mut seen, usize::try_from(end).unwrap()).await;
        assert_eq!(seen.of("in", 0), all(end), "{compression}");
    }
}

#[tokio::test(start_paused = true)]
async fn partitions_take_turns() {
    let world = World::new(|b| b.topic("in", 3));
    (0..3).for_each(|partition| world.fill("in", partition, 100));
    let all_of_it: Vec<_> = (0..3).map(|p| world.at("in", p)).collect();
    let mut consumer = world.reader(&all_of_it).build().unwrap();
    let first = records(&mut consumer, 4).await;
    // By now all three have been fetched.
    sleep(Duration::from_millis(1)).await;
    let mut turns = vec![first.partition().partition];
    for _ in 0..8 {
        let batch = records(&mut consumer, 4).await;
        assert_eq!(batch.len(), 4);
        turns.push(batch.partition().partition);
    }
    for window in turns.windows(3).skip(1) {
        let mut window = window.to_vec();
        window.sort_unstable();
        assert_eq!(window, [0, 1, 2], "{turns:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_cut_where_the_caller_wants() {
    let world = World::new(|b| b.topic("in", 1));
    world.fill("in", 0, 40);
    let at = world.at("in", 0);
    let mut consumer = world.reader(std::slice::from_ref(&at)).build().unwrap();
    let control = consumer.control();
    control.seek(&at, 13).unwrap();
    let mut next = 13;
    for (max, expected) in [(1, 1), (3, 3), (5, 5), (0, 1), (100, 17)] {
        let batch = records(&mut consumer, max).await;
        assert_eq!(batch.len(), expected);
        let offsets: Vec<i64> = batch.iter().map(|record| record.offset()).collect();
        let until = next + i64::try_from(expected).unwrap();
        assert_eq!(offsets, (next..until).collect::<Vec<_>>());
        assert_eq!(batch.next_offset(), until);
        assert_eq!(batch.mark().next_offset(), until);
        assert_eq!(control.position(&at), Some(until));
        let owned: Vec<i64> = batch.messages().map(|message| message.offset()).collect();
        assert_eq!(owned, offsets);
        next = until;
        if max == 5 {
            let last = batch.iter().last().unwrap();
            let message = last.to_message().detach();
            assert_eq!(message.value(), last.value());
            assert_eq!(message.mark(), last.mark());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn transaction_markers_move_the_position_and_are_not_handed_out() {
    let world = World::new(|b| b.topic("in", 1));
    let marker = ControlRecord { kind: ControlKind::Commit, coordinator_epoch: Some(0) };
    let marker = marker.to_batch(5, 0, 1_000);
    world.cluster.append("in", 0, &marker).unwrap();
    world.cluster.append("in", 0, &batch(0, 1..4, Compression::None)).unwrap();
    world.cluster.append("in", 0, &marker).unwrap();
    world.cluster.append("in", 0, &marker).unwrap();
    let at = world.at("in", 0);
    let mut consumer = world.reader(std::slice::from_ref(&at)).build().unwrap();
    let batch = records(&mut consumer, 100).await;
    assert_eq!(batch.iter().map(|record| record.offset()).collect::<Vec<_>>(), [1, 2, 3]);
    sleep(Duration::from_secs(1)).await;
    nothing(&mut consumer).await;
    let control = consumer.control();
    assert_eq!(control.position(&at).max(Some(batch.next_offset())), Some(6));
    assert_eq!(control.lag(&at), Some(0));
}

#[tokio::test(start_paused = true)]
async fn a_seek_does_not_wait_for_a_parked_fetch() {
    let world = World::new(|b| b.topic("in", 2));
    world.fill("in", 0, 50);
    let (read_to_its_end, empty) = (world.at("in", 0), world.at("in", 1));
    let mut consumer =
        world.reader(&[read_to_its_end.clone(), empty]).fetch_max_wait(PARKED).build().unwrap();
    read(&mut consumer, &mut Seen::default(), 50).await;
    sleep(Duration::from_secs(5)).await;
    let start = Instant::now();
    for _ in 0..3 {
        consumer.control().seek(&read_to_its_end, 20).unwrap();
        let mut seen = Seen::default();
        read(&mut consumer, &mut seen, 30).await;
        assert_eq!(seen.of("in", 0), (20..50).collect::<Vec<_>>());
        assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    }
    // A seek to where there is nothing does not make the spare connection spin.
    let before = world.cluster.counters().requests(ApiKey::FETCH);
    consumer.control().seek(&read_to_its_end, 50).unwrap();
    sleep(PARKED / 4).await;
    let fetches = world.cluster.counters().requests(ApiKey::FETCH) - before;
    assert!(fetches <= 3, "{fetches} fetches for nothing");
    world.fill("in", 0, 60);
    read(&mut consumer, &mut Seen::default(), 10).await;
}

#[tokio::test(start_paused = true)]
async fn answers_from_before_a_seek_are_dropped() {
    let world = World::new(|b| b.topic("in", 1));
    world.fill("in", 0, 100);
    let at = world.at("in", 0);
    let late =
        world.cluster.faults().delay_reply(ApiKey::FETCH, Duration::from_secs(5)).times(1).arm();
    let mut consumer = world.reader(std::slice::from_ref(&at)).build().unwrap();
    let polled = timeout(Duration::from_secs(2), consumer.poll(10)).await;
    assert!(polled.is_err() && late.hits() == 1);
    consumer.control().seek(&at, 70).unwrap();
    let mut seen = Seen::default();
    read(&mut consumer, &mut seen, 30).await;
    assert_eq!(seen.of("in", 0), (70..100).collect::<Vec<_>>());
    nothing(&mut consumer).await;
}

#[tokio::test(start_paused = true)]
async fn a_paused_partition_stops_nobody_and_loses_nothing() {
    let world = World::new(|b| b.topic("in", 2));
    let (paused, other) = (world.at("in", 0), world.at("in", 1));
    world.fill("in", 0, 2000);
    world.fill("in", 1, 10);
    let mut consumer = world
        .reader(&[paused.clone(), other.clone()])
        .low_water_bytes(1000)
        .partition_fetch_bytes(1000)
        .fetch_max_wait(PARKED)
        .build()
        .unwrap();
    let control = consumer.control();
    let mut seen = Seen::default();
    while seen.of("in", 0).is_empty() {
        seen.take(&records(&mut consumer, 5).await);
    }
    control.pause(std::slice::from_ref(&paused));
    let read_so_far = seen.of("in", 0).len();
    let start = Instant::now();
    for end in [100, 500, 1000] {
        world.fill("in", 1, end);
        while seen.of("in", 1).len() < usize::try_from(end).unwrap() {
            let batch = records(&mut consumer, 100).await;
            assert_eq!(batch.partition(), &other, "paused");
            seen.take(&batch);
        }
    }
    assert_eq!(seen.of("in", 0).len(), read_so_far);
    control.resume(&[paused]);
    read(&mut consumer, &mut seen, 3000).await;
    assert_eq!((seen.of("in", 0), seen.of("in", 1)), (&all(2000)[..], &all(1000)[..]));
    assert!(start.elapsed() < PARKED, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn news_comes_soon_while_another_partition_is_full() {
    let world = World::new(|b| b.topic("in", 2));
    world.fill("in", 0, 5000);
    let (full, other) = (world.at("in", 0), world.at("in", 1));
    let mut consumer = world
        .reader(&[full, other.clone()])
        .low_water_bytes(1000)
        .partition_fetch_bytes(1000)
        .fetch_max_wait(PARKED)
        .build()
        .unwrap();
    // The application is busy with what it got, and takes nothing more.
    let _busy = records(&mut consumer, 1).await;
    let before = world.cluster.counters().requests(ApiKey::FETCH);
    sleep(Duration::from_secs(10)).await;
    let fetches = world.cluster.counters().requests(ApiKey::FETCH) - before;
    assert!(fetches < 500, "{fetches} fetches for nothing");
    world.fill("in", 1, 10);
    sleep(Duration::from_millis(50)).await;
    let (first, second) = (records(&mut consumer, 10).await, records(&mut consumer, 10).await);
    assert!([first, second].iter().any(|batch| batch.partition() == &other));
}

#[tokio::test(start_paused = true)]
async fn an_idle_broker_slows_nobody_and_nothing_is_fetched_twice() {
    let world = World::new(|b| b.brokers(2).replication_factor(1).topic("in", 2));
    let (busy, idle) = (world.at("in", 0), world.at("in", 1));
    world.cluster.move_leader("in", 0, 0);
    world.cluster.move_leader("in", 1, 1);
    let mut wanted = 0;
    for start in (0..100_000).step_by(200) {
        let bytes = batch(0, start..start + 200, Compression::None);
        wanted += bytes.len();
        world.cluster.append("in", 0, &bytes).unwrap();
    }
    let mut consumer = world.reader(&[busy, idle]).fetch_max_wait(PARKED).build().unwrap();
    let start = Instant::now();
    let mut seen = Seen::default();
    while seen.total() < 100_000 {
        seen.take(&records(&mut consumer, 77).await);
    }
    assert_eq!(seen.of("in", 0), all(100_000));
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    sleep(Duration::from_secs(600)).await;
    let received = world.cluster.counters().bytes_out(ApiKey::FETCH);
    let wanted = u64::try_from(wanted).unwrap();
    assert!(received * 100 <= wanted * 105, "{received} bytes received for {wanted}");
}

#[tokio::test(start_paused = true)]
async fn large_batches_are_not_cut_and_fetched_twice() {
    let world = World::new(|b| b.cut_last_batch(true).topic("in", 3));
    let mut wanted = 0;
    for partition in 0..3 {
        for start in (0..80_000).step_by(2_000) {
            let bytes = batch(partition, start..start + 2_000, Compression::None);
            wanted += bytes.len();
            world.cluster.append("in", partition, &bytes).unwrap();
        }
    }
    let all_of_it: Vec<_> = (0..3).map(|p| world.at("in", p)).collect();
    let mut consumer = world.reader(&all_of_it).partition_fetch_bytes(100_000).build().unwrap();
    read(&mut consumer, &mut Seen::default(), 240_000).await;
    let received = world.cluster.counters().bytes_out(ApiKey::FETCH);
    let wanted = u64::try_from(wanted).unwrap();
    assert!(received * 100 <= wanted * 112, "{received} bytes received for {wanted}");
}

/// Appends ten records, with a byte of the last one's value changed: only the checksum can tell.
fn corrupt(world: &World, partition: i32, at: i64) {
    let mut bytes = batch(partition, at..at + 10, Compression::None).to_vec();
    let last_of_value = bytes.len() - 2;
    *bytes.get_mut(last_of_value).unwrap() ^= 1;
    world.cluster.append("in", partition, &bytes.into()).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_corrupt_batch_stops_its_partition_once_and_no_other() {
    let world = World::new(|b| b.topic("in", 2));
    world.fill("in", 0, 30);
    corrupt(&world, 0, 30);
    world.fill("in", 0, 60);
    world.fill("in", 1, 30);
    let (broken, sound) = (world.at("in", 0), world.at("in", 1));
    let mut consumer = world.reader(&[broken.clone(), sound]).build().unwrap();
    let mut seen = Seen::default();
    let mut failures = Vec::new();
    while seen.total() < 60 || failures.is_empty() {
        match consumer.poll(7).await.unwrap() {
            Fetched::Records(batch) => seen.take(&batch),
            Fetched::Failed { at, error, resume_at } => failures.push((at, error, resume_at)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(failures.len(), 1);
    let (at, error, resume_at) = failures.remove(0);
    assert_eq!((at, resume_at), (broken.clone(), 40));
    assert!(matches!(error, PartitionError::Corrupt { base_offset: 30, .. }), "{error:?}");
    let fetched = world.cluster.counters().bytes_out(ApiKey::FETCH);
    nothing(&mut consumer).await;
    let more = world.cluster.counters().bytes_out(ApiKey::FETCH) - fetched;
    assert!(more < 20_000, "{more} bytes fetched after the failure");
    consumer.control().seek(&broken, resume_at).unwrap();
    read(&mut consumer, &mut seen, 80).await;
    assert_eq!(seen.of("in", 0), (0..30).chain(40..60).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_bomb_stops_its_partition_and_names_the_next_offset() {
    for compression in [Compression::Gzip, Compression::Lz4, Compression::Zstd, Compression::Snappy]
    {
        let world = World::new(|b| b.topic("in", 1));
        world.fill("in", 0, 10);
        world.cluster.append("in", 0, &batch(0, 10..4000, compression)).unwrap();
        let at = world.at("in", 0);
        let mut consumer =
            world.reader(std::slice::from_ref(&at)).max_inflated_batch(50_000).build().unwrap();
        read(&mut consumer, &mut Seen::default(), 10).await;
        let fetched = timeout(LONG, consumer.poll(1)).await.unwrap().unwrap();
        let Fetched::Failed { at: failed, error, resume_at } = fetched else {
            panic!("{fetched:?}");
        };
        assert_eq!((&failed, resume_at), (&at, 4000));
        assert!(matches!(error, PartitionError::TooLarge { base_offset: 10, limit: 50_000 }));
        // Nothing else is read, so nothing is asked for, least of all the same again.
        let fetches = world.cluster.counters().requests(ApiKey::FETCH);
        nothing(&mut consumer).await;
        assert_eq!(world.cluster.counters().requests(ApiKey::FETCH), fetches, "{compression}");
    }
}

#[tokio::test(start_paused = true)]
async fn out_of_range_follows_the_policy() {
    let world = World::new(|b| b.topic("in", 1));
    world.fill("in", 0, 100);
    world.cluster.delete_records("in", 0, 40);
    let at = world.at("in", 0);
    let build =
        |policy| world.reader(std::slice::from_ref(&at)).offset_reset(policy).build().unwrap();

    let mut consumer = build(OffsetReset::Earliest);
    consumer.control().seek(&at, 10).unwrap();
    assert_eq!(records(&mut consumer, 1).await.iter().next().unwrap().offset(), 40);

    let mut consumer = build(OffsetReset::Latest);
    consumer.control().seek(&at, 5000).unwrap();
    nothing(&mut consumer).await;
    world.fill("in", 0, 101);
    assert_eq!(records(&mut consumer, 1).await.iter().next().unwrap().offset(), 100);

    let mut consumer = build(OffsetReset::None);
    consumer.control().seek(&at, 10).unwrap();
    let fetched = timeout(LONG, consumer.poll(1)).await.unwrap().unwrap();
    let Fetched::Failed { error: PartitionError::NoPosition { out_of_range }, .. } = fetched else {
        panic!("{fetched:?}");
    };
    assert_eq!(out_of_range, Some(10));
    nothing(&mut consumer).await;
    consumer.control().seek_to(&at, Start::Beginning).unwrap();
    assert_eq!(records(&mut consumer, 1).await.iter().next().unwrap().offset(), 40);
}

#[tokio::test(start_paused = true)]
async fn leaders_are_followed() {
    let world = World::new(|b| b.brokers(3).topic("in", 3));
    let all_of_it: Vec<_> = (0..3).map(|p| world.at("in", p)).collect();
    let mut consumer = world.reader(&all_of_it).build().unwrap();
    let mut seen = Seen::default();
    let mut written = 0;
    for round in 0..12 {
        written += 20;
        (0..3).for_each(|partition| world.fill("in", partition, written));
        match round {
            2 | 5 => (0..3).for_each(|p| {
                let leader = world.cluster.partition("in", p).unwrap().leader.unwrap();
                world.cluster.move_leader("in", p, (leader + 1) % 3);
            }),
            7 => assert!(world.cluster.stop_broker(1)),
            9 => assert!(world.cluster.start_broker(1)),
            10 => world.cluster.cut_connections(0),
            _ => {}
        }
        let start = Instant::now();
        read(&mut consumer, &mut seen, 60 * (round + 1)).await;
        assert!(start.elapsed() < Duration::from_secs(10), "{round}: {:?}", start.elapsed());
    }
    (0..3).for_each(|partition| assert_eq!(seen.of("in", partition), all(written)));
}

#[tokio::test(start_paused = true)]
async fn trouble_on_the_way_costs_time_and_nothing_else() {
    let world = World::new(|b| b.brokers(2).topic("in", 4));
    let faults = world.cluster.faults();
    let trouble = [
        faults.fail(ApiKey::FETCH, ErrorCode::NOT_LEADER_OR_FOLLOWER).partition(1).times(2).arm(),
        faults.fail(ApiKey::FETCH, ErrorCode::FENCED_LEADER_EPOCH).partition(2).times(2).arm(),
        faults.fail(ApiKey::FETCH, ErrorCode::UNKNOWN_SERVER_ERROR).partition(3).times(2).arm(),
        faults.fail(ApiKey::FETCH, ErrorCode::UNKNOWN_TOPIC_ID).times(1).after(4).arm(),
        faults.drop_reply(ApiKey::FETCH).times(1).after(6).arm(),
        faults.cut(ApiKey::FETCH).times(1).after(8).arm(),
        faults.truncate(ApiKey::FETCH, 30).times(1).after(10).arm(),
        faults.garbage(ApiKey::FETCH).times(1).after(12).arm(),
        faults.swallow_reply(ApiKey::FETCH).times(1).after(14).arm(),
        faults.fail(ApiKey::LIST_OFFSETS, ErrorCode::LEADER_NOT_AVAILABLE).times(2).arm(),
    ];
    let all_of_it: Vec<_> = (0..4).map(|p| world.at("in", p)).collect();
    let mut consumer = world.reader(&all_of_it).build().unwrap();
    let mut seen = Seen::default();
    for round in 1..40 {
        (0..4).for_each(|partition| world.fill("in", partition, round * 20));
        let total = usize::try_from(round * 80).unwrap();
        read(&mut consumer, &mut seen, total).await;
    }
    (0..4).for_each(|partition| assert_eq!(seen.of("in", partition), all(39 * 20)));
    for (index, fault) in trouble.iter().enumerate() {
        assert!(fault.hits() > 0, "fault {index} was not met");
    }
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_does_not_exist_yet_is_waited_for() {
    let world = World::new(|b| b.topic("other", 1));
    let mut consumer = world.reader(&[world.at("in", 0)]).build().unwrap();
    nothing(&mut consumer).await;
    world.cluster.create_topic("in", 1).unwrap();
    world.fill("in", 0, 10);
    let start = Instant::now();
    read(&mut consumer, &mut Seen::default(), 10).await;
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_is_refused_stops_its_partitions() {
    let world = World::new(|b| b.topic("secret", 1).topic("in", 1));
    world.fill("in", 0, 10);
    let refused = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
    let _refusal = world.cluster.faults().fail(ApiKey::METADATA, refused).topic("secret").arm();
    let both = [world.at("secret", 0), world.at("in", 0)];
    let mut consumer = world.reader(&both).build().unwrap();
    let mut failures = 0;
    let mut seen = Seen::default();
    while failures == 0 || seen.total() < 10 {
        match timeout(LONG, consumer.poll(100)).await.unwrap().unwrap() {
            Fetched::Records(batch) => seen.take(&batch),
            Fetched::Failed { at, error: PartitionError::Refused(code), .. } => {
                assert_eq!((at, code), (both[0].clone(), refused));
                failures += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    nothing(&mut consumer).await;
}

#[tokio::test(start_paused = true)]
async fn who_keeps_everything_still_gets_on() {
    let world = World::new(|b| b.topic("in", 2));
    (0..2).for_each(|partition| world.fill("in", partition, 20_000));
    let both = [world.at("in", 0), world.at("in", 1)];
    let mut consumer = world
        .reader(&both)
        .partition_fetch_bytes(20_000)
        .low_water_bytes(20_000)
        .buffer_memory(60_000)
        .build()
        .unwrap();
    let mut kept = Vec::new();
    while kept.len() < 40_000 {
        kept.push(timeout(LONG, consumer.recv()).await.unwrap().unwrap());
        // Work, during which everybody else finds that there is nothing to do.
        sleep(Duration::from_micros(100)).await;
    }
    for partition in 0..2 {
        let of_it = kept.iter().filter(|message| message.partition() == partition);
        assert!(of_it.map(|message| message.offset()).eq(0..20_000));
    }
}

#[tokio::test(start_paused = true)]
async fn one_by_one_as_messages_and_as_a_stream() {
    let world = World::new(|b| b.topic("in", 1));
    world.fill("in", 0, 1000);
    let at = world.at("in", 0);
    let mut consumer = world.reader(std::slice::from_ref(&at)).build().unwrap();
    for offset in 0..300 {
        let message = consumer.recv().await.unwrap();
        assert_eq!(message.offset(), offset);
        assert_eq!(message.mark().next_offset(), offset + 1);
    }
    // What was not yielded is still there for whoever polls.
    let batch = records(&mut consumer, 100).await;
    assert_eq!(batch.iter().next().unwrap().offset(), 300);
    assert_eq!(consumer.control().position(&at), Some(400));
    let mut stream = consumer.stream();
    for offset in 400..450 {
        assert_eq!(stream.next().await.unwrap().unwrap().offset(), offset);
    }
    drop(stream);
    assert_eq!(consumer.recv().await.unwrap().offset(), 450);
    consumer.control().seek(&at, 10).unwrap();
    assert_eq!(consumer.recv().await.unwrap().offset(), 10);
    consumer.control().pause(std::slice::from_ref(&at));
    assert!(timeout(Duration::from_secs(5), consumer.recv()).await.is_err());
    assert_eq!(consumer.control().position(&at), Some(11));
    consumer.control().resume(&[at]);
    for offset in 11..1000 {
        assert_eq!(consumer.recv().await.unwrap().offset(), offset);
    }
    let control = consumer.control();
    drop(consumer);
    assert!(control.assignment().is_empty() || control.commit().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn what_is_assigned_can_change() {
    let world = World::new(|b| b.topic("in", 3));
    (0..3).for_each(|partition| world.fill("in", partition, 20));
    let mut consumer = world.reader(&[world.at("in", 0), world.at("in", 1)]).build().unwrap();
    let mut seen = Seen::default();
    read(&mut consumer, &mut seen, 40).await;
    let control = consumer.control();
    let (kept, new) = (world.at("in", 1), world.at("in", 2));
    control.assign([(kept, Start::Beginning), (new, Start::Offset(5))]).unwrap();
    (0..3).for_each(|partition| world.fill("in", partition, 30));
    read(&mut consumer, &mut seen, 40 + 10 + 25).await;
    assert_eq!(seen.of("in", 1), all(30));
    assert_eq!(seen.of("in", 2), (5..30).collect::<Vec<_>>());
    assert_eq!(control.assignment().len(), 2);
    // One that comes back is read at once, where it is told to.
    sleep(Duration::from_secs(60)).await;
    let back = world.at("in", 0);
    control.assign([(world.at("in", 1), Start::End), (back, Start::Offset(25))]).unwrap();
    read(&mut consumer, &mut seen, 40 + 10 + 25 + 5).await;
    assert_eq!(seen.of("in", 0)[20..], [25, 26, 27, 28, 29]);
    assert!(control.seek(&world.at("in", 2), 1).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_closed_client_ends_the_consumer() {
    let world = World::new(|b| b.topic("in", 1));
    let mut consumer = world.reader(&[world.at("in", 0)]).build().unwrap();
    nothing(&mut consumer).await;
    world.client.close(Duration::from_secs(5)).await;
    let polled = timeout(LONG, consumer.poll(1)).await.unwrap();
    assert!(matches!(polled, Err(ConsumerError::Closed)), "{polled:?}");
}
