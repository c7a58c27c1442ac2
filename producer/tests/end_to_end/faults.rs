//! Errors, lost answers and lost connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ottla_client::connector::Address;
use ottla_client::{Broker, BrokerId, LeaderHint, Outcome, TopicPartition};
use ottla_producer::{Reason, Refused, SendError, Unsure};
use ottla_protocol::{ApiKey, ErrorCode};
use ottla_test_broker::{TestCluster, TopicConfig};
use tracing::span::{self, Attributes, Id};
use tracing::{Event, Metadata, Subscriber};

use crate::support::{LONG, World, number, offsets, timed};

const DELIVERY: Duration = Duration::from_secs(120);

/// The stall that a rival was caught in: one partition's batch is refused for good while another
/// broker hangs, and nothing is numbered any more until that one answers.
#[tokio::test(start_paused = true)]
async fn a_refusal_and_a_hanging_broker_do_not_delay_a_healthy_partition() {
    let world = World::new(3, 6);
    let producer = world.producer();
    for partition in 0..6 {
        world.send_one(&producer, partition, 0).await.unwrap();
    }
    let faults = world.cluster.faults();
    faults.delay(ApiKey::PRODUCE, Duration::from_secs(20)).broker(1).times(1).arm();
    faults.fail(ApiKey::PRODUCE, ErrorCode::MESSAGE_TOO_LARGE).partition(0).times(1).arm();
    let hanging = world.send(&producer, 1, [1]).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    let error = world.send_one(&producer, 0, 1).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotWritten);
    for (partition, number) in [(2, 1), (3, 1), (0, 2), (5, 1)] {
        let (written, took) = timed(world.send_one(&producer, partition, number)).await;
        written.unwrap();
        assert!(took < Duration::from_millis(10), "partition {partition} took {took:?}");
    }
    offsets(hanging).await;
    assert_eq!(world.log(0), [0, 2]);
}

#[tokio::test(start_paused = true)]
async fn errors_are_retried_for_their_partition_alone() {
    let world = World::new(1, 2);
    let producer = world.producer();
    let fault = world
        .cluster
        .faults()
        .fail(ApiKey::PRODUCE, ErrorCode::NOT_ENOUGH_REPLICAS)
        .partition(0)
        .times(5)
        .arm();
    let troubled = world.send(&producer, 0, 0..10).await;
    let (written, took) = timed(world.send_one(&producer, 1, 0)).await;
    written.unwrap();
    assert!(took < Duration::from_millis(10), "{took:?}");
    assert_eq!(offsets(troubled).await, (0..10).collect::<Vec<_>>());
    assert_eq!((fault.hits(), world.log(0)), (5, (0..10).collect()));
}

/// With five batches in flight one error hits them all: that is one failure, not five.
#[tokio::test(start_paused = true)]
async fn one_lost_connection_costs_one_backoff() {
    let world = World::new(1, 1);
    let producer = world.builder().max_batch_size(1 << 10).build().unwrap();
    world.send_one(&producer, 0, 0).await.unwrap();
    let round_trip = Duration::from_millis(20);
    world.cluster.faults().delay_reply(ApiKey::PRODUCE, round_trip).arm();
    let deliveries = world.send(&producer, 0, 1..400).await;
    tokio::time::sleep(round_trip / 2).await;
    world.cluster.cut_connections(0);
    let (_, took) = timed(offsets(deliveries)).await;
    // The backoff is 100 ms give or take a fifth, and five batches are answered one by one.
    assert!(took > Duration::from_millis(80) && took < Duration::from_millis(400), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_for_good_comes_back_and_the_rest_goes_on_in_order() {
    let mut config = TopicConfig::default();
    config.max_message_bytes = 2000;
    let world = World::on(TestCluster::builder().topic_with("in", 1, config));
    let producer = world.builder().max_batch_size(4 << 10).build().unwrap();
    let small = world.send(&producer, 0, 0..3).await;
    producer.flush().await.unwrap();
    let big = [9; 3000];
    let record = ottla_producer::Record::value(&big).key(b"big").partition(0);
    let refused = producer.send(&world.topic, record).await.unwrap();
    producer.flush().await.unwrap_err();
    let later = world.send(&producer, 0, 3..400).await;
    match refused.await.unwrap_err() {
        SendError::NotWritten { reason: Reason::Broker { code, message }, record } => {
            assert_eq!(code, ErrorCode::MESSAGE_TOO_LARGE);
            assert!(message.unwrap().contains("max.message.bytes"));
            assert_eq!(record.key.as_deref(), Some(&b"big"[..]));
            assert_eq!(record.value.as_deref(), Some(&big[..]));
            assert_eq!(record.partition, Some(0));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(offsets(small).await, [0, 1, 2]);
    let mut told = Vec::new();
    for delivery in later {
        if let Ok(written) = delivery.await {
            told.push(written.offset.unwrap());
        }
    }
    assert!(world.log(0).is_sorted());
    assert_eq!(told.len() + 3, world.log(0).len());
}

#[tokio::test(start_paused = true)]
async fn lost_answers_double_nothing() {
    for fault in 0..6 {
        let world = World::new(1, 1);
        let producer = world.builder().max_batch_size(1 << 10).build().unwrap();
        world.send_one(&producer, 0, 0).await.unwrap();
        let faults = world.cluster.faults();
        let fault = match fault {
            0 => faults.drop_reply(ApiKey::PRODUCE),
            1 => faults.truncate(ApiKey::PRODUCE, 10),
            2 => faults.garbage(ApiKey::PRODUCE),
            3 => faults.wrong_correlation(ApiKey::PRODUCE),
            4 => faults.frame_length(ApiKey::PRODUCE, -7),
            _ => faults.fail_after(ApiKey::PRODUCE, ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND),
        };
        let fault = fault.probability(0.4).times(8).arm();
        let deliveries = world.send(&producer, 0, 1..1000).await;
        assert_eq!(offsets(deliveries).await, (1..1000).collect::<Vec<_>>(), "{fault:?}");
        assert_eq!(world.log(0), (0..1000).collect::<Vec<_>>(), "{fault:?}");
        assert!(fault.hits() > 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_never_answers_leaves_the_outcome_unknown_at_the_delivery_timeout() {
    let world = World::new(1, 1);
    let producer = world.producer();
    world.send_one(&producer, 0, 0).await.unwrap();
    world.cluster.faults().swallow_reply(ApiKey::PRODUCE).arm();
    let (error, took) = timed(world.send_one(&producer, 0, 1)).await;
    match error.unwrap_err() {
        SendError::Unknown { reason: Unsure::TimedOut { after, last }, record } => {
            assert_eq!((after, number(record.value.as_deref())), (DELIVERY, 1));
            assert!(last.unwrap().contains("not answered"));
        }
        other => panic!("{other:?}"),
    }
    assert!(took >= DELIVERY && took < DELIVERY + Duration::from_millis(10), "{took:?}");
    assert_eq!(producer.buffered(), 0);
    // It goes on as soon as the broker does.
    world.cluster.faults().clear();
    world.send_one(&producer, 0, 2).await.unwrap();
    assert_eq!(world.log(0), [0, 1, 2]);
}

/// Batches of different age expire one by one, however often the alarm was set and found nothing.
#[tokio::test(start_paused = true)]
async fn every_batch_expires_at_its_own_deadline() {
    let world = World::new(1, 1);
    let producer = world.producer();
    for number in 0..3 {
        world.send_one(&producer, 0, number).await.unwrap();
        tokio::time::sleep(Duration::from_secs(50)).await;
    }
    world.cluster.faults().swallow_reply(ApiKey::PRODUCE).arm();
    let mut pending = Vec::new();
    for number in 3..9 {
        pending.push(world.send(&producer, 0, [number]).await.remove(0));
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
    let began = tokio::time::Instant::now();
    for (delivery, expected) in pending.into_iter().zip([60, 70, 80, 90, 100, 110]) {
        tokio::time::timeout(LONG, delivery).await.unwrap().unwrap_err();
        let took = began.elapsed().as_millis();
        assert!((expected * 1000..expected * 1000 + 20).contains(&took), "{took} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_cannot_be_reached_gives_the_records_back_at_the_delivery_timeout() {
    let world = World::new(2, 2);
    let producer = world.producer();
    world.network.block(1);
    let before = world.send(&producer, 1, 0..3).await;
    let (written, took) = timed(world.send_one(&producer, 0, 0)).await;
    written.unwrap();
    assert!(took < Duration::from_secs(1), "{took:?}");
    let began = tokio::time::Instant::now();
    for (number, delivery) in (0..).zip(before) {
        match tokio::time::timeout(LONG, delivery).await.unwrap().unwrap_err() {
            SendError::NotWritten { reason: Reason::TimedOut { after, .. }, record } => {
                assert_eq!(after, DELIVERY);
                assert_eq!(crate::support::number(record.value.as_deref()), number);
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(began.elapsed() <= DELIVERY && began.elapsed() > DELIVERY - Duration::from_secs(2));
    assert_eq!((world.log(1).len(), producer.buffered()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn brokers_that_stop_and_start_lose_nothing() {
    let world = World::new(3, 3);
    let producer = world.builder().max_batch_size(1 << 10).build().unwrap();
    let mut deliveries = Vec::new();
    for number in 0..2000u32 {
        match number {
            500 => assert!(world.cluster.stop_broker(0)),
            900 => assert!(world.cluster.start_broker(0)),
            1000 => assert!(world.cluster.stop_broker(1)),
            1100 => assert!(world.cluster.stop_broker(2)),
            1600 => assert!(world.cluster.start_broker(1)),
            1700 => assert!(world.cluster.start_broker(2)),
            _ => {}
        }
        deliveries
            .extend(world.send(&producer, i32::try_from(number % 3).unwrap(), [number]).await);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let (_, took) = timed(offsets(deliveries)).await;
    assert!(took < Duration::from_secs(5), "{took:?}");
    for partition in 0..3 {
        let expected: Vec<_> = (0..2000).filter(|n| n % 3 == partition).collect();
        assert_eq!(world.log(i32::try_from(partition).unwrap()), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_sequence_goes_on_in_the_next_epoch() {
    for code in [ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, ErrorCode::UNKNOWN_PRODUCER_ID] {
        let world = World::new(1, 1);
        let producer = world.producer();
        world.send_one(&producer, 0, 0).await.unwrap();
        world.cluster.faults().fail(ApiKey::PRODUCE, code).times(1).arm();
        world.send_one(&producer, 0, 1).await.unwrap();
        world.cluster.forget_producers("in", 0);
        world.send_one(&producer, 0, 2).await.unwrap();
        assert_eq!(world.log(0), [0, 1, 2]);
        let epochs: Vec<_> =
            world.cluster.records("in", 0).iter().map(|record| record.producer_epoch).collect();
        assert_eq!(epochs, [0, 1, 1]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_sequence_is_not_sent_again_if_it_could_double() {
    let world = World::new(1, 1);
    let producer = world.producer();
    world.send_one(&producer, 0, 0).await.unwrap();
    let faults = world.cluster.faults();
    faults.drop_reply(ApiKey::PRODUCE).times(1).arm();
    let lost = ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER;
    faults.fail(ApiKey::PRODUCE, lost).after(1).times(1).arm();
    match world.send_one(&producer, 0, 1).await.unwrap_err() {
        SendError::Unknown { reason: Unsure::SequenceLost { code }, .. } => assert_eq!(code, lost),
        other => panic!("{other:?}"),
    }
    world.send_one(&producer, 0, 2).await.unwrap();
    assert_eq!(world.log(0), [0, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_never_finds_the_sequence_is_not_asked_in_a_loop() {
    let world = World::new(1, 1);
    let producer = world.producer();
    let fault = ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER;
    let fault = world.cluster.faults().fail(ApiKey::PRODUCE, fault).arm();
    world.send_one(&producer, 0, 0).await.unwrap_err();
    assert!(fault.hits() < 200, "{} requests in two minutes", fault.hits());
}

#[tokio::test(start_paused = true)]
async fn a_producer_that_is_given_no_identity_says_so_to_every_record() {
    let world = World::new(1, 1);
    let producer = world.producer();
    let refused = ErrorCode::CLUSTER_AUTHORIZATION_FAILED;
    world.cluster.faults().fail(ApiKey::INIT_PRODUCER_ID, refused).arm();
    let delivery = world.send(&producer, 0, [0]).await.remove(0);
    let (error, took) = timed(delivery).await;
    let error = error.unwrap_err();
    assert!(error.is_fatal() && took < Duration::from_secs(1), "{error:?} after {took:?}");
    assert_eq!(number(error.into_record().value.as_deref()), 0);
    let refused = producer.try_send(&world.topic, ottla_producer::Record::value(b"x"));
    assert!(matches!(refused, Err(Refused::Fatal(Reason::Identity { .. }))));
    assert_eq!(producer.buffered(), 0);
    producer.close(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn brokers_without_idempotence_are_found_out_at_once() {
    let world = World::on(TestCluster::builder().topic("in", 1).without(ApiKey::INIT_PRODUCER_ID));
    let producer = world.producer();
    let (error, took) = timed(world.send_one(&producer, 0, 0)).await;
    assert!(error.unwrap_err().is_fatal() && took < Duration::from_secs(1), "{took:?}");
    let plain = world.builder().idempotence(false).build().unwrap();
    world.send_one(&plain, 0, 1).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_identity_that_comes_late_is_waited_for() {
    let world = World::new(1, 1);
    let producer = world.producer();
    let busy = ErrorCode::COORDINATOR_LOAD_IN_PROGRESS;
    world.cluster.faults().fail(ApiKey::INIT_PRODUCER_ID, busy).times(3).arm();
    let deliveries = world.send(&producer, 0, 0..10).await;
    assert_eq!(offsets(deliveries).await, (0..10).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_asks_for_silence_gets_it() {
    let world = World::new(1, 1);
    let producer = world.producer();
    let pause = Duration::from_secs(3);
    world.cluster.faults().throttle(ApiKey::PRODUCE, pause).times(1).arm();
    let (_, at_once) = timed(world.send_one(&producer, 0, 0)).await;
    assert!(at_once < Duration::from_secs(1), "{at_once:?}");
    let (_, later) = timed(world.send_one(&producer, 0, 1)).await;
    assert!(later >= pause - Duration::from_millis(5) && later < pause * 2, "{later:?}");
}

/// H12: a leader that nobody knows an address of is not asked for in a loop.
#[tokio::test(start_paused = true)]
async fn a_broker_that_cannot_be_had_is_tried_ever_less_often() {
    let tries = Tries::default();
    let _counting = tracing::subscriber::set_default(tries.clone());
    let world = World::new(2, 1);
    let producer = world.producer();
    world.send_one(&producer, 0, 0).await.unwrap();
    let at = TopicPartition::new(world.topic.clone(), 0);
    let id = BrokerId(9);
    let hint = LeaderHint { at, leader: id, leader_epoch: 1 };
    let nowhere = Broker { id, address: Address::new("nowhere", 9092), rack: None };
    world.client.metadata().apply_leader_hints([hint], [nowhere]);
    // The cluster knows nothing of that broker, but what it says of the leader is older.
    world.client.metadata().refresh(world.client.deadline()).await.unwrap();
    assert!(world.client.cluster().broker(id).is_none());
    let waiting = world.send(&producer, 0, [1]).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let tried = tries.0.load(Ordering::Relaxed);
    assert!((10..=120).contains(&tried), "tried {tried} times in a minute");
    for leader in [1, 0] {
        assert!(world.cluster.move_leader("in", 0, leader));
    }
    let (_, took) = timed(offsets(waiting)).await;
    assert!(took < Duration::from_secs(3), "{took:?}");
}

/// Counts how often a sink says that it could not connect.
#[derive(Clone, Default)]
struct Tries(Arc<AtomicUsize>);

impl Subscriber for Tries {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && metadata.target() == "ottla_producer::sink::task"
    }

    fn event(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}
