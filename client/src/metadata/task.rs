//! The only task that replaces the snapshot of the cluster.

use std::collections::BTreeSet;
use std::sync::Arc;

use arc_swap::ArcSwap;
use futures_util::future::BoxFuture;
use ottla_protocol::api::{MetadataRequest, MetadataRequestTopic, MetadataResponse};
use ottla_protocol::{ApiKey, ErrorCode};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::ask::{Asker, Attempts, Repeat};
use super::changes::Announcer;
use super::merge_channel::Receiver;
use super::schedule::{Finished, Schedule};
use super::wanted::{NobodyAnswered, RefreshReason, Refreshed, Wanted};
use crate::cluster::Cluster;
use crate::connection::{Connection, Pool};
use crate::error::RequestError;
use crate::topic::{Topic, Topics};

/// From which version on a request can say that topics are not to be made by asking for them.
const MAY_FORBID_CREATION: i16 = 4;

/// Owns the right to write the snapshot. One refresh runs at a time; hints are taken in meanwhile.
pub(super) struct Task {
    pub(super) cluster: Arc<ArcSwap<Cluster>>,
    pub(super) topics: Arc<Topics>,
    pub(super) pool: Arc<Pool>,
    pub(super) asker: Arc<Asker>,
    pub(super) attempts: Arc<Attempts>,
    pub(super) wanted: Receiver<Wanted>,
    pub(super) announcer: Announcer,
    pub(super) schedule: Schedule,
    pub(super) creation: bool,
    pub(super) followed: BTreeSet<Topic>,
    /// Who waits for the next refresh.
    pub(super) waiting: Vec<oneshot::Sender<Refreshed>>,
}

/// A refresh that is under way, and who waits for it.
struct Round {
    answer: BoxFuture<'static, Option<MetadataResponse>>,
    waiting: Vec<oneshot::Sender<Refreshed>>,
}

impl Task {
    /// Runs until the client closes. Whoever still waits then learns it by its dropped sender.
    pub(super) async fn run(mut self, closing: CancellationToken) {
        let mut round: Option<Round> = None;
        loop {
            let due = self.schedule.due(Instant::now()).filter(|_| round.is_none());
            // Cancel safe: a round that is not ready stays in `round`.
            tokio::select! {
                biased;
                () = closing.cancelled() => return,
                wanted = self.wanted.recv() => self.want(wanted),
                answer = answer_of(&mut round), if round.is_some() => {
                    let waiting = round.take().map(|round| round.waiting).unwrap_or_default();
                    self.finish(answer.as_ref(), waiting);
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    round = Some(self.begin());
                }
            }
        }
    }

    fn want(&mut self, wanted: Wanted) {
        if !wanted.hints.is_empty() || !wanted.brokers.is_empty() {
            let hinted =
                self.cluster.load().hinted(wanted.hints.values(), wanted.brokers.into_values());
            if let Some(hinted) = hinted {
                self.publish(hinted);
            }
        }
        for taken_in in wanted.taken_in {
            let _gone = taken_in.send(());
        }
        let before = self.followed.len();
        self.followed.extend(wanted.topics);
        let is_new = self.followed.len() > before;
        self.waiting.extend(wanted.refreshed);
        if let Some(reason) = wanted.refresh.or(is_new.then_some(RefreshReason::NewTopic)) {
            tracing::debug!(?reason, "metadata wanted");
            self.schedule.want(is_new);
        }
    }

    fn begin(&mut self) -> Round {
        self.schedule.began();
        let (asker, attempts) = (Arc::clone(&self.asker), Arc::clone(&self.attempts));
        let topics: Arc<[Topic]> = self.followed.iter().cloned().collect();
        let creation = self.creation;
        let answer = Box::pin(async move {
            let ask = |connection| ask(connection, Arc::clone(&topics), creation);
            asker.ask(Repeat::Freely, &attempts, ask).await
        });
        Round { answer, waiting: std::mem::take(&mut self.waiting) }
    }

    fn finish(
        &mut self,
        answer: Option<&MetadataResponse>,
        waiting: Vec<oneshot::Sender<Refreshed>>,
    ) {
        let how =
            match answer.map(|a| self.cluster.load().merged(a, |name| self.topics.known(name))) {
                None => Finished::Failed,
                Some(None) => Finished::Same,
                Some(Some(merged)) => {
                    self.publish(merged);
                    Finished::Changed
                }
            };
        if how != Finished::Failed {
            self.pool.release_bootstrap();
        }
        self.schedule.finished(Instant::now(), how);
        let outcome = if how == Finished::Failed { Err(NobodyAnswered) } else { Ok(()) };
        for waiter in waiting {
            let _gone = waiter.send(outcome);
        }
    }

    fn publish(&self, cluster: Cluster) {
        let version = cluster.version();
        tracing::debug!(version, "metadata changed");
        self.cluster.store(Arc::new(cluster));
        self.announcer.announce(version);
    }
}

async fn answer_of(round: &mut Option<Round>) -> Option<MetadataResponse> {
    match round {
        Some(round) => round.answer.as_mut().await,
        None => std::future::pending().await,
    }
}

async fn ask(
    connection: Connection,
    topics: Arc<[Topic]>,
    creation: bool,
) -> Result<MetadataResponse, RequestError> {
    let version = connection.versions().negotiate::<MetadataRequest>()?;
    let named = |topic: &Topic| MetadataRequestTopic {
        name: Some(topic.name().to_owned()),
        ..Default::default()
    };
    let request = MetadataRequest {
        topics: Some(topics.iter().map(named).collect()),
        allow_auto_topic_creation: creation || version < MAY_FORBID_CREATION,
        ..Default::default()
    };
    let response = connection.request(&request).await?;
    let refused =
        |code| RequestError::Refused { api: ApiKey::METADATA, broker: connection.broker(), code };
    // From version 13 on: REBOOTSTRAP_REQUIRED says that the broker is no longer ours (KIP-1102).
    response.error_code.into_result().map_err(refused)?;
    if response.brokers.is_empty() {
        // A broker that is starting knows of nobody, not even of itself.
        return Err(refused(ErrorCode::BROKER_NOT_AVAILABLE));
    }
    Ok(response)
}
