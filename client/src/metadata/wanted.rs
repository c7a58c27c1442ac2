//! What the users of the metadata ask of its task.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::oneshot;

use crate::broker::BrokerId;
use crate::cluster::{Broker, LeaderHint};
use crate::topic::{Topic, TopicPartition};

/// Everything that has been asked since the task last looked.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// Whether to refresh, and why: the last reason given.
    pub(super) refresh: Option<RefreshReason>,
    /// Topics to keep up to date from now on.
    pub(super) topics: BTreeSet<Topic>,
    /// The newest hint per partition.
    pub(super) hints: BTreeMap<TopicPartition, LeaderHint>,
    /// Brokers described outside of a metadata answer.
    pub(super) brokers: BTreeMap<BrokerId, Broker>,
    /// Who waits for a refresh that begins from now on.
    pub(super) refreshed: Vec<oneshot::Sender<Refreshed>>,
    /// Who waits until hints and brokers have been taken in.
    pub(super) taken_in: Vec<oneshot::Sender<()>>,
}

/// Whether a broker answered.
pub(super) type Refreshed = Result<(), NobodyAnswered>;

/// All brokers failed; the attempts say how.
#[derive(Clone, Copy, Debug)]
pub(super) struct NobodyAnswered;

/// Why a refresh is wanted. Only for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefreshReason {
    /// A topic is used for the first time.
    NewTopic,
    /// A broker said that what the client knows is out of date.
    Stale,
    /// A broker cannot be reached.
    Unreachable,
    /// The application wants it.
    Asked,
}

impl Wanted {
    pub(super) fn hint(&mut self, hint: LeaderHint) {
        let newest = self.hints.entry(hint.at.clone()).or_insert_with(|| hint.clone());
        if hint.leader_epoch > newest.leader_epoch {
            *newest = hint;
        }
    }
}
