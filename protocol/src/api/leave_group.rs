use crate::{ApiKey, ErrorCode, message::{api, message}};

message! {
    /// `LeaveGroup`: what is asked.
    request LeaveGroupRequest {
        /// The GroupId.
        group_id: String, 0+;
        /// The MemberId.
        member_id: String, 0-2;
        /// The Members.
        members: Vec<MemberIdentity>, 3+;
    }

    /// Part of [`LeaveGroupRequest`].
    request MemberIdentity {
        /// The MemberId.
        member_id: String, 3+;
        /// The GroupInstanceId.
        group_instance_id: Option<String>, 3+, nullable 3+;
        /// The Reason.
        reason: Option<String>, 5+, nullable 5+, ignorable;
    }

    /// `LeaveGroup`: what is answered.
    response LeaveGroupResponse {
        /// The ThrottleTimeMs.
        throttle_time_ms: i32, 1+, ignorable;
        /// The ErrorCode.
        error_code: ErrorCode, 0+;
        /// The Members.
        members: Vec<MemberResponse>, 3+;
    }

    /// Part of [`LeaveGroupResponse`].
    response MemberResponse {
        /// The MemberId.
        member_id: String, 3+;
        /// The GroupInstanceId.
        group_instance_id: Option<String>, 3+, nullable 3+, default Some(String::new());
        /// The ErrorCode.
        error_code: ErrorCode, 3+;
    }
}

api!(LeaveGroupRequest => LeaveGroupResponse, ApiKey::LEAVE_GROUP, versions 0 - 5, flexible 4);
