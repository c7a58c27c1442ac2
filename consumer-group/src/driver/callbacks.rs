//! The application's callbacks, one at a time and in order.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use ottla_client::TopicPartition;
use tokio::time::{Instant, timeout};
use tokio_util::task::AbortOnDropHandle;

use super::Event;
use crate::control::ConsumerControl;
use crate::error::CommitError;
use crate::listener::{Callback, RebalanceListener};
use crate::mark::AssignmentEpoch;
use crate::partitions::Stay;
use crate::shared::Shared;

/// What the application is told.
#[derive(Debug, Clone)]
pub(super) enum Notice {
    Assigned(Vec<Stay>),
    /// When it has been told, what is marked is committed.
    Revoked(Vec<Stay>),
    Lost(Vec<Stay>),
}

/// What is to be told. Without a listener everything happens all the same, only quicker.
pub(super) struct Callbacks {
    shared: Arc<Shared>,
    listener: Option<Arc<dyn RebalanceListener>>,
    waiting: VecDeque<Notice>,
    is_running: bool,
}

impl Callbacks {
    pub(super) fn new(shared: Arc<Shared>, listener: Option<Arc<dyn RebalanceListener>>) -> Self {
        Self { shared, listener, waiting: VecDeque::new(), is_running: false }
    }

    pub(super) fn has_listener(&self) -> bool {
        self.listener.is_some()
    }

    pub(super) fn push(&mut self, notice: Notice) {
        self.waiting.push_back(notice);
    }

    /// The next one, if none is running.
    pub(super) fn next(&mut self) -> Option<BoxFuture<'static, Event>> {
        if self.is_running {
            return None;
        }
        let notice = self.waiting.pop_front()?;
        self.is_running = true;
        let is_short = self.listener.is_none();
        let telling = tell(Arc::clone(&self.shared), self.listener.clone(), notice.clone());
        if is_short {
            return Some(Box::pin(telling));
        }
        // A task of its own: one that computes instead of waiting holds up no heartbeat. It ends
        // with the driver.
        let telling = AbortOnDropHandle::new(tokio::spawn(telling));
        Some(Box::pin(async move { telling.await.unwrap_or(Event::Told(notice, Ok(()))) }))
    }

    pub(super) fn done(&mut self) {
        self.is_running = false;
    }
}

async fn tell(
    shared: Arc<Shared>,
    listener: Option<Arc<dyn RebalanceListener>>,
    notice: Notice,
) -> Event {
    if let Some(listener) = listener {
        let control = ConsumerControl { shared: Arc::clone(&shared) };
        let (name, called): (_, Option<Callback<'_>>) = match &notice {
            Notice::Assigned(stays) => {
                ("assigned", listed(stays).map(|all| listener.assigned(&control, all)))
            }
            Notice::Revoked(stays) => {
                ("revoked", listed(stays).map(|all| listener.revoked(&control, all)))
            }
            Notice::Lost(stays) => ("lost", listed(stays).map(|all| listener.lost(&control, all))),
        };
        if let Some(callback) = called {
            let limit = shared.config.callback_timeout();
            match timeout(limit, AssertUnwindSafe(callback).catch_unwind()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => tracing::error!(callback = name, "the rebalance callback panicked"),
                Err(_) => tracing::warn!(callback = name, ?limit, "the rebalance callback is late"),
            }
        }
    }
    let result = match &notice {
        Notice::Revoked(stays) if !stays.is_empty() => last_commit(&shared).await,
        _ => Ok(()),
    };
    Event::Told(notice, result)
}

/// Commits what is marked, while the group still waits for it.
async fn last_commit(shared: &Shared) -> Result<(), CommitError> {
    let config = &shared.config;
    let deadline = Instant::now() + config.commit_timeout.min(config.callback_timeout());
    let due = shared.marks.lock().due();
    match shared.commits.commit_until(deadline, due).await {
        Err(CommitError::NoGroup) => Ok(()),
        result => result,
    }
}

fn listed(stays: &[Stay]) -> Option<Vec<(TopicPartition, AssignmentEpoch)>> {
    let list = || stays.iter().map(|stay| (stay.at.clone(), stay.epoch)).collect();
    (!stays.is_empty()).then(list)
}
