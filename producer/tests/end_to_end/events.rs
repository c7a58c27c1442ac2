//! The event sink and callbacks: every record told once, with no lock held, whatever they do.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ottla_client::{BrokerId, Outcome};
use ottla_producer::{Acknowledged, FailedRecords, Producer, ProducerEvents, Record};
use ottla_protocol::{ApiKey, ErrorCode, compression::Compression};

use crate::support::{World, number};

const SECOND: Duration = Duration::from_secs(1);

/// Writes down what it is told.
#[derive(Default)]
struct Told {
    acknowledged: Mutex<Vec<Acknowledged>>,
    /// What each number was told.
    failed: Mutex<BTreeMap<u32, Vec<&'static str>>>,
    throttled: Mutex<Vec<(BrokerId, Duration)>>,
}

impl Told {
    fn note(&self, records: &FailedRecords, how: &'static str) {
        let before: usize = self.failed.lock().unwrap().values().map(Vec::len).sum();
        for record in records.records() {
            let number = number(record.value.as_deref());
            self.failed.lock().unwrap().entry(number).or_default().push(how);
        }
        let after: usize = self.failed.lock().unwrap().values().map(Vec::len).sum();
        assert_eq!((after - before) as u64, records.count());
    }

    fn written(&self) -> u32 {
        self.acknowledged.lock().unwrap().iter().map(|batch| batch.count).sum()
    }

    fn how(&self, number: u32) -> Vec<&'static str> {
        self.failed.lock().unwrap().get(&number).cloned().unwrap_or_default()
    }
}

impl ProducerEvents for Told {
    fn acknowledged(&self, batch: &Acknowledged) {
        self.acknowledged.lock().unwrap().push(batch.clone());
    }

    fn expired(&self, records: &FailedRecords) {
        assert!(records.reason().unwrap().is_expiry());
        self.note(records, "expired");
    }

    fn discarded(&self, records: &FailedRecords) {
        assert_eq!(records.outcome(), Outcome::NotWritten);
        self.note(records, "discarded");
    }

    fn unknown(&self, records: &FailedRecords) {
        assert_eq!((records.outcome(), records.reason()), (Outcome::Unknown, None));
        assert!(records.unsure().is_some());
        self.note(records, "unknown");
    }

    fn throttled(&self, broker: BrokerId, pause: Duration) {
        self.throttled.lock().unwrap().push((broker, pause));
    }
}

fn listening(world: &World) -> (Producer, Arc<Told>) {
    let told = Arc::new(Told::default());
    let producer = world.builder().events(Arc::clone(&told) as _).build().unwrap();
    (producer, told)
}

#[tokio::test(start_paused = true)]
async fn written_batches_are_acknowledged_with_their_place() {
    let world = World::new(1, 2);
    let (producer, told) = listening(&world);
    world.send(&producer, 0, 0..10).await;
    world.send(&producer, 1, 0..5).await;
    // Nobody kept a delivery; a flush returns after everything has been told.
    producer.flush().await.unwrap();
    let mut next = [0, 0];
    for batch in told.acknowledged.lock().unwrap().iter() {
        assert_eq!(batch.topic, world.topic);
        let next = &mut next[usize::try_from(batch.partition).unwrap()];
        assert_eq!(batch.base_offset, Some(*next));
        *next += i64::from(batch.count);
    }
    assert_eq!(next, [10, 5]);
}

#[tokio::test(start_paused = true)]
async fn expired_discarded_and_unknown_records_come_back_each_once() {
    let world = World::new(3, 3);
    let (producer, told) = listening(&world);
    for partition in 0..3 {
        world.send_one(&producer, partition, 0).await.unwrap();
    }
    let faults = world.cluster.faults();
    faults.fail(ApiKey::PRODUCE, ErrorCode::INVALID_RECORD).partition(0).times(1).arm();
    faults.swallow_reply(ApiKey::PRODUCE).broker(1).arm();
    faults.fail(ApiKey::PRODUCE, ErrorCode::NOT_ENOUGH_REPLICAS).partition(2).arm();
    let discarded = world.send(&producer, 0, 100..103).await;
    let unknown = world.send(&producer, 1, 200..202).await;
    world.send(&producer, 2, 300..304).await;
    let staged = world.client.topic("never");
    drop(producer.send(&staged, Record::value(&400u32.to_be_bytes())).await.unwrap());
    // The deliveries of some are dropped, others are awaited: told to both.
    drop(unknown);
    for delivery in discarded {
        assert_eq!(delivery.await.unwrap_err().outcome(), Outcome::NotWritten);
    }
    let error = producer.flush().await.unwrap_err();
    assert_eq!((error.not_written, error.unknown), (8, 2));
    for (numbers, how) in [(100..103, "discarded"), (200..202, "unknown"), (300..304, "expired")] {
        for number in numbers {
            assert_eq!(told.how(number), [how], "{number}");
        }
    }
    assert_eq!(told.how(400), ["discarded"], "its topic never came to be");
    assert_eq!(told.written(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_producer_is_told_by_whom_and_for_how_long() {
    let world = World::new(2, 2);
    let (producer, told) = listening(&world);
    world.cluster.faults().throttle(ApiKey::PRODUCE, SECOND).broker(1).times(1).arm();
    world.send_one(&producer, 0, 0).await.unwrap();
    world.send_one(&producer, 1, 0).await.unwrap();
    producer.flush().await.unwrap();
    assert_eq!(*told.throttled.lock().unwrap(), [(BrokerId(1), SECOND)]);
}

#[tokio::test(start_paused = true)]
async fn what_a_close_gives_up_is_told_before_it_returns() {
    let world = World::new(1, 1);
    let (producer, told) = listening(&world);
    world.send_one(&producer, 0, 0).await.unwrap();
    world.cluster.faults().swallow_reply(ApiKey::PRODUCE).arm();
    world.send(&producer, 0, [1]).await;
    tokio::time::sleep(SECOND).await;
    let never = world.client.topic("never");
    drop(producer.send(&never, Record::value(&2u32.to_be_bytes())).await.unwrap());
    let closed = producer.close(SECOND).await;
    assert_eq!((closed.not_written.len(), closed.unknown.len()), (1, 1));
    assert_eq!((told.how(1), told.how(2)), (vec!["unknown"], vec!["discarded"]));
}

/// H20: nobody holds a delivery, and the runtime goes away under the producer.
#[test]
fn the_end_of_the_runtime_is_told() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let told = runtime.block_on(async {
        let world = World::new(1, 1);
        let (producer, told) = listening(&world);
        world.send_one(&producer, 0, 0).await.unwrap();
        world.cluster.faults().swallow_reply(ApiKey::PRODUCE).arm();
        world.send(&producer, 0, 1..100).await;
        tokio::time::sleep(SECOND).await;
        told
    });
    drop(runtime);
    for number in 1..100 {
        assert_eq!(told.how(number).len(), 1, "{number}");
    }
}

/// Panics at every event.
struct Panics;

impl ProducerEvents for Panics {
    fn acknowledged(&self, batch: &Acknowledged) {
        panic!("acknowledged {}", batch.count);
    }

    fn failed(&self, records: &FailedRecords) {
        panic!("{}", records.cause());
    }
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_panics_harms_no_outcome() {
    let world = World::new(1, 1);
    let producer = world.builder().events(Arc::new(Panics)).build().unwrap();
    let deliveries = world.send(&producer, 0, 0..10).await;
    crate::support::offsets(deliveries).await;
    let refused = ErrorCode::INVALID_RECORD;
    world.cluster.faults().fail(ApiKey::PRODUCE, refused).times(1).arm();
    world.send_one(&producer, 0, 10).await.unwrap_err();
    world.send_one(&producer, 0, 11).await.unwrap();
    assert!(producer.close(SECOND).await.is_clean());
}

/// Sends again what comes back, from within the event.
struct SendsAgain {
    producer: Mutex<Option<Producer>>,
    told: Told,
}

impl ProducerEvents for SendsAgain {
    fn acknowledged(&self, batch: &Acknowledged) {
        self.told.acknowledged(batch);
    }

    fn failed(&self, records: &FailedRecords) {
        let producer = self.producer.lock().unwrap();
        for record in records.records() {
            let again = Record::value(record.value.as_deref().unwrap());
            drop(producer.as_ref().unwrap().try_send(records.topic(), again).unwrap());
        }
    }
}

/// H10: no lock is held while user code runs, nor is it called within itself.
#[tokio::test(start_paused = true)]
async fn an_event_may_send_to_the_partition_it_tells_of() {
    let world = World::new(1, 1);
    let told = Arc::new(SendsAgain { producer: Mutex::new(None), told: Told::default() });
    let producer = world.builder().events(Arc::clone(&told) as _).build().unwrap();
    *told.producer.lock().unwrap() = Some(producer.clone());
    world.send_one(&producer, 0, 0).await.unwrap();
    let refused = ErrorCode::INVALID_RECORD;
    world.cluster.faults().fail(ApiKey::PRODUCE, refused).times(3).arm();
    world.send(&producer, 0, 1..4).await;
    while producer.flush().await.is_err() {}
    producer.flush().await.unwrap();
    let mut log = world.log(0);
    log.sort_unstable();
    assert_eq!((log, told.told.written()), ((0..4).collect(), 4));
    *told.producer.lock().unwrap() = None;
}

#[tokio::test(start_paused = true)]
async fn a_callback_is_called_once_whatever_becomes_of_its_record() {
    let world = World::new(2, 2);
    let producer = world.builder().compression(Compression::Gzip).build().unwrap();
    let calls = Arc::new(Mutex::new(Vec::new()));
    let note = |number: u32| {
        let calls = Arc::clone(&calls);
        move |outcome: Result<ottla_producer::Written, ottla_producer::SendError>| {
            let outcome = outcome.map(|written| written.offset.unwrap());
            calls.lock().unwrap().push((number, outcome.map_err(|error| error.outcome())));
        }
    };
    // The first wait for their topic, then for their partition, then for the answer.
    for (number, delivery) in (0..3).zip(world.send(&producer, 0, 0..3).await) {
        delivery.on_outcome(note(number));
    }
    producer.flush().await.unwrap();
    world.cluster.faults().swallow_reply(ApiKey::PRODUCE).broker(1).arm();
    world.send(&producer, 1, [3]).await.remove(0).on_outcome(note(3));
    let mut known = world.send(&producer, 0, [4]).await.remove(0);
    (&mut known).await.unwrap();
    known.on_outcome(note(4));
    let _ = producer.close(SECOND).await;
    let expected = [(0, Ok(0)), (1, Ok(1)), (2, Ok(2)), (4, Ok(3)), (3, Err(Outcome::Unknown))];
    assert_eq!(*calls.lock().unwrap(), expected);
}

/// What waits for its topic is told while its partitions are set up, by a thread that must not
/// hold what a send needs.
#[tokio::test(start_paused = true)]
async fn a_callback_may_send_to_the_topic_it_is_told_of() {
    let world = World::new(1, 1);
    let producer = world.producer();
    let nowhere = Record::value(b"nowhere").partition(7);
    let delivery = producer.send(&world.topic, nowhere).await.unwrap();
    let (again, topic) = (producer.clone(), world.topic.clone());
    let (tell, told) = tokio::sync::oneshot::channel();
    delivery.on_outcome(move |outcome| {
        let Err(error) = outcome else { panic!("there is no partition 7") };
        assert!(matches!(error, ottla_producer::SendError::NotWritten { .. }));
        let again = again.try_send(&topic, Record::value(&1u32.to_be_bytes())).unwrap();
        again.on_outcome(move |outcome| tell.send(outcome.unwrap().offset).unwrap());
    });
    assert_eq!(told.await.unwrap(), Some(0));
    // One that panics is its own affair.
    world.send(&producer, 0, [2]).await.remove(0).on_outcome(|_| panic!("a callback's own"));
    world.send_one(&producer, 0, 3).await.unwrap();
}
