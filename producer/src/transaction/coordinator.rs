//! The task that moves requests, answers and time between the machine and the coordinators.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use ottla_protocol::ErrorCode;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::{
    error::{AbortCause, CommitError, FatalCause, TransactionError},
    machine::{Answer, Effect, Machine, Protocol, Request, Verdict},
    offsets::GroupOffsets,
    requests::Asker,
    roll::Roll,
};
use crate::{
    accumulator::PartitionQueue,
    core::Core,
    error::{Reason, Refused, Unsure},
    producer::settle,
};

/// What the handles ask for. Each has its answer exactly once, unless the task ends before.
#[derive(Debug)]
pub(super) enum Command {
    Begin(oneshot::Sender<Result<(), TransactionError>>),
    Commit(oneshot::Sender<Result<(), CommitError>>),
    Abort(oneshot::Sender<Result<(), TransactionError>>),
    Offsets(GroupOffsets, oneshot::Sender<Result<(), TransactionError>>),
    /// No further transaction will begin.
    Close(oneshot::Sender<Result<(), TransactionError>>),
}

/// Who waits for the machine's verdict. It is replaced when its caller has gone away.
#[derive(Debug)]
enum Waiting {
    Commit(oneshot::Sender<Result<(), CommitError>>),
    Other(oneshot::Sender<Result<(), TransactionError>>),
}

/// The feature by which a cluster says how it runs transactions (KIP-890).
const FEATURE: &str = "transaction.version";
/// The level from which on each end raises the epoch.
const SECOND_FROM: i16 = 2;

type Asking = Pin<Box<dyn Future<Output = Answer> + Send>>;
type Settling = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs until the producer has ended.
pub(super) async fn run(core: Arc<Core>, commands: mpsc::UnboundedReceiver<Command>) {
    let Some(roll) = &core.roll else { return };
    // However it ends: nobody waits for ever.
    let _finished = roll.finished.clone().drop_guard();
    let mut task = Coordinator {
        core: Arc::clone(&core),
        machine: Machine::new(roll.patience),
        commands,
        asking: None,
        settling: None,
        waiting: None,
        offsets: HashMap::new(),
        next_ticket: 0,
        orphaned: false,
    };
    let ended = core.ended.clone();
    tokio::select! {
        biased;
        () = ended.cancelled() => {}
        () = task.serve(roll) => {}
    }
}

struct Coordinator {
    core: Arc<Core>,
    machine: Machine<Arc<PartitionQueue>>,
    commands: mpsc::UnboundedReceiver<Command>,
    /// The request that is out.
    asking: Option<Asking>,
    /// Waits for the outcomes of all records.
    settling: Option<Settling>,
    waiting: Option<Waiting>,
    /// By their tickets, until they are committed.
    offsets: HashMap<u64, (GroupOffsets, oneshot::Sender<Result<(), TransactionError>>)>,
    next_ticket: u64,
    /// The last handle is gone: it ends when nothing is open.
    orphaned: bool,
}

impl Coordinator {
    async fn serve(&mut self, roll: &Roll) {
        loop {
            self.take_in(roll);
            self.go_on(roll);
            if self.orphaned && !self.machine.is_waited_for() {
                return;
            }
            let wake_at = self.machine.wake_at();
            tokio::select! {
                biased;
                answer = pending(&mut self.asking) => self.answered(&answer),
                () = pending(&mut self.settling) => {
                    self.settling = None;
                    // What failed is told before the outcomes are.
                    self.take_in(roll);
                    self.machine.settled();
                }
                () = roll.wake.notified() => {}
                Some(command) = self.commands.recv() => self.obey(roll, command),
                () = self.core.orphaned.cancelled(), if !self.orphaned => {
                    self.orphaned = true;
                    self.machine.close(Instant::now());
                }
                () = sleep_until(wake_at.unwrap_or_else(Instant::now)), if wake_at.is_some() => {}
            }
        }
    }

    fn obey(&mut self, roll: &Roll, command: Command) {
        self.take_in(roll);
        // What is said of what was asked before is not for who asks now.
        self.carry_all_out(roll);
        let now = Instant::now();
        match command {
            Command::Begin(reply) => {
                self.waiting = Some(Waiting::Other(reply));
                self.machine.begin(now);
            }
            Command::Commit(reply) => {
                self.waiting = Some(Waiting::Commit(reply));
                self.machine.commit();
            }
            Command::Abort(reply) => {
                self.waiting = Some(Waiting::Other(reply));
                self.machine.abort(now);
            }
            Command::Close(reply) => {
                self.waiting = Some(Waiting::Other(reply));
                self.machine.close(now);
            }
            Command::Offsets(offsets, reply) => {
                let (ticket, group) = (self.next_ticket, offsets.group_id());
                self.next_ticket = ticket.wrapping_add(1);
                self.offsets.insert(ticket, (offsets, reply));
                self.machine.want_offsets(ticket, group, now);
            }
        }
    }

    /// Takes in what partitions and handles have left on the roll.
    fn take_in(&mut self, roll: &Roll) {
        if roll.has_members() {
            self.machine.entered();
        }
        for partition in roll.take_wanted() {
            self.machine.want(partition);
        }
        if let Some(cause) = roll.take_failure() {
            self.machine.fail(cause);
        }
        if roll.take_dropped() {
            self.machine.give_up();
        }
        if let Some(over) = self.core.over() {
            // Whatever ended the producer, nothing of it can be committed any more.
            let cause = match &over.not_written {
                Reason::Transactional { cause } => cause.clone(),
                _ => FatalCause::Ended,
            };
            self.machine.die(cause);
        }
    }

    /// Goes as far as possible without waiting.
    fn go_on(&mut self, roll: &Roll) {
        let now = Instant::now();
        self.machine.handle_timeout(now);
        loop {
            if let Some(request) = self.machine.poll(now) {
                self.ask(request);
            }
            self.machine.open(self.protocol());
            let idle = !self.carry_all_out(roll);
            if !self.machine.is_settling() {
                self.settling = None;
            }
            if idle {
                return;
            }
        }
    }

    /// Says whether there was anything.
    fn carry_all_out(&mut self, roll: &Roll) -> bool {
        let mut something = false;
        while let Some(effect) = self.machine.take_effect() {
            something = true;
            self.carry_out(roll, effect);
        }
        something
    }

    /// What the cluster has turned on, as far as anybody has told.
    fn protocol(&self) -> Protocol {
        match self.core.client.feature(FEATURE) {
            Some(level) if level >= SECOND_FROM => Protocol::Second,
            _ => Protocol::First,
        }
    }

    fn ask(&mut self, request: Request<Arc<PartitionQueue>>) {
        let offsets = match &request {
            Request::CommitOffsets(ticket) => self.offsets.get(ticket).map(|(it, _)| it.clone()),
            _ => None,
        };
        let asker = Asker {
            core: Arc::clone(&self.core),
            identity: self.machine.identity(),
            protocol: self.machine.protocol(),
            offsets,
        };
        self.asking = Some(Box::pin(asker.ask(request)));
    }

    fn answered(&mut self, answer: &Answer) {
        self.asking = None;
        let failures = self.machine.failures().saturating_add(1);
        let wait = match answer {
            Answer::Again { soon: true, .. } => {
                self.core.backoff_after(ErrorCode::CONCURRENT_TRANSACTIONS, failures)
            }
            _ => self.core.backoff(failures),
        };
        self.machine.answered(Instant::now(), answer.clone(), wait);
    }

    fn carry_out(&mut self, roll: &Roll, effect: Effect<Arc<PartitionQueue>>) {
        match effect {
            Effect::Open(identity, protocol) => roll.open(identity, protocol),
            Effect::Enlist(partitions) => {
                if let Some(identity) = self.machine.identity() {
                    for partition in partitions {
                        partition.enlist(&self.core, identity);
                    }
                }
            }
            Effect::Doom => self.doom(roll),
            Effect::Settle => {
                let core = Arc::clone(&self.core);
                self.settling = Some(Box::pin(async move { settle(&core).await }));
            }
            Effect::Close => {
                for partition in roll.close() {
                    if partition.dismiss() {
                        self.machine.broke();
                    }
                }
            }
            Effect::Offsets(ticket, outcome) => {
                if let Some((_, reply)) = self.offsets.remove(&ticket) {
                    // Whoever has gone away does not want to know.
                    let _gone = reply.send(outcome);
                }
            }
            Effect::Verdict(verdict) => self.tell(verdict),
            Effect::End(cause) => {
                tracing::warn!(%cause, id = roll.id(), "the transactional producer cannot go on");
                let reason = Reason::Transactional { cause };
                self.core.refuse(Refused::Fatal(reason.clone()));
                self.core.end(reason, Unsure::Abandoned);
            }
        }
    }

    /// Gives up what need not be waited for.
    fn doom(&mut self, roll: &Roll) {
        // From here on nothing is added: whoever appends looks at the roll under the same locks.
        roll.refuse(AbortCause::GivenUp);
        // Under the second protocol the end fences whatever is still on its way. Under the first it
        // could come into a later transaction.
        let resolve = self.machine.protocol() == Protocol::First;
        let core = Arc::clone(&self.core);
        for queues in core.topics.all() {
            queues.fail_staging(&core, &Reason::TransactionAborted);
            // Whoever waits for room is refused now.
            queues.budgets(&core).for_each(|budget| budget.wake_all());
            for partition in queues.queues() {
                if partition.doom(&core, resolve) {
                    self.machine.broke();
                }
            }
        }
    }

    fn tell(&mut self, verdict: Verdict) {
        // Whoever has gone away does not want to know.
        let _gone = match (self.waiting.take(), verdict) {
            (Some(Waiting::Commit(reply)), Verdict::Committed) => reply.send(Ok(())).is_ok(),
            (Some(Waiting::Commit(reply)), Verdict::NotCommitted(error)) => {
                reply.send(Err(error)).is_ok()
            }
            (Some(Waiting::Other(reply)), Verdict::Failed(error)) => reply.send(Err(error)).is_ok(),
            (Some(Waiting::Other(reply)), Verdict::Begun | Verdict::Ended) => {
                reply.send(Ok(())).is_ok()
            }
            _ => false,
        };
    }
}

async fn pending<T>(future: &mut Option<Pin<Box<dyn Future<Output = T> + Send>>>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}
