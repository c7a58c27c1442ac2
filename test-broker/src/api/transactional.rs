//! What the requests of transactional producers share.

use std::sync::Arc;

use ottla_protocol::ErrorCode;

use super::RequestContext;
use crate::cluster::State;
use crate::transaction::{Identity, Participant, TransactionVersion};

/// An error as a version tells it: before KIP-588 a fenced producer was one of an old epoch.
pub(super) fn told(error: ErrorCode, version: i16, fenced_from: i16) -> ErrorCode {
    if error == ErrorCode::PRODUCER_FENCED && version < fenced_from {
        ErrorCode::INVALID_PRODUCER_EPOCH
    } else {
        error
    }
}

/// Who writes under which transactional id, and by which protocol.
#[derive(Debug, Clone, Copy)]
pub(super) struct Writer<'a> {
    pub(super) id: &'a str,
    pub(super) by: Identity,
    pub(super) version: TransactionVersion,
}

/// Makes sure that a write belongs to its producer's transaction: under the first protocol by
/// asking its coordinator, under the second by adding it there (KIP-890,
/// `AddPartitionsToTxnManager`).
///
/// # Errors
/// What the coordinator says, in the words of a write.
pub(super) fn take_part(
    context: &RequestContext<'_>,
    state: &mut State,
    writer: Writer<'_>,
    participant: Participant,
) -> Result<(), ErrorCode> {
    let Writer { id, by, version } = writer;
    if state.transaction_coordinator(id).is_none() {
        return Err(ErrorCode::COORDINATOR_NOT_AVAILABLE);
    }
    let added = match version {
        TransactionVersion::V1 => state.transactions.verify(id, by, &participant),
        TransactionVersion::V2 => {
            let added = state.transactions.add(context.now(), id, by, vec![participant], version);
            context.shared.settle_transactions(state);
            added
        }
    };
    added.map_err(|error| match error {
        ErrorCode::PRODUCER_FENCED => ErrorCode::INVALID_PRODUCER_EPOCH,
        error => error,
    })
}

/// A partition as a participant, if there is such a partition.
pub(super) fn partition(state: &State, topic: &str, index: i32) -> Option<Participant> {
    let topic = state.topics.get(topic)?;
    topic.partition(index)?;
    Some(Participant::Partition(Arc::clone(&topic.name), index))
}
