//! One file per API: its request and response as schemas.

#[cfg(any(test, feature = "arbitrary"))]
use crate::wire::Version;
use crate::{
    ApiKey,
    schema::Struct,
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
    (
        client {$($module:ident: $request:ident => $response:ident;)+}
        admin {$($admin:ident: $admin_request:ident => $admin_response:ident;)+}
    ) => {
        $(
            pub mod $module;
            pub use $module::*;
        )+

        /// What producers, consumers and members of their groups never send: administration, and
        /// the protocols of share groups and of Kafka Streams.
        #[cfg(any(test, feature = "admin"))]
        pub mod admin {
            $(
                pub mod $admin;
                pub use $admin::*;
            )+
        }
        #[cfg(any(test, feature = "admin"))]
        pub use admin::*;

        /// Shows every message of every API at every version to a test.
        #[cfg(any(test, feature = "arbitrary"))]
        #[doc(hidden)]
        pub fn each_message(visit: &mut impl VisitMessage) {
            $(show::<$request>(visit);)+
            $(show::<$admin_request>(visit);)+
        }

        /// Every API this build has, with its versions.
        pub const APIS: &[Api] = &[
            $(Api::of::<$request>(&$request::SCHEMA, &$response::SCHEMA),)+
            $(
                #[cfg(any(test, feature = "admin"))]
                Api::of::<$admin_request>(&$admin_request::SCHEMA, &$admin_response::SCHEMA),
            )+
        ];
    };
}

#[cfg(any(test, feature = "arbitrary"))]
fn show<R>(visit: &mut impl VisitMessage)
where
    R: Request + crate::wire::arbitrary::Arbitrary,
    R::Response: crate::wire::arbitrary::Arbitrary,
{
    for number in R::VERSIONS.min..=R::VERSIONS.max {
        let v = Version::new(number, R::FLEXIBLE);
        visit.message::<R>(v);
        visit.message::<R::Response>(v);
        visit.api::<R>(v);
    }
}

/// Messages that are wrong on purpose.
#[cfg(any(test, feature = "arbitrary"))]
#[doc(hidden)]
pub mod planted;

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
    pub request: &'static Struct,
    /// The response's outermost structure.
    pub response: &'static Struct,
}

impl Api {
    const fn of<R: Request>(request: &'static Struct, response: &'static Struct) -> Self {
        Self { key: R::KEY, versions: R::VERSIONS, flexible: R::FLEXIBLE, request, response }
    }
}

apis! {
    client {
        add_offsets_to_txn: AddOffsetsToTxnRequest => AddOffsetsToTxnResponse;
        add_partitions_to_txn: AddPartitionsToTxnRequest => AddPartitionsToTxnResponse;
        api_versions: ApiVersionsRequest => ApiVersionsResponse;
        consumer_group_heartbeat: ConsumerGroupHeartbeatRequest => ConsumerGroupHeartbeatResponse;
        create_topics: CreateTopicsRequest => CreateTopicsResponse;
        delete_topics: DeleteTopicsRequest => DeleteTopicsResponse;
        end_txn: EndTxnRequest => EndTxnResponse;
        fetch: FetchRequest => FetchResponse;
        find_coordinator: FindCoordinatorRequest => FindCoordinatorResponse;
        get_telemetry_subscriptions: GetTelemetrySubscriptionsRequest => GetTelemetrySubscriptionsResponse;
        heartbeat: HeartbeatRequest => HeartbeatResponse;
        init_producer_id: InitProducerIdRequest => InitProducerIdResponse;
        join_group: JoinGroupRequest => JoinGroupResponse;
        leave_group: LeaveGroupRequest => LeaveGroupResponse;
        list_offsets: ListOffsetsRequest => ListOffsetsResponse;
        metadata: MetadataRequest => MetadataResponse;
        offset_commit: OffsetCommitRequest => OffsetCommitResponse;
        offset_fetch: OffsetFetchRequest => OffsetFetchResponse;
        offset_for_leader_epoch: OffsetForLeaderEpochRequest => OffsetForLeaderEpochResponse;
        produce: ProduceRequest => ProduceResponse;
        push_telemetry: PushTelemetryRequest => PushTelemetryResponse;
        sasl_authenticate: SaslAuthenticateRequest => SaslAuthenticateResponse;
        sasl_handshake: SaslHandshakeRequest => SaslHandshakeResponse;
        sync_group: SyncGroupRequest => SyncGroupResponse;
        txn_offset_commit: TxnOffsetCommitRequest => TxnOffsetCommitResponse;
    }
    admin {
        add_raft_voter: AddRaftVoterRequest => AddRaftVoterResponse;
        alter_client_quotas: AlterClientQuotasRequest => AlterClientQuotasResponse;
        alter_configs: AlterConfigsRequest => AlterConfigsResponse;
        alter_partition_reassignments: AlterPartitionReassignmentsRequest => AlterPartitionReassignmentsResponse;
        alter_replica_log_dirs: AlterReplicaLogDirsRequest => AlterReplicaLogDirsResponse;
        alter_share_group_offsets: AlterShareGroupOffsetsRequest => AlterShareGroupOffsetsResponse;
        alter_user_scram_credentials: AlterUserScramCredentialsRequest => AlterUserScramCredentialsResponse;
        consumer_group_describe: ConsumerGroupDescribeRequest => ConsumerGroupDescribeResponse;
        create_acls: CreateAclsRequest => CreateAclsResponse;
        create_delegation_token: CreateDelegationTokenRequest => CreateDelegationTokenResponse;
        create_partitions: CreatePartitionsRequest => CreatePartitionsResponse;
        delete_acls: DeleteAclsRequest => DeleteAclsResponse;
        delete_groups: DeleteGroupsRequest => DeleteGroupsResponse;
        delete_records: DeleteRecordsRequest => DeleteRecordsResponse;
        delete_share_group_offsets: DeleteShareGroupOffsetsRequest => DeleteShareGroupOffsetsResponse;
        describe_acls: DescribeAclsRequest => DescribeAclsResponse;
        describe_client_quotas: DescribeClientQuotasRequest => DescribeClientQuotasResponse;
        describe_cluster: DescribeClusterRequest => DescribeClusterResponse;
        describe_configs: DescribeConfigsRequest => DescribeConfigsResponse;
        describe_delegation_token: DescribeDelegationTokenRequest => DescribeDelegationTokenResponse;
        describe_groups: DescribeGroupsRequest => DescribeGroupsResponse;
        describe_log_dirs: DescribeLogDirsRequest => DescribeLogDirsResponse;
        describe_producers: DescribeProducersRequest => DescribeProducersResponse;
        describe_quorum: DescribeQuorumRequest => DescribeQuorumResponse;
        describe_share_group_offsets: DescribeShareGroupOffsetsRequest => DescribeShareGroupOffsetsResponse;
        describe_topic_partitions: DescribeTopicPartitionsRequest => DescribeTopicPartitionsResponse;
        describe_transactions: DescribeTransactionsRequest => DescribeTransactionsResponse;
        describe_user_scram_credentials: DescribeUserScramCredentialsRequest => DescribeUserScramCredentialsResponse;
        elect_leaders: ElectLeadersRequest => ElectLeadersResponse;
        expire_delegation_token: ExpireDelegationTokenRequest => ExpireDelegationTokenResponse;
        incremental_alter_configs: IncrementalAlterConfigsRequest => IncrementalAlterConfigsResponse;
        list_config_resources: ListConfigResourcesRequest => ListConfigResourcesResponse;
        list_groups: ListGroupsRequest => ListGroupsResponse;
        list_partition_reassignments: ListPartitionReassignmentsRequest => ListPartitionReassignmentsResponse;
        list_transactions: ListTransactionsRequest => ListTransactionsResponse;
        offset_delete: OffsetDeleteRequest => OffsetDeleteResponse;
        remove_raft_voter: RemoveRaftVoterRequest => RemoveRaftVoterResponse;
        renew_delegation_token: RenewDelegationTokenRequest => RenewDelegationTokenResponse;
        share_acknowledge: ShareAcknowledgeRequest => ShareAcknowledgeResponse;
        share_fetch: ShareFetchRequest => ShareFetchResponse;
        share_group_describe: ShareGroupDescribeRequest => ShareGroupDescribeResponse;
        share_group_heartbeat: ShareGroupHeartbeatRequest => ShareGroupHeartbeatResponse;
        streams_group_describe: StreamsGroupDescribeRequest => StreamsGroupDescribeResponse;
        streams_group_heartbeat: StreamsGroupHeartbeatRequest => StreamsGroupHeartbeatResponse;
        unregister_broker: UnregisterBrokerRequest => UnregisterBrokerResponse;
        update_features: UpdateFeaturesRequest => UpdateFeaturesResponse;
    }
}

#[cfg(test)]
mod tests;
