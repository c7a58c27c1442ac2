use std::sync::Arc;

use ottla_protocol::ErrorCode;
use ottla_protocol::api::{
    TxnOffsetCommitRequest, TxnOffsetCommitRequestTopic, TxnOffsetCommitResponse,
    TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};

use super::transactional::{Writer, take_part};
use super::{Answer, RequestContext, Serve};
use crate::group::{CommittedOffset, Committer};
use crate::transaction::{Identity, Participant, TransactionVersion};

/// From here on the group comes to the transaction by itself (KIP-890).
const ADDS_FROM: i16 = 5;

impl Serve for TxnOffsetCommitRequest {
    async fn serve(mut self, context: &mut RequestContext<'_>) -> Answer<TxnOffsetCommitResponse> {
        let topics = std::mem::take(&mut self.topics);
        let accepted = accept(context, &self);
        let topics = topics.into_iter().map(|topic| commit(context, &self, topic, accepted));
        let topics = topics.collect();
        Answer::Reply(TxnOffsetCommitResponse { throttle_time_ms: context.throttle_ms, topics })
    }
}

/// Whether this producer may commit to this group now, on whose behalf it acts (KIP-447).
fn accept(
    context: &mut RequestContext<'_>,
    request: &TxnOffsetCommitRequest,
) -> Result<(), ErrorCode> {
    if let Some(error) = context.faults.error() {
        return Err(error);
    }
    context.check_coordinator(&request.group_id)?;
    let version =
        if context.version >= ADDS_FROM { TransactionVersion::V2 } else { TransactionVersion::V1 };
    let by = Identity { producer_id: request.producer_id, epoch: request.producer_epoch };
    let writer = Writer { id: &request.transactional_id, by, version };
    let group = Participant::Group(request.group_id.clone());
    take_part(context, &mut context.shared.state.lock(), writer, group).map_err(|error| {
        match error {
            // What this API could always say (`TransactionSupportedOperation`).
            ErrorCode::TRANSACTION_ABORTABLE if context.version < ADDS_FROM => {
                ErrorCode::INVALID_TXN_STATE
            }
            error => error,
        }
    })?;
    let committer = Committer {
        member_id: &request.member_id,
        instance_id: request.group_instance_id.as_deref(),
        generation: request.generation_id,
        transactional: true,
    };
    let now = context.now();
    let missing = ErrorCode::ILLEGAL_GENERATION;
    context.shared.coordination.may_commit(now, &request.group_id, committer, missing)
}

fn commit(
    context: &mut RequestContext<'_>,
    request: &TxnOffsetCommitRequest,
    topic: TxnOffsetCommitRequestTopic,
    accepted: Result<(), ErrorCode>,
) -> TxnOffsetCommitResponseTopic {
    let name: Arc<str> = topic.name.as_str().into();
    let partitions = topic.partitions.into_iter().map(|partition| {
        let partition_index = partition.partition_index;
        let committed = CommittedOffset {
            offset: partition.committed_offset,
            leader_epoch: partition.committed_leader_epoch,
            metadata: partition.committed_metadata.unwrap_or_default(),
        };
        let done =
            accepted.and_then(|()| keep(context, request, &name, partition_index, committed));
        TxnOffsetCommitResponsePartition {
            partition_index,
            error_code: done.err().unwrap_or_default(),
        }
    });
    let partitions = partitions.collect();
    TxnOffsetCommitResponseTopic { name: topic.name, partitions }
}

fn keep(
    context: &mut RequestContext<'_>,
    request: &TxnOffsetCommitRequest,
    topic: &str,
    partition: i32,
    committed: CommittedOffset,
) -> Result<(), ErrorCode> {
    if let Some(error) = context.faults.partition_error(topic, partition) {
        return Err(error);
    }
    if context.shared.state.lock().partition(topic, partition).is_none() {
        return Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    }
    committed.check()?;
    let producer_id = request.producer_id;
    context.shared.coordination.with(&request.group_id, |group| {
        group.offsets.set_pending(producer_id, topic, partition, committed);
    });
    context.faults.partition_error_after(topic, partition).map_or(Ok(()), Err)
}
