use bytes::Bytes;

use crate::{ApiKey, ErrorCode, message::{api, message}};

message! {
    /// `SyncGroup`: what is asked.
    request SyncGroupRequest {
        /// The GroupId.
        group_id: String, 0+;
        /// The GenerationId.
        generation_id: i32, 0+;
        /// The MemberId.
        member_id: String, 0+;
        /// The GroupInstanceId.
        group_instance_id: Option<String>, 3+, nullable 3+;
        /// The ProtocolType.
        protocol_type: Option<String>, 5+, nullable 5+, ignorable;
        /// The ProtocolName.
        protocol_name: Option<String>, 5+, nullable 5+, ignorable;
        /// The Assignments.
        assignments: Vec<SyncGroupRequestAssignment>, 0+;
    }

    /// Part of [`SyncGroupRequest`].
    request SyncGroupRequestAssignment {
        /// The MemberId.
        member_id: String, 0+;
        /// The Assignment.
        assignment: Bytes, 0+;
    }

    /// `SyncGroup`: what is answered.
    response SyncGroupResponse {
        /// The ThrottleTimeMs.
        throttle_time_ms: i32, 1+, ignorable;
        /// The ErrorCode.
        error_code: ErrorCode, 0+;
        /// The ProtocolType.
        protocol_type: Option<String>, 5+, nullable 5+, ignorable;
        /// The ProtocolName.
        protocol_name: Option<String>, 5+, nullable 5+, ignorable;
        /// The Assignment.
        assignment: Bytes, 0+;
    }
}

api!(SyncGroupRequest => SyncGroupResponse, ApiKey::SYNC_GROUP, versions 0 - 5, flexible 4);
