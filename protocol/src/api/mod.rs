//! One file per API: its request and response as schemas.

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
            #[doc = concat!("`", stringify!($request), "` and its response.")]
            pub mod $module;
            pub use $module::*;
        )+

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
    api_versions: ApiVersionsRequest => ApiVersionsResponse;
    create_topics: CreateTopicsRequest => CreateTopicsResponse;
    delete_topics: DeleteTopicsRequest => DeleteTopicsResponse;
    fetch: FetchRequest => FetchResponse;
    find_coordinator: FindCoordinatorRequest => FindCoordinatorResponse;
    heartbeat: HeartbeatRequest => HeartbeatResponse;
    init_producer_id: InitProducerIdRequest => InitProducerIdResponse;
    join_group: JoinGroupRequest => JoinGroupResponse;
    leave_group: LeaveGroupRequest => LeaveGroupResponse;
    list_offsets: ListOffsetsRequest => ListOffsetsResponse;
    metadata: MetadataRequest => MetadataResponse;
    offset_commit: OffsetCommitRequest => OffsetCommitResponse;
    offset_fetch: OffsetFetchRequest => OffsetFetchResponse;
    produce: ProduceRequest => ProduceResponse;
    sync_group: SyncGroupRequest => SyncGroupResponse;
}
