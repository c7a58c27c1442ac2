//! The task that commits.

use std::sync::Arc;
use std::time::Duration;

use ottla_client::{CoordinatorKind, Lane, LaneKind};
use ottla_protocol::ErrorCode;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, timeout_at};

use super::commit_request::{Entry, Verdict, request, verdicts};
use super::marks::{Due, Progress};
use crate::driver::Command as DriverCommand;
use crate::error::{CommitError, OffsetRefused};
use crate::shared::Shared;

/// Callers that may wait to be noticed: whoever comes later waits for room, in fair order. All that
/// are there are served by one request.
const QUEUE: usize = 64;

/// A handle to the task.
#[derive(Debug)]
pub(crate) struct Commits {
    queue: mpsc::Sender<Caller>,
    has_group: bool,
}

/// Somebody who waits for a commit.
#[derive(Debug)]
pub(crate) struct Caller {
    deadline: Option<Instant>,
    /// What was to be committed when the call was made.
    asked: Vec<Due>,
    reply: oneshot::Sender<Result<(), CommitError>>,
}

impl Commits {
    pub(crate) fn new(has_group: bool) -> (Self, mpsc::Receiver<Caller>) {
        let (queue, callers) = mpsc::channel(QUEUE);
        (Self { queue, has_group }, callers)
    }

    /// Commits what is marked, with the configured deadline. It is an error if anything of what is
    /// `asked` for left before it was committed.
    pub(crate) async fn commit(&self, asked: Vec<Due>) -> Result<(), CommitError> {
        self.ask(None, asked).await
    }

    /// Commits what is marked before `deadline`; otherwise as [`commit`](Self::commit).
    pub(crate) async fn commit_until(
        &self,
        deadline: Instant,
        asked: Vec<Due>,
    ) -> Result<(), CommitError> {
        self.ask(Some(deadline), asked).await
    }

    async fn ask(&self, deadline: Option<Instant>, asked: Vec<Due>) -> Result<(), CommitError> {
        if !self.has_group {
            return Err(CommitError::NoGroup);
        }
        let (reply, answer) = oneshot::channel();
        let caller = Caller { deadline, asked, reply };
        self.queue.send(caller).await.map_err(|_| CommitError::Closed)?;
        answer.await.unwrap_or(Err(CommitError::Closed))
    }
}

/// The task: one commit after the other, each of what is marked when it is sent. So no commit can
/// overtake a newer one.
#[derive(Debug)]
pub(crate) struct Committer {
    shared: Arc<Shared>,
    callers: mpsc::Receiver<Caller>,
}

impl Committer {
    pub(crate) fn new(shared: Arc<Shared>, callers: mpsc::Receiver<Caller>) -> Self {
        Self { shared, callers }
    }

    /// Runs until the consumer stops. Callers that are left find their channel closed.
    pub(crate) async fn run(mut self) {
        let stop = self.shared.stop.clone();
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = self.serve() => {}
        }
    }

    async fn serve(&mut self) {
        let interval = self.shared.config.commit_interval;
        let mut ticks = tokio::time::interval(interval.unwrap_or(Duration::from_secs(3600)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.reset();
        loop {
            let mut waiting = Vec::new();
            tokio::select! {
                biased;
                count = self.callers.recv_many(&mut waiting, QUEUE) => if count == 0 { return },
                _ = ticks.tick(), if interval.is_some() => {}
            }
            let result = self.commit(&waiting).await;
            if let (Err(error), true) = (&result, waiting.is_empty()) {
                tracing::warn!(%error, "periodic commit failed");
            }
            for caller in waiting {
                let result = result.clone().and_then(|()| self.answer_for(&caller.asked));
                // A caller that has gone does not want to know.
                let _ = caller.reply.send(result);
            }
        }
    }

    /// Whether all that somebody asked for was committed before it left: it may have left while an
    /// earlier commit held this one up, and then nothing was to be done any more.
    fn answer_for(&self, asked: &[Due]) -> Result<(), CommitError> {
        let gone: Vec<_> = {
            let marks = self.shared.marks.lock();
            let gone = asked.iter().filter(|due| marks.is_gone(due));
            gone.map(|due| (*due, ErrorCode::ILLEGAL_GENERATION)).collect()
        };
        self.conclude(gone, Vec::new())
    }

    async fn commit(&self, callers: &[Caller]) -> Result<(), CommitError> {
        let mut open = self.shared.marks.lock().due();
        if open.is_empty() {
            return Ok(());
        }
        let started = Instant::now();
        let latest = started + self.shared.config.commit_timeout;
        let deadline =
            callers.iter().filter_map(|caller| caller.deadline).fold(latest, Instant::min);
        let mut retry = self.shared.client.retry_until(deadline);
        let mut refused = Vec::new();
        let mut fenced: Vec<(Due, ErrorCode)> = Vec::new();
        loop {
            let entries = self.entries(&mut open, &mut fenced);
            if entries.is_empty() {
                break;
            }
            let last = match timeout_at(deadline, self.attempt(&entries)).await {
                Ok(Ok(answers)) => {
                    self.sort(entries, answers, &mut open, &mut fenced, &mut refused)
                }
                Ok(Err(reason)) => reason,
                Err(_) => "no answer yet".to_owned(),
            };
            if open.is_empty() {
                break;
            }
            if !retry.wait().await {
                let offsets = self.named(open);
                return Err(CommitError::TimedOut { after: started.elapsed(), last, offsets });
            }
        }
        self.conclude(fenced, refused)
    }

    /// What of `open` is still to be committed, as it is marked by now.
    fn entries(&self, open: &mut Vec<Due>, fenced: &mut Vec<(Due, ErrorCode)>) -> Vec<Entry> {
        let progress: Vec<Progress> = {
            let marks = self.shared.marks.lock();
            open.iter().map(|due| marks.progress(due)).collect()
        };
        let before = std::mem::take(open);
        for (due, progress) in before.into_iter().zip(progress) {
            match progress {
                Progress::Due(now) => open.push(now),
                Progress::Committed => {}
                Progress::Gone => fenced.push((due, ErrorCode::ILLEGAL_GENERATION)),
            }
        }
        let partitions = self.shared.partitions.lock();
        let entry = |due: &Due| {
            let (at, topic_id) = partitions.identity(due.slot)?;
            Some(Entry { due: *due, at, topic_id })
        };
        open.iter().filter_map(entry).collect()
    }

    /// One request; the error says why there was no answer.
    async fn attempt(&self, entries: &[Entry]) -> Result<(i32, Vec<Verdict>), String> {
        let shared = &self.shared;
        let group = shared.membership.current().ok_or("no group")?;
        let generation = group.generation_id_or_member_epoch;
        let key = group.group_id.clone();
        let broker = shared
            .client
            .coordinator(CoordinatorKind::Group, &key, shared.client.deadline())
            .await
            .map_err(|error| error.to_string())?;
        let lane = Lane::new(LaneKind::Heartbeat, shared.owner);
        let response =
            shared.client.request(broker, lane, &request(group, entries)).await.map_err(
                |error| {
                    shared.client.invalidate_coordinator(CoordinatorKind::Group, &key);
                    error.to_string()
                },
            )?;
        let verdicts = verdicts(entries, &response);
        if verdicts.iter().any(|verdict| matches!(verdict, Verdict::Elsewhere(_))) {
            shared.client.invalidate_coordinator(CoordinatorKind::Group, &key);
        }
        Ok((generation, verdicts))
    }

    /// Sorts the answers; what is left open and why.
    fn sort(
        &self,
        entries: Vec<Entry>,
        (generation, verdicts): (i32, Vec<Verdict>),
        open: &mut Vec<Due>,
        fenced: &mut Vec<(Due, ErrorCode)>,
        refused: &mut Vec<OffsetRefused>,
    ) -> String {
        let mut last = String::new();
        open.clear();
        for (entry, verdict) in entries.into_iter().zip(verdicts) {
            let due = entry.due;
            match verdict {
                Verdict::Committed => {
                    self.shared.marks.lock().set_committed(due.slot, due.epoch, due.offset);
                }
                Verdict::Again(code) | Verdict::Elsewhere(code) => {
                    last = code.to_string();
                    open.push(due);
                }
                Verdict::Fenced(code) => {
                    self.shared.tell_driver(DriverCommand::CommitRefused { generation, code });
                    fenced.push((due, code));
                }
                Verdict::Refused(error) => {
                    refused.push(OffsetRefused { at: entry.at, offset: due.offset, error });
                }
            }
        }
        last
    }

    fn conclude(
        &self,
        fenced: Vec<(Due, ErrorCode)>,
        refused: Vec<OffsetRefused>,
    ) -> Result<(), CommitError> {
        if let Some(&(_, error)) = fenced.first() {
            let offsets = self.named(fenced.into_iter().map(|(due, _)| due));
            let group = self.shared.config.group.clone().unwrap_or_default();
            return Err(CommitError::Fenced { group, error, offsets });
        }
        if refused.is_empty() { Ok(()) } else { Err(CommitError::Refused(refused)) }
    }

    fn named(
        &self,
        dues: impl IntoIterator<Item = Due>,
    ) -> Vec<(ottla_client::TopicPartition, i64)> {
        let partitions = self.shared.partitions.lock();
        let dues = dues.into_iter();
        dues.filter_map(|due| Some((partitions.at(due.slot)?.clone(), due.offset))).collect()
    }
}
