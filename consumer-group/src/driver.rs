//! The task that keeps a consumer in its group and its partitions on their way.

mod callbacks;
mod coordinator;
mod handover;
mod leaders;
mod starts;
mod subscription;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use ottla_client::{Backoff, Changes, CoordinatorError, Topic};
use ottla_protocol::ErrorCode;
use ottla_protocol::api::{HeartbeatResponse, JoinGroupResponse, SyncGroupResponse};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until};

use self::callbacks::{Callbacks, Notice};
use self::coordinator::Miss;
use self::leaders::SEARCH;
use self::starts::Found;
use self::subscription::Subscription;
use crate::error::{CommitError, ConsumerError};
use crate::group::{Action, Failure, GroupError, GroupMachine};
use crate::listener::RebalanceListener;
use crate::offsets::Due;
use crate::partitions::Lookups;
use crate::shared::Shared;
use crate::watchdog;

/// Commands that may wait: one to close, and news about refused commits, of which the first one
/// says everything.
pub(crate) const QUEUE: usize = 8;

/// How long a member that is dropped, not closed, tries to tell its group.
const FAREWELL: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) enum Command {
    /// Give everything up, commit, leave.
    Close { reply: oneshot::Sender<Result<(), CommitError>> },
    /// The coordinator refused a commit of this generation.
    CommitRefused { generation: i32, code: ErrorCode },
}

/// What came of something that was under way.
enum Event {
    Coordinator(Result<(), CoordinatorError>),
    Joined(u64, Result<JoinGroupResponse, Miss>),
    Counted(u64, BTreeMap<String, i32>),
    Synced(u64, Result<SyncGroupResponse, Miss>),
    Heartbeat(u64, Result<HeartbeatResponse, Miss>),
    Left(u64),
    /// A callback ended, and what followed from it.
    Told(Notice, Result<(), CommitError>),
    Starts(Vec<Found>),
}

/// Somebody who waits for the end.
struct Closing {
    reply: oneshot::Sender<Result<(), CommitError>>,
    /// What was to be committed when the call was made.
    asked: Vec<Due>,
}

type Work = FuturesUnordered<BoxFuture<'static, Event>>;

/// See the module. All it waits for is in `work`, so that nothing waits for anything else: a
/// heartbeat not for a callback, and nothing at all for the application.
pub(crate) struct Driver {
    shared: Arc<Shared>,
    machine: Option<GroupMachine>,
    callbacks: Callbacks,
    commands: mpsc::Receiver<Command>,
    subscription: Subscription,
    metadata: Changes,
    work: Work,
    /// Paces asking for leaders that metadata does not have.
    search: Backoff,
    search_at: Option<Instant>,
    closing: Option<Closing>,
    /// How the last commit went.
    last_commit: Result<(), CommitError>,
}

impl Driver {
    pub(crate) fn new(
        shared: Arc<Shared>,
        machine: Option<GroupMachine>,
        listener: Option<Arc<dyn RebalanceListener>>,
        commands: mpsc::Receiver<Command>,
        topics: Vec<Topic>,
    ) -> Self {
        let metadata = shared.client.metadata().changed();
        Self {
            // Without a group nobody but the application itself gives and takes partitions.
            callbacks: Callbacks::new(Arc::clone(&shared), listener.filter(|_| machine.is_some())),
            machine,
            commands,
            subscription: Subscription::new(topics, Instant::now()),
            metadata,
            work: Work::new(),
            search: Backoff::new(SEARCH, shared.client.next_seed()),
            search_at: None,
            closing: None,
            last_commit: Ok(()),
            shared,
        }
    }

    /// Runs until the consumer stops.
    pub(crate) async fn run(mut self) {
        for topic in self.subscription.topics() {
            self.shared.client.metadata().follow(topic);
        }
        let stop = self.shared.stop.clone();
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = self.serve() => {}
        }
        self.fence_all();
        self.say_farewell().await;
    }

    async fn serve(&mut self) {
        let shared = Arc::clone(&self.shared);
        let mut was_told = true;
        loop {
            let now = Instant::now();
            self.act(now);
            let under_way = self.work.len();
            let all_led = self.follow_leaders();
            let lookups = self.look_up(now);
            let silence = self.watch_silence(now);
            let machine = self.machine.as_ref().and_then(GroupMachine::wake_at);
            let (missing, all_there) = self.report_topics(now);
            let search = self.search(all_led && all_there, now);
            if !was_told && self.work.len() > under_way && lookups.is_none() {
                watchdog::report("a partition without a start");
            }
            let wake_at = [lookups, silence, machine, missing, search].into_iter().flatten().min();
            was_told = true;
            tokio::select! {
                biased;
                Some(event) = self.work.next(), if !self.work.is_empty() => self.handle(event),
                Some(command) = self.commands.recv() => self.obey(command),
                version = self.metadata.next() => match version {
                    Some(_) => self.notice_topics(),
                    // The client is gone, and with it all that could still be done.
                    None => return shared.abandon(),
                },
                () = shared.driver.notified() => self.notice_life(),
                () = sleep_until(wake_at.unwrap_or(now)), if wake_at.is_some() => {}
                () = sleep(watchdog::PATIENCE), if wake_at.is_none() => was_told = false,
            }
        }
    }

    /// Does what the group machine wants now.
    fn act(&mut self, now: Instant) {
        while let Some(action) = self.machine.as_mut().and_then(|machine| machine.poll(now)) {
            self.publish_membership();
            match action {
                Action::Assigned(partitions) => self.assigned(&partitions),
                Action::Revoke(partitions) => self.revoke(&partitions),
                Action::Lost(partitions) => self.lost(&partitions),
                Action::Fail(error) => self.shared.fail(self.group_error(&error)),
                Action::Closed => self.closed(),
                request => self.request(request),
            }
        }
        self.publish_membership();
        self.work.extend(self.callbacks.next());
    }

    fn handle(&mut self, event: Event) {
        let now = Instant::now();
        if let Event::Starts(found) = event {
            return self.handle_starts(found);
        }
        let Some(machine) = &mut self.machine else {
            if let Event::Told(_, result) = event {
                self.callbacks.done();
                self.last_commit = result;
                self.closed();
            }
            return;
        };
        match event {
            Event::Coordinator(found) => {
                let found = found.map_err(|error| Miss::Coordinator(error).failure());
                machine.handle_coordinator(found, now);
            }
            Event::Joined(attempt, answer) => {
                let answer = answer.map_err(|error| self.missed(&error));
                if let Some(machine) = &mut self.machine {
                    machine.handle_joined(attempt, answer, now);
                }
            }
            Event::Counted(attempt, counts) => machine.handle_counted(attempt, counts),
            Event::Synced(attempt, answer) => {
                let answer = answer.map_err(|error| self.missed(&error));
                if let Some(machine) = &mut self.machine {
                    machine.handle_synced(attempt, answer, now);
                }
            }
            Event::Heartbeat(attempt, answer) => {
                let answer = match answer {
                    Ok(response) => response.error_code.into_result().map_err(Failure::Code),
                    Err(error) => Err(self.missed(&error)),
                };
                if let Some(machine) = &mut self.machine {
                    machine.handle_heartbeat(attempt, answer, now);
                }
            }
            Event::Left(attempt) => machine.handle_left(attempt),
            Event::Told(notice, result) => {
                self.callbacks.done();
                self.told(notice, result);
            }
            Event::Starts(_) => {}
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::CommitRefused { generation, code } => {
                if let Some(machine) = &mut self.machine {
                    machine.handle_commit_refused(generation, code, Instant::now());
                }
            }
            Command::Close { reply } => {
                let asked = self.shared.marks.lock().due();
                self.closing = Some(Closing { reply, asked });
                match &mut self.machine {
                    Some(machine) => machine.handle_close(),
                    None => {
                        let stays = self.shared.partitions.lock().stays();
                        self.callbacks.push(Notice::Revoked(stays));
                    }
                }
            }
        }
    }

    /// Everything is given up, and the group knows.
    fn closed(&mut self) {
        if let Some(Closing { reply, asked }) = self.closing.take() {
            self.fence_all();
            let result = std::mem::replace(&mut self.last_commit, Ok(()));
            let _ = reply.send(result.and_then(|()| self.answer_for(&asked)));
        }
    }

    /// Whether what was to be committed by closing was. If the group goes on without this member
    /// meanwhile, the last commit is not waited for.
    fn answer_for(&self, asked: &[Due]) -> Result<(), CommitError> {
        let Some(group) = self.shared.config.group.clone() else { return Ok(()) };
        let gone: Vec<_> = {
            let marks = self.shared.marks.lock();
            asked.iter().filter(|due| marks.is_gone(due)).collect()
        };
        if gone.is_empty() {
            return Ok(());
        }
        let partitions = self.shared.partitions.lock();
        let named = |due: &&Due| Some((partitions.at(due.slot)?.clone(), due.offset));
        let offsets = gone.iter().filter_map(named).collect();
        Err(CommitError::Fenced { group, error: ErrorCode::ILLEGAL_GENERATION, offsets })
    }

    // Starts.

    /// Starts the look-ups that are due; when there may be more.
    fn look_up(&mut self, now: Instant) -> Option<Instant> {
        let Lookups { committed, ends, wake_at, stopped } =
            self.shared.partitions.lock().take_lookups(now);
        if stopped {
            self.shared.wake_application();
        }
        if !committed.is_empty() {
            let find = starts::committed(Arc::clone(&self.shared), committed);
            self.work.push(Box::pin(async { Event::Starts(find.await) }));
        }
        for (broker, ends) in starts::by_leader(ends) {
            let find = starts::ends(Arc::clone(&self.shared), broker, ends);
            self.work.push(Box::pin(async { Event::Starts(find.await) }));
        }
        // Those without a listener, or told already, may be fetched at once.
        wake_at
    }

    fn handle_starts(&self, found: Vec<Found>) {
        let now = Instant::now();
        for Found { lookup, result, is_committed } in found {
            match result {
                Ok(offset) => {
                    if let (true, Some(offset)) = (is_committed, offset) {
                        self.shared.marks.lock().found_committed(lookup.slot, offset);
                    }
                    let broker = self.shared.partitions.lock().start_found(&lookup, offset);
                    self.shared.wake(broker);
                }
                Err(error) => {
                    self.shared.partitions.lock().start_failed(&lookup, error, now);
                }
            }
        }
        self.shared.wake_application();
    }

    // The application and the cluster.

    /// Lets the member go when its application has been silent for too long; when to look again.
    fn watch_silence(&mut self, now: Instant) -> Option<Instant> {
        let limit = self.shared.config.max_poll_interval?;
        let machine = self.machine.as_mut().filter(|machine| machine.is_stable())?;
        let until = self.shared.liveness.silent_until(limit);
        let until = until.unwrap_or_else(|| now + limit);
        if until > now {
            return Some(until);
        }
        let after = self.shared.liveness.silence(now);
        let group = self.shared.config.group.clone().unwrap_or_default();
        tracing::warn!(group, ?after, "the application is silent: leaving the group");
        machine.handle_silence();
        self.shared.away.store(true, Ordering::Relaxed);
        self.shared.tell(ConsumerError::MaxPollIntervalExceeded { group, after });
        Some(now)
    }

    fn notice_life(&mut self) {
        if let Some(machine) = &mut self.machine {
            if !self.shared.away.load(Ordering::Relaxed) {
                machine.handle_life();
            }
        }
    }

    /// Tells the application of topics that it cannot have; when to look again, and whether no
    /// topic is missing.
    fn report_topics(&mut self, now: Instant) -> (Option<Instant>, bool) {
        let cluster = self.shared.client.cluster();
        let patience = self.shared.client.config().api_timeout;
        let known = |topic: &Topic| cluster.topic(topic).map(|topic| topic.error);
        let checked = self.subscription.poll(known, patience, now);
        for (topic, error) in checked.reports {
            self.shared.tell(ConsumerError::TopicUnavailable { topic, error });
        }
        (checked.wake_at, checked.is_complete)
    }

    fn notice_topics(&mut self) {
        let Some(machine) = &mut self.machine else { return };
        let cluster = self.shared.client.cluster();
        let counts = machine
            .watched()
            .filter_map(|name| {
                let topic = cluster.topic(&self.shared.client.topic(name))?;
                Some((name.to_owned(), coordinator::count(topic)?))
            })
            .collect();
        machine.handle_topics(&counts);
    }

    fn publish_membership(&self) {
        if let Some(machine) = &self.machine {
            self.shared.membership.set(machine.member_id(), machine.generation());
        }
    }

    fn group_error(&self, error: &GroupError) -> ConsumerError {
        let &GroupError { api, code } = error;
        let config = &self.shared.config;
        let group = config.group.clone().unwrap_or_default();
        match (code, &config.group_instance) {
            (ErrorCode::FENCED_INSTANCE_ID, Some(instance)) => {
                ConsumerError::Fenced { group, instance: instance.clone() }
            }
            _ => ConsumerError::GroupRefused { group, api, error: code },
        }
    }

    /// A request came to nothing.
    fn missed(&self, miss: &Miss) -> Failure {
        tracing::debug!(%miss, "the coordinator did not answer");
        if miss.is_fatal() {
            self.shared.abandon();
        }
        miss.failure()
    }
}
