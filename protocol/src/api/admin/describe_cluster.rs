//! The brokers or the controllers of a cluster (KIP-700, KIP-919).

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
};

message! {
    /// Asks about the cluster.
    request DescribeClusterRequest {
        /// Whether to tell what the client may do with the cluster (KIP-430).
        include_cluster_authorized_operations: bool, 0+;
        /// 1 for brokers, 2 for controllers (KIP-919); each kind of node answers for its own only.
        endpoint_type: i8, 1+, default 1;
        /// Whether to name brokers that are fenced, too (KIP-1073).
        include_fenced_brokers: bool, 2+;
    }

    /// The cluster.
    response DescribeClusterResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
        /// Why nothing is told; none if it is.
        error_code: ErrorCode, 0+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 0+, nullable 0+;
        /// 1 if these are brokers, 2 if controllers.
        endpoint_type: i8, 1+, default 1;
        /// The cluster's id.
        cluster_id: String, 0+;
        /// The active controller, or from a broker any broker; -1 if not known.
        controller_id: i32, 0+, default -1;
        /// The brokers or controllers.
        brokers: Vec<DescribeClusterBroker>, 0+;
        /// A bit for each operation allowed; `i32::MIN` if not asked for.
        cluster_authorized_operations: i32, 0+, default -2147483648;
    }

    /// A broker or controller and where it is.
    response DescribeClusterBroker {
        /// Its id.
        broker_id: i32, 0+;
        /// Its host name or address.
        host: String, 0+;
        /// Its port.
        port: i32, 0+;
        /// Its rack, if it has one.
        rack: Option<String>, 0+, nullable 0+;
        /// Whether it is fenced: known, but not taking part.
        is_fenced: bool, 2+;
    }
}

api!(
    DescribeClusterRequest => DescribeClusterResponse, ApiKey::DESCRIBE_CLUSTER,
    versions 0 - 2, flexible 0
);
