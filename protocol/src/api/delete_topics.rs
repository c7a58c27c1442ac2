//! Deleting topics, by name or from version 6 by id (KIP-516).

use crate::{
    ApiKey, ErrorCode, Uuid,
    message::{api, message},
};

message! {
    /// Asks the controller to delete topics.
    request DeleteTopicsRequest {
        /// The topics, each by name or id.
        topics: Vec<DeleteTopicState>, 6+;
        /// The topics' names, before version 6.
        topic_names: Vec<String>, 0-5, ignorable;
        /// Milliseconds the broker may take; beyond them topics may still go.
        timeout_ms: i32, 0+;
    }

    /// A topic by one of its two handles.
    request DeleteTopicState {
        /// Its name; null if the id is given.
        name: Option<String>, 6+, nullable 6+;
        /// Its id; zero if the name is given.
        topic_id: Uuid, 6+;
    }

    /// What became of each topic.
    response DeleteTopicsResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 1+, ignorable;
        /// One result for each topic asked for.
        responses: Vec<DeletableTopicResult>, 0+;
    }

    /// What became of one topic.
    response DeletableTopicResult {
        /// The topic's name; null if it was asked for by an id that is not known or not visible.
        name: Option<String>, 0+, nullable 6+, default Some(String::new());
        /// The topic's id.
        topic_id: Uuid, 6+, ignorable;
        /// Why the topic was not deleted; none if it was.
        error_code: ErrorCode, 0+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 5+, nullable 5+, ignorable;
    }
}

api!(
    DeleteTopicsRequest => DeleteTopicsResponse, ApiKey::DELETE_TOPICS,
    versions 1 - 6, flexible 4
);
