use crate::{ApiKey, ErrorCode, Uuid, message::{api, message}};

message! {
    /// `DeleteTopics`: what is asked.
    request DeleteTopicsRequest {
        /// The Topics.
        topics: Vec<DeleteTopicState>, 6+;
        /// The TopicNames.
        topic_names: Vec<String>, 0-5, ignorable;
        /// The TimeoutMs.
        timeout_ms: i32, 0+;
    }

    /// Part of [`DeleteTopicsRequest`].
    request DeleteTopicState {
        /// The Name.
        name: Option<String>, 6+, nullable 6+;
        /// The TopicId.
        topic_id: Uuid, 6+;
    }

    /// `DeleteTopics`: what is answered.
    response DeleteTopicsResponse {
        /// The ThrottleTimeMs.
        throttle_time_ms: i32, 1+, ignorable;
        /// The Responses.
        responses: Vec<DeletableTopicResult>, 0+;
    }

    /// Part of [`DeleteTopicsResponse`].
    response DeletableTopicResult {
        /// The Name.
        name: Option<String>, 0+, nullable 6+, default Some(String::new());
        /// The TopicId.
        topic_id: Uuid, 6+, ignorable;
        /// The ErrorCode.
        error_code: ErrorCode, 0+;
        /// The ErrorMessage.
        error_message: Option<String>, 5+, nullable 5+, ignorable;
    }
}

api!(DeleteTopicsRequest => DeleteTopicsResponse, ApiKey::DELETE_TOPICS, versions 1 - 6, flexible 4);
