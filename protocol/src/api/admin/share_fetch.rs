//! Reading records as a member of a share group (KIP-932): the broker locks those it hands out
//! until they are acknowledged.
//!
//! Version 2 can hold to `max_records` exactly (KIP-1206) and renew locks (KIP-1222).

use crate::{
    ApiKey, ErrorCode, Uuid,
    message::{api, message},
    records::Records,
};

message! {
    /// Asks for records, and acknowledges earlier ones on the way.
    request ShareFetchRequest {
        /// The share group's id.
        group_id: Option<String>, 0+, nullable 0+;
        /// The member's id.
        member_id: Option<String>, 0+, nullable 0+, default Some(String::new());
        /// 0 opens a share session, then it counts up by one; -1 closes it.
        share_session_epoch: i32, 0+;
        /// Milliseconds the broker may wait for `min_bytes` to be there.
        max_wait_ms: i32, 0+;
        /// Bytes that end the wait; 0 to be answered at once.
        min_bytes: i32, 0+;
        /// Bytes wanted at most, in all; a first batch larger than this comes all the same
        /// (KIP-74).
        max_bytes: i32, 0+, default i32::MAX;
        /// Records wanted at most, in all; whole batches may go beyond it.
        max_records: i32, 1+;
        /// Records in each of the batches that the broker may make of what it locks.
        batch_size: i32, 1+;
        /// 0 to lock whole batches, 1 to lock no more than `max_records` (KIP-1206).
        share_acquire_mode: i8, 2+, ignorable;
        /// Whether some acknowledgements renew locks (KIP-1222).
        is_renew_ack: bool, 2+;
        /// What to read and acknowledge; in a session, partitions to read that are known already
        /// are left out.
        topics: Vec<ShareFetchTopic>, 0+;
        /// Partitions to take out of the session.
        forgotten_topics_data: Vec<ShareFetchForgottenTopic>, 0+;
    }

    /// Partitions of one topic to read.
    request ShareFetchTopic {
        /// The topic's id.
        topic_id: Uuid, 0+;
        /// The partitions.
        partitions: Vec<ShareFetchPartition>, 0+;
    }

    /// A partition to read and to acknowledge records of.
    request ShareFetchPartition {
        /// The partition's number.
        partition_index: i32, 0+;
        /// What became of records received earlier.
        acknowledgement_batches: Vec<ShareFetchAcknowledgementBatch>, 0+;
    }

    /// What became of consecutive records.
    request ShareFetchAcknowledgementBatch {
        /// The first record's offset.
        first_offset: i64, 0+;
        /// The last record's offset, included.
        last_offset: i64, 0+;
        /// One for each record, or one for all: 0 there is none, 1 accepted, 2 released for others,
        /// 3 rejected for good, 4 the lock renewed.
        acknowledge_types: Vec<i8>, 0+;
    }

    /// Partitions of one topic to take out of the session.
    request ShareFetchForgottenTopic {
        /// The topic's id.
        topic_id: Uuid, 0+;
        /// The partitions' numbers.
        partitions: Vec<i32>, 0+;
    }

    /// Records, partition by partition, and what became of the acknowledgements.
    response ShareFetchResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
        /// An error of the whole request, such as a session that is not known.
        error_code: ErrorCode, 0+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 0+, nullable 0+;
        /// Milliseconds until the records handed out are released by themselves.
        acquisition_lock_timeout_ms: i32, 1+;
        /// What was read, by topic.
        responses: Vec<ShareFetchableTopicResponse>, 0+;
        /// Where the leaders named in `current_leader` are.
        node_endpoints: Vec<ShareFetchNodeEndpoint>, 0+;
    }

    /// What was read of one topic.
    response ShareFetchableTopicResponse {
        /// The topic's id.
        topic_id: Uuid, 0+;
        /// What was read of each partition.
        partitions: Vec<ShareFetchPartitionData>, 0+;
    }

    /// What was read of one partition.
    response ShareFetchPartitionData {
        /// The partition's number.
        partition_index: i32, 0+;
        /// Why nothing could be read; none if it could.
        error_code: ErrorCode, 0+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 0+, nullable 0+;
        /// Why the acknowledgements failed; none if they did not.
        acknowledge_error_code: ErrorCode, 0+;
        /// That error in words, if the broker has any.
        acknowledge_error_message: Option<String>, 0+, nullable 0+;
        /// The leader now, along with an error that says the client's is out of date.
        current_leader: ShareFetchLeaderIdAndEpoch, 0+;
        /// The batches; they may hold records that are not handed out.
        records: Records, 0+;
        /// The records handed out.
        acquired_records: Vec<AcquiredRecords>, 0+;
    }

    /// A partition's leader, as a hint in an error.
    response ShareFetchLeaderIdAndEpoch {
        /// The leader; -1 if not known.
        leader_id: i32, 0+;
        /// Its epoch.
        leader_epoch: i32, 0+;
    }

    /// Consecutive records handed out.
    response AcquiredRecords {
        /// The first record's offset.
        first_offset: i64, 0+;
        /// The last record's offset, included.
        last_offset: i64, 0+;
        /// How often they have been handed out, this time included.
        delivery_count: i16, 0+;
    }

    /// Where a broker is.
    response ShareFetchNodeEndpoint {
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

api!(ShareFetchRequest => ShareFetchResponse, ApiKey::SHARE_FETCH, versions 1 - 2, flexible 0);
