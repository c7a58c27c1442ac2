//! Leaving a classic group; several members at once from version 3 (KIP-345).

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
};

message! {
    /// Takes members out of a group.
    request LeaveGroupRequest {
        /// The group's id.
        group_id: String, 0+;
        /// The member, before version 3.
        member_id: String, 0-2;
        /// The members, from version 3 on.
        members: Vec<MemberIdentity>, 3+;
    }

    /// A member to take out.
    request MemberIdentity {
        /// Its id; empty to find it by its instance id.
        member_id: String, 3+;
        /// The member's static name, which outlives a restart (KIP-345); null if it has none.
        group_instance_id: Option<String>, 3+, nullable 3+;
        /// Why it goes, for the broker's log (KIP-800).
        reason: Option<String>, 5+, nullable 5+, ignorable;
    }

    /// What became of the members.
    response LeaveGroupResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 1+, ignorable;
        /// An error of the whole request.
        error_code: ErrorCode, 0+;
        /// One result for each member, from version 3 on.
        members: Vec<MemberResponse>, 3+;
    }

    /// What became of one member.
    response MemberResponse {
        /// The member's id.
        member_id: String, 3+;
        /// The member's static name, which outlives a restart (KIP-345); null if it has none.
        group_instance_id: Option<String>, 3+, nullable 3+, default Some(String::new());
        /// Why it could not leave; none if it did.
        error_code: ErrorCode, 3+;
    }
}

api!(LeaveGroupRequest => LeaveGroupResponse, ApiKey::LEAVE_GROUP, versions 0 - 5, flexible 4);
