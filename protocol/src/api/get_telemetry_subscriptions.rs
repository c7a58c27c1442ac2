//! Which metrics a cluster wants of its clients (KIP-714).

use crate::{
    ApiKey, ErrorCode, Uuid,
    message::{api, message},
};

message! {
    /// Asks what to push.
    request GetTelemetrySubscriptionsRequest {
        /// The id given by the last answer; zero to be given one.
        client_instance_id: Uuid, 0+;
    }

    /// What to push.
    response GetTelemetrySubscriptionsResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
        /// Why nothing is told; none if it is.
        error_code: ErrorCode, 0+;
        /// The client's id from now on, if it asked for one; otherwise zero.
        client_instance_id: Uuid, 0+;
        /// What to send with each push: it stands for this set of metrics.
        subscription_id: i32, 0+;
        /// The codecs the broker reads, the best first: 1 gzip, 2 snappy, 3 lz4, 4 zstd; none for
        /// no compression.
        accepted_compression_types: Vec<i8>, 0+;
        /// Milliseconds between pushes.
        push_interval_ms: i32, 0+;
        /// Bytes of `metrics` that the broker takes at most.
        telemetry_max_bytes: i32, 0+;
        /// Whether counters are pushed as what they have grown by since the last push; otherwise as
        /// their total.
        delta_temporality: bool, 0+;
        /// Prefixes of the names wanted; one that is empty wants all, no prefix wants none.
        requested_metrics: Vec<String>, 0+;
    }
}

api!(
    GetTelemetrySubscriptionsRequest => GetTelemetrySubscriptionsResponse,
    ApiKey::GET_TELEMETRY_SUBSCRIPTIONS, versions 0 - 0, flexible 0
);
