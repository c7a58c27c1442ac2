//! One file per API: its request and response as schemas.

#[cfg(any(test, feature = "arbitrary"))]
use crate::wire::Version;
use crate::{
    ApiKey,
    wire::{Decode, Encode, VersionRange},
};

/// What the broker's side of a message can do, as far as this build needs it.
#[doc(hidden)]
pub mod direction {
    #[cfg(any(test, feature = "broker"))]
    pub use crate::wire::{Decode as Received, Encode as Sent};

    /// A request that is only written.
    #[cfg(not(any(test, feature = "broker")))]
    pub trait Received {}
    #[cfg(not(any(test, feature = "broker")))]
    impl<T> Received for T {}

    /// A response that is only read.
    #[cfg(not(any(test, feature = "broker")))]
    pub trait Sent {}
    #[cfg(not(any(test, feature = "broker")))]
    impl<T> Sent for T {}
}

/// A request and what is known of its API.
pub trait Request: Encode + direction::Received + Send + Sync + 'static {
    /// The API's number.
    const KEY: ApiKey;
    /// The versions this library has.
    const VERSIONS: VersionRange;
    /// The first flexible version (KIP-482); `i16::MAX` if there is none.
    const FLEXIBLE: i16;
    /// What the broker answers.
    type Response: Decode + direction::Sent + Send + 'static;
}

macro_rules! apis {
    ($($module:ident: $request:ident => $response:ident;)+) => {
        $(
            pub mod $module;
            pub use $module::*;
        )+

        /// Shows every message of every API at every version to a test.
        #[cfg(any(test, feature = "arbitrary"))]
        #[doc(hidden)]
        pub fn each_message(visit: &mut impl VisitMessage) {
            $(
                let versions = <$request as Request>::VERSIONS;
                for number in versions.min..=versions.max {
                    let v = crate::wire::Version::new(number, <$request as Request>::FLEXIBLE);
                    visit.message::<$request>(v);
                    visit.message::<$response>(v);
                    visit.api::<$request>(v);
                }
            )+
        }

        /// Every API this library has, with its versions.
        pub const APIS: &[Api] = &[$(
            Api {
                key: <$request as Request>::KEY,
                versions: <$request as Request>::VERSIONS,
                flexible: <$request as Request>::FLEXIBLE,
                request: &$request::SCHEMA,
                response: &$response::SCHEMA,
            },
        )+];
    };
}

/// What a test does with every message; see [`each_message`].
#[cfg(any(test, feature = "arbitrary"))]
#[doc(hidden)]
pub trait VisitMessage {
    /// Sees a request or a response at one version.
    fn message<M: crate::wire::arbitrary::Arbitrary>(&mut self, _: Version) {}

    /// Sees a request along with its response at one version.
    fn api<R>(&mut self, _: Version)
    where
        R: Request + crate::wire::arbitrary::Arbitrary,
        R::Response: crate::wire::arbitrary::Arbitrary,
    {
    }
}

/// An API as data.
#[derive(Clone, Copy, Debug)]
pub struct Api {
    /// Its number.
    pub key: ApiKey,
    /// The versions this library has.
    pub versions: VersionRange,
    /// The first flexible version; `i16::MAX` if there is none.
    pub flexible: i16,
    /// The request's outermost structure.
    pub request: &'static crate::schema::Struct,
    /// The response's outermost structure.
    pub response: &'static crate::schema::Struct,
}

apis! {
    add_offsets_to_txn: AddOffsetsToTxnRequest => AddOffsetsToTxnResponse;
    add_partitions_to_txn: AddPartitionsToTxnRequest => AddPartitionsToTxnResponse;
    api_versions: ApiVersionsRequest => ApiVersionsResponse;
    create_partitions: CreatePartitionsRequest => CreatePartitionsResponse;
    create_topics: CreateTopicsRequest => CreateTopicsResponse;
    delete_groups: DeleteGroupsRequest => DeleteGroupsResponse;
    delete_records: DeleteRecordsRequest => DeleteRecordsResponse;
    delete_topics: DeleteTopicsRequest => DeleteTopicsResponse;
    describe_cluster: DescribeClusterRequest => DescribeClusterResponse;
    describe_configs: DescribeConfigsRequest => DescribeConfigsResponse;
    describe_groups: DescribeGroupsRequest => DescribeGroupsResponse;
    end_txn: EndTxnRequest => EndTxnResponse;
    fetch: FetchRequest => FetchResponse;
    find_coordinator: FindCoordinatorRequest => FindCoordinatorResponse;
    heartbeat: HeartbeatRequest => HeartbeatResponse;
    init_producer_id: InitProducerIdRequest => InitProducerIdResponse;
    join_group: JoinGroupRequest => JoinGroupResponse;
    leave_group: LeaveGroupRequest => LeaveGroupResponse;
    list_groups: ListGroupsRequest => ListGroupsResponse;
    list_offsets: ListOffsetsRequest => ListOffsetsResponse;
    metadata: MetadataRequest => MetadataResponse;
    offset_commit: OffsetCommitRequest => OffsetCommitResponse;
    offset_delete: OffsetDeleteRequest => OffsetDeleteResponse;
    offset_fetch: OffsetFetchRequest => OffsetFetchResponse;
    offset_for_leader_epoch: OffsetForLeaderEpochRequest => OffsetForLeaderEpochResponse;
    produce: ProduceRequest => ProduceResponse;
    sync_group: SyncGroupRequest => SyncGroupResponse;
    txn_offset_commit: TxnOffsetCommitRequest => TxnOffsetCommitResponse;
}

#[cfg(test)]
mod tests;
