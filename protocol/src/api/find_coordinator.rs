use crate::{ApiKey, ErrorCode, message::{api, message}};

message! {
    /// `FindCoordinator`: what is asked.
    request FindCoordinatorRequest {
        /// The Key.
        key: String, 0-3;
        /// The KeyType.
        key_type: i8, 1+;
        /// The CoordinatorKeys.
        coordinator_keys: Vec<String>, 4+;
    }

    /// `FindCoordinator`: what is answered.
    response FindCoordinatorResponse {
        /// The ThrottleTimeMs.
        throttle_time_ms: i32, 1+, ignorable;
        /// The ErrorCode.
        error_code: ErrorCode, 0-3;
        /// The ErrorMessage.
        error_message: Option<String>, 1-3, nullable 1-3, default Some(String::new()), ignorable;
        /// The NodeId.
        node_id: i32, 0-3;
        /// The Host.
        host: String, 0-3;
        /// The Port.
        port: i32, 0-3;
        /// The Coordinators.
        coordinators: Vec<Coordinator>, 4+;
    }

    /// Part of [`FindCoordinatorResponse`].
    response Coordinator {
        /// The Key.
        key: String, 4+;
        /// The NodeId.
        node_id: i32, 4+;
        /// The Host.
        host: String, 4+;
        /// The Port.
        port: i32, 4+;
        /// The ErrorCode.
        error_code: ErrorCode, 4+;
        /// The ErrorMessage.
        error_message: Option<String>, 4+, nullable 4+, default Some(String::new()), ignorable;
    }
}

api!(FindCoordinatorRequest => FindCoordinatorResponse, ApiKey::FIND_COORDINATOR, versions 0 - 6, flexible 3);
