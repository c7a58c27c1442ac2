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
        let partition = core.open_partition(at, &Arc::new(TopicConfig::of(&core.config, "in")));
        let sinks = [0, 1].map(|id| Sink::new(BrokerId(id)));
        let bench = Self { core, partition, sinks, round: 0 };
        bench.lead(Some(0), 0);
        bench
    }

    fn lead(&self, sink: Option<usize>, epoch: i32) {
        let sink = sink.map(|sink| &self.sinks[sink]);
        self.partition.lead(sink, epoch, Uuid([1; 16]), &self.core);
    }

    fn append(&self, value: &[u8]) -> Result<Delivery, Refused> {
        let sent = self.partition.append(&self.core, &Record::value(value), 0);
        sent.map_err(|refused| *refused)
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
        self.partition.drain(&self.sinks[sink], &self.core, batch)
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
    assert_eq!(counted(&bench), [5 * 4096, 0]);
    bench.write(0);
    assert_eq!(counted(&bench), [4 * 4096, 0]);
    let batch = bench.fresh(0);
    bench.lead(Some(1), 1);
    assert_eq!(counted(&bench), [0, 3 * 4096]);
    assert!(bench.drain(0, batch).is_none());
    bench.lead(None, 2);
    assert_eq!(counted(&bench), [0, 0]);
    bench.lead(Some(0), 3);
    assert_eq!(counted(&bench), [3 * 4096, 0]);
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
