use bytes::Bytes;

use crate::{ApiKey, ErrorCode, message::{api, message}};

message! {
    /// `JoinGroup`: what is asked.
    request JoinGroupRequest {
        /// The GroupId.
        group_id: String, 0+;
        /// The SessionTimeoutMs.
        session_timeout_ms: i32, 0+;
        /// The RebalanceTimeoutMs.
        rebalance_timeout_ms: i32, 1+, default -1, ignorable;
        /// The MemberId.
        member_id: String, 0+;
        /// The GroupInstanceId.
        group_instance_id: Option<String>, 5+, nullable 5+;
        /// The ProtocolType.
        protocol_type: String, 0+;
        /// The Protocols.
        protocols: Vec<JoinGroupRequestProtocol>, 0+;
        /// The Reason.
        reason: Option<String>, 8+, nullable 8+, ignorable;
    }

    /// Part of [`JoinGroupRequest`].
    request JoinGroupRequestProtocol {
        /// The Name.
        name: String, 0+;
        /// The Metadata.
        metadata: Bytes, 0+;
    }

    /// `JoinGroup`: what is answered.
    response JoinGroupResponse {
        /// The ThrottleTimeMs.
        throttle_time_ms: i32, 2+, ignorable;
        /// The ErrorCode.
        error_code: ErrorCode, 0+;
        /// The GenerationId.
        generation_id: i32, 0+, default -1;
        /// The ProtocolType.
        protocol_type: Option<String>, 7+, nullable 7+, ignorable;
        /// The ProtocolName.
        protocol_name: Option<String>, 0+, nullable 7+, default Some(String::new());
        /// The Leader.
        leader: String, 0+;
        /// The SkipAssignment.
        skip_assignment: bool, 9+;
        /// The MemberId.
        member_id: String, 0+;
        /// The Members.
        members: Vec<JoinGroupResponseMember>, 0+;
    }

    /// Part of [`JoinGroupResponse`].
    response JoinGroupResponseMember {
        /// The MemberId.
        member_id: String, 0+;
        /// The GroupInstanceId.
        group_instance_id: Option<String>, 5+, nullable 5+, ignorable;
        /// The Metadata.
        metadata: Bytes, 0+;
    }
}

api!(JoinGroupRequest => JoinGroupResponse, ApiKey::JOIN_GROUP, versions 2 - 9, flexible 6);
