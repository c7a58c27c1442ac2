//! Brokers, topics, partitions and their leaders.
//!
//! Leader epochs came with version 7 (KIP-320), topic ids with 10 (KIP-516).

use crate::{
    ApiKey, ErrorCode, Uuid,
    message::{api, message},
};

message! {
    /// Asks about the cluster and some of its topics.
    request MetadataRequest {
        /// The topics; null for all of them, and empty for none (in version 0 empty means all).
        topics: Option<Vec<MetadataRequestTopic>>, 0+, nullable 1+, default Some(Vec::new());
        /// Whether a topic that is not there may be created, where the broker does so.
        allow_auto_topic_creation: bool, 4+, default true;
        /// Whether to tell what the client may do with the cluster (KIP-430).
        include_cluster_authorized_operations: bool, 8-10;
        /// Whether to tell what the client may do with each topic (KIP-430).
        include_topic_authorized_operations: bool, 8+;
    }

    /// A topic asked about.
    request MetadataRequestTopic {
        /// Its id, or zero; brokers look at it from version 12 on only.
        topic_id: Uuid, 10+, ignorable;
        /// Its name; null, from version 12 on, to ask by id.
        name: Option<String>, 0+, nullable 10+, default Some(String::new());
    }

    /// The cluster as the broker knows it: eventually, not at once, the newest state.
    response MetadataResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 3+, ignorable;
        /// The brokers that live.
        brokers: Vec<MetadataResponseBroker>, 0+;
        /// The cluster's id, if it has one.
        cluster_id: Option<String>, 2+, nullable 2+, ignorable;
        /// Where to send what only a controller does; -1 if not known. With KRaft any broker, at
        /// random.
        controller_id: i32, 1+, default -1, ignorable;
        /// The topics asked about.
        topics: Vec<MetadataResponseTopic>, 0+;
        /// A bit for each operation allowed; `i32::MIN` if not asked for.
        cluster_authorized_operations: i32, 8-10, default -2147483648;
        /// `REBOOTSTRAP_REQUIRED` asks to start over from the bootstrap addresses (KIP-1102).
        error_code: ErrorCode, 13+, ignorable;
    }

    /// A broker and where it is.
    response MetadataResponseBroker {
        /// The broker's id.
        node_id: i32, 0+;
        /// Its host name or address.
        host: String, 0+;
        /// Its port.
        port: i32, 0+;
        /// Its rack, if it has one.
        rack: Option<String>, 1+, nullable 1+, ignorable;
    }

    /// A topic.
    response MetadataResponseTopic {
        /// Why nothing is known of the topic; none if it is.
        error_code: ErrorCode, 0+;
        /// Its name; null if it was asked for by an id that is not known.
        name: Option<String>, 0+, nullable 12+, default Some(String::new());
        /// Its id; zero if it was asked for by a name that is not known, or the broker is too old.
        topic_id: Uuid, 10+, ignorable;
        /// Whether it is one of Kafka's own, such as `__consumer_offsets`.
        is_internal: bool, 1+, ignorable;
        /// Its partitions, in no particular order.
        partitions: Vec<MetadataResponsePartition>, 0+;
        /// A bit for each operation allowed; `i32::MIN` if not asked for.
        topic_authorized_operations: i32, 8+, default -2147483648;
    }

    /// A partition.
    response MetadataResponsePartition {
        /// `LEADER_NOT_AVAILABLE` and the like; the rest may hold good all the same.
        error_code: ErrorCode, 0+;
        /// The partition's number.
        partition_index: i32, 0+;
        /// The leader; -1 if there is none.
        leader_id: i32, 0+;
        /// Grows with each new leader (KIP-320): a lower one is out of date; -1 if not told.
        leader_epoch: i32, 7+, default -1, ignorable;
        /// All brokers that hold a copy, the preferred leader first.
        replica_nodes: Vec<i32>, 0+;
        /// Those whose copy is in sync.
        isr_nodes: Vec<i32>, 0+;
        /// Those whose copy is out of reach.
        offline_replicas: Vec<i32>, 5+, ignorable;
    }
}

api!(MetadataRequest => MetadataResponse, ApiKey::METADATA, versions 0 - 13, flexible 9);
