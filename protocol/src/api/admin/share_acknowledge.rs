//! Acknowledging records of a share group without reading more (KIP-932).

use crate::{
    ApiKey, ErrorCode, Uuid,
    message::{api, message},
};

message! {
    /// Tells what became of records received earlier.
    request ShareAcknowledgeRequest {
        /// The share group's id.
        group_id: Option<String>, 0+, nullable 0+;
        /// The member's id.
        member_id: Option<String>, 0+, nullable 0+, default Some(String::new());
        /// Counts up by one with each request of the session; -1 closes it.
        share_session_epoch: i32, 0+;
        /// Whether some acknowledgements renew locks (KIP-1222).
        is_renew_ack: bool, 2+;
        /// The acknowledgements, by topic.
        topics: Vec<AcknowledgeTopic>, 0+;
    }

    /// Acknowledgements in one topic.
    request AcknowledgeTopic {
        /// The topic's id.
        topic_id: Uuid, 0+;
        /// The acknowledgements of each partition.
        partitions: Vec<AcknowledgePartition>, 0+;
    }

    /// Acknowledgements in one partition.
    request AcknowledgePartition {
        /// The partition's number.
        partition_index: i32, 0+;
        /// What became of the records.
        acknowledgement_batches: Vec<ShareAcknowledgeAcknowledgementBatch>, 0+;
    }

    /// What became of consecutive records.
    request ShareAcknowledgeAcknowledgementBatch {
        /// The first record's offset.
        first_offset: i64, 0+;
        /// The last record's offset, included.
        last_offset: i64, 0+;
        /// One for each record, or one for all: 0 there is none, 1 accepted, 2 released for others,
        /// 3 rejected for good, 4 the lock renewed.
        acknowledge_types: Vec<i8>, 0+;
    }

    /// What became of the acknowledgements.
    response ShareAcknowledgeResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
        /// An error of the whole request, such as a session that is not known.
        error_code: ErrorCode, 0+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 0+, nullable 0+;
        /// Milliseconds until records whose locks were renewed are released by themselves.
        acquisition_lock_timeout_ms: i32, 2+, ignorable;
        /// One answer for each topic.
        responses: Vec<ShareAcknowledgeTopicResponse>, 0+;
        /// Where the leaders named in `current_leader` are.
        node_endpoints: Vec<ShareAcknowledgeNodeEndpoint>, 0+;
    }

    /// What became of one topic's acknowledgements.
    response ShareAcknowledgeTopicResponse {
        /// The topic's id.
        topic_id: Uuid, 0+;
        /// One answer for each partition.
        partitions: Vec<ShareAcknowledgePartitionData>, 0+;
    }

    /// What became of one partition's acknowledgements.
    response ShareAcknowledgePartitionData {
        /// The partition's number.
        partition_index: i32, 0+;
        /// Why they failed; none if they did not.
        error_code: ErrorCode, 0+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 0+, nullable 0+;
        /// The leader now, along with an error that says the client's is out of date.
        current_leader: ShareAcknowledgeLeaderIdAndEpoch, 0+;
    }

    /// A partition's leader, as a hint in an error.
    response ShareAcknowledgeLeaderIdAndEpoch {
        /// The leader; -1 if not known.
        leader_id: i32, 0+;
        /// Its epoch.
        leader_epoch: i32, 0+;
    }

    /// Where a broker is.
    response ShareAcknowledgeNodeEndpoint {
        /// The broker's id.
        node_id: i32, 0+;
        /// Its host name or address.
        host: String, 0+;
        /// Its port.
        port: i32, 0+;
        /// Its rack, if it has one.
        rack: Option<String>, 0+, nullable 0+;
    }
}

api!(
    ShareAcknowledgeRequest => ShareAcknowledgeResponse, ApiKey::SHARE_ACKNOWLEDGE,
    versions 1 - 2, flexible 0
);
