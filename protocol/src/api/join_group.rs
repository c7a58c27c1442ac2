//! Joining a classic group: the first half of a rebalance.
//!
//! From version 4 a new member is first given an id and must join again with it (KIP-394).

use bytes::Bytes;

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
};

message! {
    /// Asks to be a member.
    request JoinGroupRequest {
        /// The group's id.
        group_id: String, 0+;
        /// Milliseconds without a heartbeat after which the member counts as dead.
        session_timeout_ms: i32, 0+;
        /// Milliseconds the coordinator waits for members to join again; -1 for the session's
        /// timeout.
        rebalance_timeout_ms: i32, 1+, default -1, ignorable;
        /// The id the coordinator gave; empty for a new member.
        member_id: String, 0+;
        /// The member's static name, which outlives a restart (KIP-345); null if it has none.
        group_instance_id: Option<String>, 5+, nullable 5+;
        /// What kind of group it is: `consumer` for consumers.
        protocol_type: String, 0+;
        /// The assignors the member knows, the one it likes best first.
        protocols: Vec<JoinGroupRequestProtocol>, 0+;
        /// Why it joins, for the broker's log (KIP-800).
        reason: Option<String>, 8+, nullable 8+, ignorable;
    }

    /// One assignor a member knows.
    request JoinGroupRequestProtocol {
        /// The assignor's name, such as `range`.
        name: String, 0+;
        /// What the member tells the leader: see [`consumer_protocol`](crate::consumer_protocol).
        metadata: Bytes, 0+;
    }

    /// The generation that the group has come to.
    response JoinGroupResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 2+, ignorable;
        /// `MEMBER_ID_REQUIRED` asks to join again with the `member_id` given (KIP-394).
        error_code: ErrorCode, 0+;
        /// The generation; -1 along with an error.
        generation_id: i32, 0+, default -1;
        /// What kind of group it is (KIP-559).
        protocol_type: Option<String>, 7+, nullable 7+, ignorable;
        /// The assignor that all members know.
        protocol_name: Option<String>, 0+, nullable 7+, default Some(String::new());
        /// The id of the member that assigns.
        leader: String, 0+;
        /// The leader is to assign nothing: a static member came back and all stays (KIP-814).
        skip_assignment: bool, 9+;
        /// This member's id.
        member_id: String, 0+;
        /// All members, for the leader; empty for the others.
        members: Vec<JoinGroupResponseMember>, 0+;
    }

    /// A member as the leader sees it.
    response JoinGroupResponseMember {
        /// The member's id.
        member_id: String, 0+;
        /// The member's static name, which outlives a restart (KIP-345); null if it has none.
        group_instance_id: Option<String>, 5+, nullable 5+, ignorable;
        /// What the member tells the leader.
        metadata: Bytes, 0+;
    }
}

api!(JoinGroupRequest => JoinGroupResponse, ApiKey::JOIN_GROUP, versions 0 - 9, flexible 6);
