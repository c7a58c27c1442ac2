//! What an application is told about its assignment.

use std::future::Future;
use std::pin::Pin;

use ottla_client::TopicPartition;

use crate::control::ConsumerControl;
use crate::mark::AssignmentEpoch;

/// The future of a callback.
pub type Callback<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Is told which partitions come and go.
///
/// Callbacks run on a task of their own, one at a time and in order, while heartbeats go on; they
/// never run inside `poll`. Each is given
/// [`rebalance_callback_timeout`](crate::ConsumerConfig::rebalance_callback_timeout) and is
/// dropped when that is over, after which the rebalance continues without it. A callback may use
/// the [`ConsumerControl`] it is given, and may await it.
///
/// The events are incremental, also under the eager protocol: what is not mentioned stays.
pub trait RebalanceListener: Send + Sync + 'static {
    /// These partitions are now ours. Fetching begins when the callback ends, so a `seek` in here
    /// decides where.
    fn assigned<'a>(
        &'a self,
        control: &'a ConsumerControl,
        partitions: Vec<(TopicPartition, AssignmentEpoch)>,
    ) -> Callback<'a> {
        let _ = (control, partitions);
        Box::pin(std::future::ready(()))
    }

    /// These partitions are about to leave, in good order: no more records of them are handed
    /// out, while marks and commits still work until the callback ends. Then what is marked is
    /// committed once more, and the epochs are fenced.
    fn revoked<'a>(
        &'a self,
        control: &'a ConsumerControl,
        partitions: Vec<(TopicPartition, AssignmentEpoch)>,
    ) -> Callback<'a> {
        let _ = (control, partitions);
        Box::pin(std::future::ready(()))
    }

    /// These partitions are gone already: the group went on without this member. Another member
    /// may be working on them, and nothing of them can be committed any more.
    fn lost<'a>(
        &'a self,
        control: &'a ConsumerControl,
        partitions: Vec<(TopicPartition, AssignmentEpoch)>,
    ) -> Callback<'a> {
        let _ = (control, partitions);
        Box::pin(std::future::ready(()))
    }
}
