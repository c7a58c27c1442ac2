//! The one task that moves records from the source through their handlers to the sink.
//!
//! It holds all state and shares none of it: handlers are tasks that only hand back their
//! results. Each round it does what can be done at once (start handlers, hand over outputs, mark
//! positions, let go of partitions) and then waits for one of the things listed in [`Wake`].

mod emission;
mod execution;
mod handover;
mod intake;
mod partition;
mod ready;
mod slot;
mod timers;
mod wake;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use foldhash::fast::RandomState;
use futures_util::stream::FuturesUnordered;
use slab::Slab;
use tokio::task::{self, JoinSet};
use tokio::time::{Duration, Instant};

use self::emission::{Outgoing, PendingSend, Tracked};
pub(crate) use self::handover::ABORT_GRACE;
use self::handover::Leaving;
use self::partition::Partitions;
use self::ready::Ready;
use self::slot::{Slot, SlotRef};
use self::timers::Timers;
use self::wake::Alarm;
use crate::Report;
use crate::counters::{Counters, Meters};
use crate::error::{ProcessorError, StopReason};
use crate::handle::Controls;
use crate::handler::{Outcome, Runner};
use crate::lanes::Lanes;
use crate::permits::Ledger;
use crate::settings::Settings;
use crate::sink::Sink;
use crate::source::{Input, Source};

type MarkOf<S> = <<S as Source>::Message as Input>::Mark;

/// The task's state. Invariants:
/// - A slot is in at most one of: its lane's queue, `ready`, `running`, `timers`, `outbox` and
///   `deliveries`, or its partition's output queue, as its state says. What names it elsewhere
///   carries a serial that no longer fits.
/// - `ledger` holds a record for each entry of each tracker, and the bytes of each live slot.
/// - `running` has an entry for each task in `tasks`.
pub(crate) struct Driver<S: Source, K: Sink> {
    settings: Settings,
    source: S,
    sink: K,
    runner: Box<dyn Runner<S::Message>>,
    controls: Controls,
    meters: Arc<Meters>,
    partitions: Partitions<MarkOf<S>>,
    slots: Slab<Slot<S::Message>>,
    serials: u64,
    lanes: Lanes,
    keys: RandomState,
    ledger: Ledger,
    ready: Ready,
    timers: Timers,
    tasks: JoinSet<Outcome>,
    running: HashMap<task::Id, usize, RandomState>,
    /// Outputs that wait for room in the sink, in order.
    outbox: VecDeque<Outgoing>,
    /// The output that waits for room now.
    sending: Option<PendingSend<K>>,
    deliveries: FuturesUnordered<Tracked<K::Delivery>>,
    /// Partitions on their way out.
    leaving: Vec<Leaving>,
    /// The processor ends once nothing is leaving any more.
    closing: bool,
    reason: Option<StopReason>,
    /// Failures of the source in a row, and when it is asked again.
    source_failures: u32,
    source_after: Option<Instant>,
    source_ended: bool,
    /// Records were finished in this round.
    alive: bool,
    /// Partitions whose position changed in this round.
    dirty: Vec<usize>,
    rng: fastrand::Rng,
    alarm: Alarm,
    /// When this round began.
    now: Instant,
    next_gauge: Instant,
}

/// Handler results and acknowledgements taken in one round, so that no round grows too long.
const ROUND: usize = 256;

/// How often slow gauges are brought up to date.
const GAUGE_INTERVAL: Duration = Duration::from_secs(1);

impl<S: Source, K: Sink> Driver<S, K> {
    pub(crate) fn new(
        settings: Settings,
        source: S,
        sink: K,
        runner: Box<dyn Runner<S::Message>>,
        controls: Controls,
        meters: Arc<Meters>,
    ) -> Self {
        let now = Instant::now();
        Self {
            ledger: Ledger::new(settings.limits),
            rng: fastrand::Rng::with_seed(settings.seed),
            settings,
            source,
            sink,
            runner,
            controls,
            meters,
            partitions: Partitions::new(),
            slots: Slab::new(),
            serials: 0,
            lanes: Lanes::new(RandomState::default()),
            keys: RandomState::default(),
            ready: Ready::default(),
            timers: Timers::default(),
            tasks: JoinSet::new(),
            running: HashMap::default(),
            outbox: VecDeque::new(),
            sending: None,
            deliveries: FuturesUnordered::new(),
            leaving: Vec::new(),
            closing: false,
            reason: None,
            source_failures: 0,
            source_after: None,
            source_ended: false,
            alive: false,
            dirty: Vec::new(),
            alarm: Alarm::new(now),
            now,
            next_gauge: now,
        }
    }

    /// Runs until it is told to end, or something makes it end.
    pub(crate) async fn run(mut self) -> Result<Report, ProcessorError> {
        loop {
            self.settle();
            if self.closing && self.leaving.is_empty() {
                break;
            }
            self.wait().await;
        }
        self.close().await
    }

    /// Does what can be done at once.
    fn settle(&mut self) {
        self.on_timers();
        self.pump_outbox();
        self.start_ready();
        // Marked before anything is let go of: afterwards it is fenced.
        self.mark_positions();
        self.let_go();
        self.resume_partitions();
        if std::mem::take(&mut self.alive) {
            self.source.alive();
        }
        self.show_gauges();
    }

    /// Ends the source and the sink. All partitions have been let go of.
    async fn close(mut self) -> Result<Report, ProcessorError> {
        let within = self.settings.close_timeout;
        let closed = self.source.close(within).await;
        // Nothing that is still in the sink can change what was committed.
        self.sink.close(within).await;
        self.tasks.abort_all();
        if let Err(error) = closed {
            self.reason.get_or_insert(StopReason::Close(error));
        }
        let report = self.meters.counters.report();
        match self.reason {
            None => Ok(report),
            Some(reason) => Err(ProcessorError { reason, report }),
        }
    }

    fn counters(&self) -> &Counters {
        &self.meters.counters
    }

    fn show_gauges(&mut self) {
        let gauges = &self.meters.gauges;
        gauges.partitions.set(self.partitions.assigned());
        gauges.paused.set(self.ledger.paused());
        gauges.executing.set(self.ledger.executing());
        gauges.waiting.set(self.ledger.waiting());
        gauges.outstanding.set(self.ledger.outstanding());
        gauges.outstanding_bytes.set(self.ledger.bytes());
        if self.now < self.next_gauge && self.ledger.outstanding() > 0 {
            return;
        }
        self.next_gauge = self.now + GAUGE_INTERVAL;
        let oldest = self.partitions.iter().filter_map(|(_, p)| p.tracker.oldest());
        let age = oldest.map(|(_, arrived)| self.now.duration_since(arrived)).max();
        let age = age.unwrap_or_default().as_millis();
        gauges.oldest_undone_ms.set(usize::try_from(age).unwrap_or(usize::MAX));
    }

    fn live(&mut self, record: SlotRef) -> Option<&mut Slot<S::Message>> {
        self.slots.get_mut(record.slot).filter(|s| s.serial == record.serial && s.is_live())
    }

    fn new_serial(&mut self) -> u64 {
        self.serials += 1;
        self.serials
    }
}

#[cfg(test)]
#[expect(
    clippy::cast_sign_loss,
    clippy::cast_possible_truncation,
    reason = "offsets and partitions of tests are small and positive"
)]
mod tests;
