//! One file per API: its request and response as schemas.

#[cfg(test)]
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
        #[cfg(test)]
        pub(crate) fn each_message(visit: &mut impl VisitMessage) {
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
#[cfg(test)]
pub(crate) trait VisitMessage {
    fn message<M: crate::wire::arbitrary::Arbitrary>(&mut self, _: Version) {}

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

#[cfg(test)]
mod tests;
