//! One file per API: what a broker does with its requests.

mod add_offsets_to_txn;
mod add_partitions_to_txn;
mod api_versions;
mod create_partitions;
mod create_topics;
mod delete_groups;
mod delete_records;
mod delete_topics;
mod describe_cluster;
mod describe_configs;
mod describe_groups;
mod describe_transactions;
mod end_txn;
mod fetch;
mod find_coordinator;
mod heartbeat;
mod init_producer_id;
mod join_group;
mod leave_group;
mod list_groups;
mod list_offsets;
mod list_transactions;
mod metadata;
mod offset_commit;
mod offset_delete;
mod offset_fetch;
mod offset_for_leader_epoch;
mod produce;
mod sync_group;
mod transactional;
mod txn_offset_commit;

use std::sync::Arc;
use std::time::Instant;

use ottla_protocol::api::{
    APIS, AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, Api, ApiVersionsRequest,
    CreatePartitionsRequest, CreateTopicsRequest, DeleteGroupsRequest, DeleteRecordsRequest,
    DeleteTopicsRequest, DescribeClusterRequest, DescribeConfigsRequest, DescribeGroupsRequest,
    DescribeTransactionsRequest, EndTxnRequest, FetchRequest, FindCoordinatorRequest,
    HeartbeatRequest, InitProducerIdRequest, JoinGroupRequest, LeaveGroupRequest,
    ListGroupsRequest, ListOffsetsRequest, ListTransactionsRequest, MetadataRequest,
    OffsetCommitRequest, OffsetDeleteRequest, OffsetFetchRequest, OffsetForLeaderEpochRequest,
    ProduceRequest, Request, SyncGroupRequest, TxnOffsetCommitRequest,
};
use ottla_protocol::wire::{Decode, DecodeError, Encode, Frame, Reader, Version, VersionRange};
use ottla_protocol::{ApiKey, ErrorCode, RequestHeader, encode_response};

use crate::cluster::{Settings, Shared, State};
use crate::faults::{Effect, RequestFaults};

/// What becomes of a request.
#[derive(Debug)]
pub(crate) enum Answer<R> {
    Reply(R),
    /// The client does not want to hear of it (acks=0).
    Nothing,
    /// The connection is closed instead.
    Close,
}

/// What a handler knows besides the request.
#[derive(Debug)]
pub(crate) struct RequestContext<'a> {
    pub(crate) shared: &'a Arc<Shared>,
    /// Which broker was asked.
    pub(crate) broker: i32,
    pub(crate) version: i16,
    pub(crate) client_id: &'a str,
    pub(crate) faults: RequestFaults,
    /// How long the client is asked to be silent.
    pub(crate) throttle_ms: i32,
}

impl<'a> RequestContext<'a> {
    pub(crate) fn new(
        shared: &'a Arc<Shared>,
        broker: i32,
        header: &'a RequestHeader,
        faults: RequestFaults,
        effects: &[Effect],
    ) -> Self {
        let throttle = effects.iter().rev().find_map(|effect| match effect {
            Effect::Throttle(time) => i32::try_from(time.as_millis()).ok(),
            _ => None,
        });
        Self {
            shared,
            broker,
            version: header.version,
            client_id: header.client_id.as_deref().unwrap_or_default(),
            faults,
            throttle_ms: throttle.unwrap_or_default(),
        }
    }

    fn now(&self) -> Instant {
        self.shared.clock.now()
    }

    /// Whether this broker coordinates the group.
    ///
    /// # Errors
    /// `NOT_COORDINATOR`.
    fn check_coordinator(&self, group: &str) -> Result<(), ErrorCode> {
        let coordinator = self.shared.state.lock().coordinator(group);
        if coordinator == Some(self.broker) { Ok(()) } else { Err(ErrorCode::NOT_COORDINATOR) }
    }
}

impl RequestContext<'_> {
    /// Whether this broker coordinates a group that may have members: offsets can be stored under
    /// an empty id, too.
    ///
    /// # Errors
    /// `NOT_COORDINATOR`, or `INVALID_GROUP_ID` for an empty one.
    fn check_membership(&self, group: &str) -> Result<(), ErrorCode> {
        if group.is_empty() {
            return Err(ErrorCode::INVALID_GROUP_ID);
        }
        self.check_coordinator(group)
    }

    /// Whether this broker coordinates the transactional id.
    ///
    /// # Errors
    /// `NOT_COORDINATOR`, or `INVALID_REQUEST` for an empty one.
    fn check_transaction_coordinator(&self, state: &State, id: &str) -> Result<(), ErrorCode> {
        if id.is_empty() {
            return Err(ErrorCode::INVALID_REQUEST);
        }
        let here = state.transaction_coordinator(id) == Some(self.broker);
        if here { Ok(()) } else { Err(ErrorCode::NOT_COORDINATOR) }
    }
}

/// A request that this broker serves.
trait Serve: Request + Decode + Sized
where
    Self::Response: Encode,
{
    fn serve(
        self,
        context: &mut RequestContext<'_>,
    ) -> impl Future<Output = Answer<Self::Response>> + Send;
}

/// Serves a request.
pub(crate) async fn answer(
    context: &mut RequestContext<'_>,
    header: &RequestHeader,
    body: Reader,
) -> Answer<Frame> {
    match header.key {
        ApiKey::PRODUCE => run::<ProduceRequest>(context, header, body).await,
        ApiKey::FETCH => run::<FetchRequest>(context, header, body).await,
        ApiKey::LIST_OFFSETS => run::<ListOffsetsRequest>(context, header, body).await,
        ApiKey::METADATA => run::<MetadataRequest>(context, header, body).await,
        ApiKey::OFFSET_COMMIT => run::<OffsetCommitRequest>(context, header, body).await,
        ApiKey::OFFSET_FETCH => run::<OffsetFetchRequest>(context, header, body).await,
        ApiKey::FIND_COORDINATOR => run::<FindCoordinatorRequest>(context, header, body).await,
        ApiKey::JOIN_GROUP => run::<JoinGroupRequest>(context, header, body).await,
        ApiKey::HEARTBEAT => run::<HeartbeatRequest>(context, header, body).await,
        ApiKey::LEAVE_GROUP => run::<LeaveGroupRequest>(context, header, body).await,
        ApiKey::SYNC_GROUP => run::<SyncGroupRequest>(context, header, body).await,
        ApiKey::API_VERSIONS => api_versions(context, header, body).await,
        ApiKey::CREATE_TOPICS => run::<CreateTopicsRequest>(context, header, body).await,
        ApiKey::DELETE_TOPICS => run::<DeleteTopicsRequest>(context, header, body).await,
        ApiKey::INIT_PRODUCER_ID => run::<InitProducerIdRequest>(context, header, body).await,
        ApiKey::ADD_OFFSETS_TO_TXN => run::<AddOffsetsToTxnRequest>(context, header, body).await,
        ApiKey::ADD_PARTITIONS_TO_TXN => {
            run::<AddPartitionsToTxnRequest>(context, header, body).await
        }
        ApiKey::END_TXN => run::<EndTxnRequest>(context, header, body).await,
        ApiKey::TXN_OFFSET_COMMIT => run::<TxnOffsetCommitRequest>(context, header, body).await,
        ApiKey::OFFSET_FOR_LEADER_EPOCH => {
            run::<OffsetForLeaderEpochRequest>(context, header, body).await
        }
        ApiKey::DESCRIBE_GROUPS => run::<DescribeGroupsRequest>(context, header, body).await,
        ApiKey::LIST_GROUPS => run::<ListGroupsRequest>(context, header, body).await,
        ApiKey::DELETE_GROUPS => run::<DeleteGroupsRequest>(context, header, body).await,
        ApiKey::OFFSET_DELETE => run::<OffsetDeleteRequest>(context, header, body).await,
        ApiKey::DESCRIBE_CLUSTER => run::<DescribeClusterRequest>(context, header, body).await,
        ApiKey::DESCRIBE_CONFIGS => run::<DescribeConfigsRequest>(context, header, body).await,
        ApiKey::CREATE_PARTITIONS => run::<CreatePartitionsRequest>(context, header, body).await,
        ApiKey::DELETE_RECORDS => run::<DeleteRecordsRequest>(context, header, body).await,
        ApiKey::DESCRIBE_TRANSACTIONS => {
            run::<DescribeTransactionsRequest>(context, header, body).await
        }
        ApiKey::LIST_TRANSACTIONS => run::<ListTransactionsRequest>(context, header, body).await,
        _ => Answer::Close,
    }
}

/// The first flexible version of an API, for reading a request's header.
pub(crate) fn flexible_from(key: ApiKey) -> Option<i16> {
    APIS.iter().find(|api| api.key == key).map(|api| api.flexible)
}

/// What [`answer`] answers; the codecs know more APIs than this broker has.
const SERVED: &[ApiKey] = &[
    ApiKey::PRODUCE,
    ApiKey::FETCH,
    ApiKey::LIST_OFFSETS,
    ApiKey::METADATA,
    ApiKey::OFFSET_COMMIT,
    ApiKey::OFFSET_FETCH,
    ApiKey::FIND_COORDINATOR,
    ApiKey::JOIN_GROUP,
    ApiKey::HEARTBEAT,
    ApiKey::LEAVE_GROUP,
    ApiKey::SYNC_GROUP,
    ApiKey::API_VERSIONS,
    ApiKey::CREATE_TOPICS,
    ApiKey::DELETE_TOPICS,
    ApiKey::INIT_PRODUCER_ID,
    ApiKey::ADD_OFFSETS_TO_TXN,
    ApiKey::ADD_PARTITIONS_TO_TXN,
    ApiKey::END_TXN,
    ApiKey::TXN_OFFSET_COMMIT,
    ApiKey::OFFSET_FOR_LEADER_EPOCH,
    ApiKey::DESCRIBE_GROUPS,
    ApiKey::LIST_GROUPS,
    ApiKey::DELETE_GROUPS,
    ApiKey::OFFSET_DELETE,
    ApiKey::DESCRIBE_CLUSTER,
    ApiKey::DESCRIBE_CONFIGS,
    ApiKey::CREATE_PARTITIONS,
    ApiKey::DELETE_RECORDS,
    ApiKey::DESCRIBE_TRANSACTIONS,
    ApiKey::LIST_TRANSACTIONS,
];

/// The versions of an API that a cluster serves; `None` if it does not have the API.
fn served(settings: &Settings, api: &Api) -> Option<VersionRange> {
    if !SERVED.contains(&api.key) {
        return None;
    }
    match settings.max_versions.get(&api.key) {
        None => Some(api.versions),
        Some(None) => None,
        Some(Some(max)) => api.versions.intersect(VersionRange::new(0, *max)),
    }
}

/// Kafka closes the connection on an API or a version that it does not have, and on a request
/// that it cannot read (`RequestContext.parseRequest`, `SocketServer.processCompletedReceives`).
async fn run<R>(
    context: &mut RequestContext<'_>,
    header: &RequestHeader,
    body: Reader,
) -> Answer<Frame>
where
    R: Serve,
    R::Response: Encode,
{
    let api = APIS.iter().find(|api| api.key == R::KEY);
    let served = api.and_then(|api| served(&context.shared.settings, api));
    if !served.is_some_and(|versions| versions.contains(header.version)) {
        tracing::debug!(api = %header.key, version = header.version, "version not served");
        return Answer::Close;
    }
    let request = match decode::<R>(context, body) {
        Ok(request) => request,
        Err(error) => {
            tracing::debug!(api = %header.key, %error, "malformed request");
            return Answer::Close;
        }
    };
    encode::<R>(request.serve(context).await, header.version, header.correlation_id)
}

/// A client asks at the newest version it knows, so a newer one than ours is not an error: it is
/// told at version 0 what there is (KIP-511).
async fn api_versions(
    context: &mut RequestContext<'_>,
    header: &RequestHeader,
    body: Reader,
) -> Answer<Frame> {
    let api = APIS.iter().find(|api| api.key == ApiKey::API_VERSIONS);
    let served = api.and_then(|api| served(&context.shared.settings, api));
    match served {
        Some(versions) if header.version > versions.max => {
            let reply = api_versions::unsupported(versions);
            encode::<ApiVersionsRequest>(Answer::Reply(reply), 0, header.correlation_id)
        }
        _ => run::<ApiVersionsRequest>(context, header, body).await,
    }
}

/// Reads a request. Bytes left over are none of Kafka's concern, and librdkafka's request for all
/// topics has some (2.16: an `int32` where the null of a compact array belongs), so they are only
/// counted.
fn decode<R: Serve>(context: &RequestContext<'_>, mut body: Reader) -> Result<R, DecodeError>
where
    R::Response: Encode,
{
    let request = R::decode(&mut body, Version::new(context.version, R::FLEXIBLE), false)?;
    context.shared.counters.surplus(body.remaining());
    Ok(request)
}

fn encode<R>(answer: Answer<R::Response>, version: i16, correlation_id: i32) -> Answer<Frame>
where
    R: Request,
    R::Response: Encode,
{
    match answer {
        Answer::Reply(response) => match encode_response::<R>(&response, version, correlation_id) {
            Ok(frame) => Answer::Reply(frame),
            Err(error) => {
                tracing::error!(%error, version, "response that cannot be written");
                Answer::Close
            }
        },
        Answer::Nothing => Answer::Nothing,
        Answer::Close => Answer::Close,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_lists_what_is_served() {
        let documented: Vec<&str> =
            include_str!("../lib.rs").lines().filter(|line| line.contains('–')).collect();
        let settings = Settings::default();
        let served = APIS.iter().filter_map(|api| Some((api.key, served(&settings, api)?)));
        let rows: Vec<String> = served
            .map(|(key, range)| format!("//! | {} | {}–{} |", key.name(), range.min, range.max))
            .collect();
        assert_eq!(rows.len(), SERVED.len(), "the codecs know all of them");
        for row in &rows {
            assert!(documented.iter().any(|line| line.starts_with(row)), "{row} is missing");
        }
        assert_eq!(documented.len(), rows.len());
    }
}
