use std::time::Duration;

use futures_util::FutureExt as _;
use ottla_client::{BrokerId, Client};
use ottla_protocol::ErrorCode;

use super::*;
use crate::{
    config::ProducerConfig,
    error::SendError,
    idempotence::{Answer, Identity},
};

/// A partition in the hands of the test, which plays its sinks and its router.
struct Bench {
    core: Arc<Core>,
    partition: Arc<PartitionQueue>,
    sinks: [Arc<Sink>; 2],
    round: u64,
}

impl Bench {
    fn new() -> Self {
        let client = Client::builder().bootstrap(["nowhere:1"]).seed(1).build().unwrap();
        let config = ProducerConfig { max_batch_size: 1 << 10, ..ProducerConfig::default() };
        let core = Core::new(client, config, None);
        core.set_identity(Identity { id: 7, epoch: 0 });
        let at = TopicPartition::new(core.client.topic("in"), 0);
        let partition = {
            let config = Arc::new(TopicConfig::of(&core.config, "in"));
            let sizing = Arc::new(Sizing::of(&core.config, &config));
            core.open_partition(at, &config, &sizing, None)
        };
        let sinks = [0, 1].map(|id| Sink::new(BrokerId(id), None));
        let bench = Self { core, partition, sinks, round: 0 };
        bench.lead(Some(0), 0);
        bench
    }

    fn lead(&self, sink: Option<usize>, epoch: i32) {
        let sink = sink.map(|sink| &self.sinks[sink]);
        self.partition.lead(sink, epoch, Uuid([1; 16]), &self.core);
    }

    fn append(&self, value: &[u8]) -> Result<Delivery, Refused> {
        let sent = self.partition.append(&self.core, &Record::value(value), 0, None, false);
        sent.map_err(|refused| *refused)
    }

    fn append_for(&self, value: &[u8], millis: u64) -> Delivery {
        let life = Life::new(Duration::from_millis(millis), Instant::now());
        self.partition.append(&self.core, &Record::value(value), 0, life.as_ref(), false).unwrap()
    }

    fn worn(&mut self, sink: usize) -> DrainedBatch {
        match self.next(sink) {
            Next::Worn(batch) => {
                let queued = batch.reopened(&self.core, &self.partition.at).unwrap();
                let QueuedBatch { raw, burden, .. } = queued.compacted(&self.core);
                DrainedBatch { sealed: raw.into(), burden }
            }
            other => panic!("{other:?}"),
        }
    }

    async fn after(&self, millis: u64) {
        tokio::time::advance(Duration::from_millis(millis)).await;
        while let Some(due) = self.core.alarms.take_due(Instant::now()) {
            due.expire(&self.core, Instant::now());
        }
    }

    fn next(&mut self, sink: usize) -> Next {
        self.round += 1;
        let now = Instant::now();
        self.partition.next(&self.sinks[sink], &self.core, self.round, now, usize::MAX)
    }

    fn fresh(&mut self, sink: usize) -> DrainedBatch {
        match self.next(sink) {
            Next::Fresh(batch) => DrainedBatch { sealed: batch.raw.into(), burden: batch.burden },
            other => panic!("{other:?}"),
        }
    }

    fn drain(&self, sink: usize, batch: DrainedBatch) -> Option<Numbered> {
        self.partition.drain(&self.sinks[sink], &self.core, vec![batch], usize::MAX)
    }

    fn answer(&self, numbered: &Numbered, answer: Answer) {
        let (cause, message, base_offset, timestamp) = (None, None, Some(0), None);
        let code = ErrorCode::NONE;
        let reply = Reply { answer, code, cause, message, base_offset, timestamp };
        self.partition.answered(&self.core, numbered.ticket, &reply);
    }

    /// Sends what is there and has it acknowledged, so that the leader has proved itself.
    fn write(&mut self, sink: usize) {
        let batch = self.fresh(sink);
        let numbered = self.drain(sink, batch).unwrap();
        self.answer(&numbered, Answer::Written);
    }
}

fn full() -> [u8; 900] {
    [0; 900]
}

/// What a batch with one such record comes to on the wire.
const WIRE: isize = 61 + 9 + 900;

#[tokio::test(start_paused = true)]
async fn a_batch_that_was_drained_while_its_partition_moved_goes_to_the_new_leader_first() {
    let mut bench = Bench::new();
    let mut first = bench.append(&full()).unwrap();
    let mut second = bench.append(&full()).unwrap();
    let batch = bench.fresh(0);
    bench.lead(Some(1), 1);
    assert_eq!(bench.sinks[1].look().0, 0, "nothing to send while one is being drained");
    assert!(bench.drain(0, batch).is_none());
    assert_eq!(bench.sinks[1].look().0, 1);
    assert!(matches!(bench.next(0), Next::Nothing));
    let Next::Numbered(numbered) = bench.next(1) else { panic!("not the one that came back") };
    bench.answer(&numbered, Answer::Written);
    assert!((&mut first).now_or_never().is_some_and(|outcome| outcome.is_ok()));
    assert!((&mut second).now_or_never().is_none());
    bench.write(1);
    assert!(second.now_or_never().is_some());
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_a_batch_is_watched_although_the_alarm_went_off_while_it_was_drained() {
    let mut bench = Bench::new();
    let timeout = bench.core.config.delivery_timeout;
    let _written = bench.append(b"a").unwrap();
    bench.write(0);
    tokio::time::advance(Duration::from_secs(30)).await;
    let delivery = bench.append(b"b").unwrap();
    let batch = bench.fresh(0);
    // The alarm of the first batch.
    tokio::time::advance(timeout - Duration::from_secs(30)).await;
    let due = bench.core.alarms.take_due(Instant::now()).unwrap();
    due.expire(&bench.core, Instant::now());
    assert!(bench.core.alarms.next().is_none());
    let _numbered = bench.drain(0, batch).unwrap();
    assert_eq!(bench.core.alarms.next(), Some(Instant::now() + Duration::from_secs(30)));
    tokio::time::advance(Duration::from_secs(30)).await;
    let due = bench.core.alarms.take_due(Instant::now()).unwrap();
    due.expire(&bench.core, Instant::now());
    assert!(matches!(delivery.now_or_never(), Some(Err(SendError::Unknown { .. }))));
}

#[tokio::test(start_paused = true)]
async fn nothing_slips_in_behind_the_end() {
    let mut bench = Bench::new();
    let open = bench.append(b"a").unwrap();
    bench.core.refuse(Refused::Closed);
    // A sender that had looked before still gets into the batch that is open, but begins none.
    let late = bench.append(b"b").unwrap();
    let batch = bench.fresh(0);
    assert!(matches!(bench.append(b"c"), Err(Refused::Closed)));
    bench.core.end(Reason::Closed, Unsure::Closed);
    // The topic is not among the core's, so the test gives its partition up.
    bench.partition.fail_all(&bench.core, bench.core.over().unwrap());
    assert!(matches!(bench.append(b"d"), Err(Refused::Closed)));
    let reason = |outcome| match outcome {
        Some(Err(SendError::NotWritten { reason, record })) => (reason, record.value.unwrap()),
        other => panic!("{other:?}"),
    };
    assert!(bench.drain(0, batch).is_none());
    assert_eq!(reason(open.now_or_never()), (Reason::Closed, "a".into()));
    assert_eq!(reason(late.now_or_never()), (Reason::Closed, "b".into()));
    assert_eq!(bench.core.budget.used(), 0);
}

/// Whatever happens to batches, their sink counts them out as it counted them in.
#[tokio::test(start_paused = true)]
async fn a_sink_counts_no_bytes_of_what_is_gone() {
    let mut bench = Bench::new();
    let counted = |bench: &Bench| [0, 1].map(|sink: usize| bench.sinks[sink].look().1);
    let appended: Vec<_> = (0..5).map(|_| bench.append(&full()).unwrap()).collect();
    assert_eq!(counted(&bench), [5 * WIRE, 0]);
    bench.write(0);
    assert_eq!(counted(&bench), [4 * WIRE, 0]);
    let batch = bench.fresh(0);
    bench.lead(Some(1), 1);
    assert_eq!(counted(&bench), [0, 3 * WIRE]);
    assert!(bench.drain(0, batch).is_none());
    bench.lead(None, 2);
    assert_eq!(counted(&bench), [0, 0]);
    bench.lead(Some(0), 3);
    assert_eq!(counted(&bench), [3 * WIRE, 0]);
    tokio::time::advance(bench.core.config.delivery_timeout).await;
    bench.partition.expire(&bench.core, Instant::now());
    assert_eq!(counted(&bench), [0, 0]);
    assert!(appended.into_iter().all(|delivery| delivery.now_or_never().is_some()));
    assert_eq!(bench.core.budget.used(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_ran_out_of_epochs_calls_for_another_identity() {
    let mut bench = Bench::new();
    let last = Identity { id: 8, epoch: i16::MAX - 1 };
    bench.partition.state.lock().sequencer = Sequencer::idempotent();
    bench.core.set_identity(last);
    let _gone = bench.append(b"a").unwrap();
    let batch = bench.fresh(0);
    let numbered = bench.drain(0, batch).unwrap();
    // What was notified before is not meant.
    let _ = bench.core.router.notified().now_or_never();
    bench.answer(&numbered, Answer::RefusedForGood);
    assert_eq!(bench.partition.exhausted_identity(), Some(8));
    assert!(bench.core.router.notified().now_or_never().is_some(), "the router was not told");
    let _waits = bench.append(b"b").unwrap();
    assert!(matches!(bench.next(0), Next::Nothing));
    bench.core.set_identity(Identity { id: 9, epoch: 0 });
    bench.partition.relist(&bench.core);
    bench.write(0);
}

#[tokio::test(start_paused = true)]
async fn one_error_that_hits_many_batches_is_one_failure() {
    let mut bench = Bench::new();
    let _deliveries: Vec<_> = (0..6).map(|_| bench.append(&full()).unwrap()).collect();
    bench.write(0);
    let batches: Vec<_> = (0..4)
        .map(|_| {
            let batch = bench.fresh(0);
            bench.drain(0, batch).unwrap()
        })
        .collect();
    for numbered in &batches {
        bench.answer(numbered, Answer::Unsure);
    }
    let Next::Later(at) = bench.next(0) else { panic!("no backoff") };
    let wait = at - Instant::now();
    assert!(wait > Duration::from_millis(50) && wait < Duration::from_millis(150), "{wait:?}");
}

fn expired(delivery: Delivery) -> Option<(Duration, bytes::Bytes)> {
    match delivery.now_or_never()? {
        Err(SendError::NotWritten { reason: Reason::Expired { ttl }, record }) => {
            Some((ttl, record.value.unwrap()))
        }
        other => panic!("{other:?}"),
    }
}

fn offset(delivery: Delivery) -> Option<i64> {
    delivery.now_or_never()?.unwrap().offset
}

/// The log must have no gaps, and those who are left must find their own offsets.
#[tokio::test(start_paused = true)]
async fn what_is_left_of_a_batch_is_drained_without_gaps() {
    let mut bench = Bench::new();
    let long = bench.append_for(b"a", 1000);
    let short = bench.append_for(b"b", 10);
    let endless = bench.append(b"c").unwrap();
    let shorter = bench.append_for(b"d", 5);
    let last = bench.append_for(b"e", 1000);
    assert_eq!(bench.core.alarms.next(), Some(Instant::now() + Duration::from_millis(5)));
    bench.after(5).await;
    assert_eq!(expired(shorter), Some((Duration::from_millis(5), "d".into())));
    bench.after(5).await;
    assert_eq!(expired(short), Some((Duration::from_millis(10), "b".into())));
    let Next::Fresh(queued) = bench.next(0) else { panic!("nothing") };
    let QueuedBatch { raw, burden, .. } = queued.compacted(&bench.core);
    let values: Vec<_> = raw.records().map(|view| (view.offset, view.value.unwrap())).collect();
    assert_eq!(values, [(0, &b"a"[..]), (1, b"c"), (2, b"e")]);
    let numbered = bench.drain(0, DrainedBatch { sealed: raw.into(), burden }).unwrap();
    bench.after(5000).await;
    bench.answer(&numbered, Answer::Written);
    let offsets = [long, endless, last].map(|delivery| offset(delivery).unwrap());
    assert_eq!(offsets, [0, 1, 2]);
    assert_eq!(bench.core.budget.used(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_batch_of_which_nothing_is_left_is_freed_at_once() {
    let bench = Bench::new();
    let mut deliveries = Vec::new();
    for _ in 0..3 {
        deliveries.push(bench.append_for(&full(), 10));
    }
    deliveries.push(bench.append_for(b"open", 10));
    assert_eq!(bench.sinks[0].look().1, 3 * WIRE);
    bench.after(10).await;
    assert_eq!((bench.core.budget.used(), bench.sinks[0].look().1), (0, 0));
    assert!(deliveries.into_iter().all(|delivery| expired(delivery).is_some()));
    assert_eq!(bench.core.alarms.next(), None);
}

/// What the broker refused was never written, so it goes back to the queue, and there it expires.
#[tokio::test(start_paused = true)]
async fn records_expire_in_a_batch_that_came_back_and_only_there() {
    let mut bench = Bench::new();
    let gone = bench.append(b"gone").unwrap();
    {
        let mut state = bench.partition.state.lock();
        let sealed = state.open.take().map(crate::accumulator::batch::OpenBatch::seal);
        state.queued.extend(sealed);
    }
    let (short, long) = (bench.append_for(b"short", 50), bench.append_for(b"long", 5000));
    let first = bench.fresh(0);
    let first = bench.drain(0, first).unwrap();
    bench.answer(&first, Answer::Written);
    assert_eq!(offset(gone), Some(0));
    // Numbered: it does not expire, as long as the broker may have it.
    let batch = bench.fresh(0);
    let numbered = bench.drain(0, batch).unwrap();
    bench.after(60).await;
    let mut short = short;
    assert!((&mut short).now_or_never().is_none(), "expired although it may be written");
    // Refused, and for a reason that ends the epoch: it is not written.
    bench.answer(&numbered, Answer::OutOfSequence);
    bench.after(0).await;
    assert!(bench.partition.state.lock().returned.front().is_some());
    let worn = bench.worn(0);
    assert_eq!(expired(short), Some((Duration::from_millis(50), "short".into())));
    let numbered = bench.drain(0, worn).unwrap();
    bench.answer(&numbered, Answer::Written);
    assert_eq!(offset(long), Some(0));
    assert_eq!(bench.core.budget.used(), 0);
}

/// A batch that was being compressed while others came back goes behind them: they were drained
/// before it.
#[tokio::test(start_paused = true)]
async fn a_batch_does_not_overtake_those_that_came_back_while_it_was_drained() {
    let mut bench = Bench::new();
    let deliveries: Vec<_> = (0..4).map(|_| bench.append(&full()).unwrap()).collect();
    bench.write(0);
    let [first, second] = [(); 2].map(|()| {
        let batch = bench.fresh(0);
        bench.drain(0, batch).unwrap()
    });
    let third = bench.fresh(0);
    bench.answer(&first, Answer::RefusedForGood);
    bench.answer(&second, Answer::OutOfSequence);
    assert!(bench.drain(0, third).is_none(), "it overtook");
    let mut offsets = Vec::new();
    for _ in 0..2 {
        let Next::Numbered(numbered) = bench.next(0) else { panic!("nothing") };
        bench.answer(&numbered, Answer::Written);
        offsets.push(deliveries.len());
    }
    let outcomes: Vec<bool> =
        deliveries.into_iter().map(|delivery| delivery.now_or_never().unwrap().is_ok()).collect();
    assert_eq!(outcomes, [true, false, true, true]);
}

/// A batch that is being split belongs to its partition until its pieces take its place.
#[tokio::test(start_paused = true)]
async fn a_batch_that_ends_while_it_is_split_ends_whole() {
    for expires in [true, false] {
        let mut bench = Bench::new();
        let _first = bench.append(&full()).unwrap();
        bench.write(0);
        let deliveries = [b"a", b"b", b"c"].map(|value| bench.append(value).unwrap());
        let batch = bench.fresh(0);
        let numbered = bench.drain(0, batch).unwrap();
        bench.answer(&numbered, Answer::TooLarge);
        let Next::Oversized(Oversized { ticket, sealed }) = bench.next(0) else { panic!("whole") };
        assert!(matches!(bench.next(0), Next::Nothing), "nothing overtakes it");
        if expires {
            tokio::time::advance(bench.core.config.delivery_timeout).await;
            bench.partition.expire(&bench.core, Instant::now());
        }
        let raw = sealed.to_raw(bench.core.client.codecs()).unwrap();
        let (front, back) = raw.split_at(1, &bench.core.pool);
        bench.partition.split(&bench.core, ticket, vec![front.into(), back.into()]);
        if !expires {
            for _ in 0..2 {
                let Next::Numbered(piece) = bench.next(0) else { panic!("no piece") };
                bench.answer(&piece, Answer::Written);
            }
        }
        for delivery in deliveries {
            match delivery.now_or_never() {
                Some(Ok(_)) if !expires => {}
                Some(Err(SendError::NotWritten { .. })) if expires => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(bench.core.budget.used(), 0);
    }
}

/// KIP-91: who joins a batch that others have begun has nearly all of its own time.
#[tokio::test(start_paused = true)]
async fn no_record_joins_a_batch_that_is_soon_given_up() {
    let mut bench = Bench::new();
    let timeout = bench.core.config.delivery_timeout;
    let share = timeout / 16;
    bench.lead(None, 1);
    let mut deliveries = Vec::new();
    for _ in 0..30 {
        deliveries.push((Instant::now(), Some(bench.append(b"x").unwrap())));
        bench.after(1000).await;
    }
    let millis = u64::try_from(timeout.as_millis()).unwrap();
    for _ in 0..millis / 100 {
        bench.after(100).await;
        for (sent, waiting) in &mut deliveries {
            let ended = waiting.as_mut().is_some_and(|one| one.now_or_never().is_some());
            if ended {
                *waiting = None;
                let took = sent.elapsed();
                assert!(took <= timeout && took >= timeout - share, "after {took:?}");
            }
        }
    }
    assert!(deliveries.iter().all(|(_, waiting)| waiting.is_none()));
    assert_eq!(bench.core.budget.used(), 0);
    // A batch of its own for each share, not for each record.
    bench.lead(Some(0), 2);
    let _batches: Vec<_> = (0..30).map(|_| bench.append(b"y").unwrap()).collect();
    bench.write(0);
    assert!(matches!(bench.next(0), Next::Nothing));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_passes_while_a_batch_is_drained_is_not_forgotten_for_a_later_one() {
    let mut bench = Bench::new();
    let timeout = bench.core.config.delivery_timeout;
    let first = bench.append(&full()).unwrap();
    let batch = bench.fresh(0);
    tokio::time::advance(timeout / 2).await;
    let _second = bench.append(&full()).unwrap();
    bench.after(u64::try_from((timeout / 2).as_millis()).unwrap()).await;
    let _numbered = bench.drain(0, batch);
    bench.after(1000).await;
    assert!(first.now_or_never().is_some(), "its deadline is a second ago");
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_comes_back_expires_in_time() {
    let mut bench = Bench::new();
    let _a = bench.append(b"a").unwrap();
    bench.write(0);
    let b = bench.append_for(b"b", 100);
    let batch = bench.fresh(0);
    let numbered = bench.drain(0, batch).unwrap();
    bench.after(100).await;
    bench.answer(&numbered, Answer::OutOfSequence);
    bench.lead(None, 1);
    assert!(bench.partition.state.lock().returned.front().is_some());
    bench.after(1000).await;
    assert!(b.now_or_never().is_some(), "its ttl is a second ago");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_of_a_batch_whose_rest_had_expired_when_its_front_was_dropped() {
    let client = Client::builder().bootstrap(["nowhere:1"]).seed(1).build().unwrap();
    let config = ProducerConfig {
        max_batch_size: 1 << 16,
        overflow: crate::config::Overflow::DropOldest,
        ..ProducerConfig::default()
    };
    let core = Core::new(client, config, None);
    core.set_identity(Identity { id: 7, epoch: 0 });
    let at = TopicPartition::new(core.client.topic("in"), 0);
    let partition = {
        let config = Arc::new(TopicConfig::of(&core.config, "in"));
        let sizing = Arc::new(Sizing::of(&core.config, &config));
        core.open_partition(at, &config, &sizing, None)
    };
    let sinks = [0, 1].map(|id| Sink::new(BrokerId(id), None));
    let mut bench = Bench { core, partition, sinks, round: 0 };
    bench.lead(Some(0), 0);
    // Four fill the first chunk of 4 KiB.
    let firsts: Vec<_> = (0..4).map(|_| bench.append(&full()).unwrap()).collect();
    let lasts: Vec<_> = (0..4).map(|_| bench.append_for(&full(), 10)).collect();
    bench.after(10).await;
    assert!(bench.core.budget.drop_oldest(&bench.core));
    for delivery in firsts.into_iter().chain(lasts) {
        assert!(delivery.now_or_never().is_some());
    }
    match bench.next(0) {
        Next::Fresh(queued) => {
            let queued = queued.compacted(&bench.core);
            panic!("a batch of {} records is to be sent", queued.raw.count());
        }
        other => assert!(matches!(other, Next::Nothing), "{other:?}"),
    }
    assert_eq!(bench.core.budget.used(), 0);
}

#[tokio::test(start_paused = true)]
async fn drop_oldest_drops_no_more_than_it_must_whoever_waits() {
    use crate::{Overflow, Producer};
    let client = Client::builder().bootstrap(["nowhere:1"]).seed(1).build().unwrap();
    let builder = Producer::builder(&client).overflow(Overflow::DropOldest).buffer_records(100);
    let producer = builder.build().unwrap();
    let mut sent = Vec::new();
    for topic in 0..100 {
        let topic = client.topic(&format!("in{topic}"));
        sent.push(producer.send(&topic, Record::value(b"x")).await.unwrap());
    }
    // As one who sends late objects.
    let mut waits = Box::pin(producer.room());
    assert!((&mut waits).now_or_never().is_none());
    let newest = producer.send(&client.topic("in0"), Record::value(b"y")).await.unwrap();
    let mut dropped = 0;
    for delivery in sent {
        dropped += usize::from(delivery.now_or_never().is_some());
    }
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!((dropped, newest.now_or_never().is_some()), (1, false));
}
