//! Forgetting where a share group has come to in topics (KIP-932).

use crate::{
    ApiKey, ErrorCode, Uuid,
    message::{api, message},
};

message! {
    /// Asks the coordinator to forget start offsets of a group without members.
    request DeleteShareGroupOffsetsRequest {
        /// The group's id.
        group_id: String, 0+;
        /// The topics to forget.
        topics: Vec<DeleteShareGroupOffsetsRequestTopic>, 0+;
    }

    /// A topic to forget.
    request DeleteShareGroupOffsetsRequestTopic {
        /// The topic's name.
        topic_name: String, 0+;
    }

    /// What became of each topic.
    response DeleteShareGroupOffsetsResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
        /// An error of the whole group.
        error_code: ErrorCode, 0+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 0+, nullable 0+;
        /// One answer for each topic.
        responses: Vec<DeleteShareGroupOffsetsResponseTopic>, 0+;
    }

    /// What became of one topic.
    response DeleteShareGroupOffsetsResponseTopic {
        /// The topic's name.
        topic_name: String, 0+;
        /// The topic's id.
        topic_id: Uuid, 0+;
        /// Why its offsets are still there; none if they are forgotten.
        error_code: ErrorCode, 0+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 0+, nullable 0+;
    }
}

api!(
    DeleteShareGroupOffsetsRequest => DeleteShareGroupOffsetsResponse,
    ApiKey::DELETE_SHARE_GROUP_OFFSETS, versions 0 - 0, flexible 0
);
