//! A client's metrics (KIP-714).

use bytes::Bytes;

use crate::{
    ApiKey, ErrorCode, Uuid,
    message::{api, message},
};

message! {
    /// Hands over metrics.
    request PushTelemetryRequest {
        /// The client's id.
        client_instance_id: Uuid, 0+;
        /// What the metrics were asked for with.
        subscription_id: i32, 0+;
        /// Whether this is the client's last push.
        terminating: bool, 0+;
        /// How `metrics` is compressed: 0 not at all, 1 gzip, 2 snappy, 3 lz4, 4 zstd.
        compression_type: i8, 0+;
        /// `MetricsData` of OpenTelemetry's version 1, in protobuf.
        metrics: Bytes, 0+;
    }

    /// Whether they were taken.
    response PushTelemetryResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
        /// Why they were not; none if they were.
        error_code: ErrorCode, 0+;
    }
}

api!(
    PushTelemetryRequest => PushTelemetryResponse, ApiKey::PUSH_TELEMETRY,
    versions 0 - 0, flexible 0
);
