//! Which users have SCRAM credentials (KIP-554).

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
};

message! {
    /// Asks about users.
    request DescribeUserScramCredentialsRequest {
        /// The users; null or none for all.
        users: Option<Vec<DescribeUserScramCredentialsUserName>>, 0+, nullable 0+,
            default Some(Vec::new());
    }

    /// A user asked about.
    request DescribeUserScramCredentialsUserName {
        /// The user's name.
        name: String, 0+;
    }

    /// The users' credentials, without anything secret.
    response DescribeUserScramCredentialsResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
        /// Why they are not told; none if they are.
        error_code: ErrorCode, 0+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 0+, nullable 0+, default Some(String::new());
        /// One answer for each user.
        results: Vec<DescribeUserScramCredentialsResult>, 0+;
    }

    /// The credentials of one user.
    response DescribeUserScramCredentialsResult {
        /// The user's name.
        user: String, 0+;
        /// Why they are not told; none if they are.
        error_code: ErrorCode, 0+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 0+, nullable 0+, default Some(String::new());
        /// One for each mechanism.
        credential_infos: Vec<CredentialInfo>, 0+;
    }

    /// A credential.
    response CredentialInfo {
        /// 1 for SCRAM-SHA-256, 2 for SCRAM-SHA-512.
        mechanism: i8, 0+;
        /// How often the password was hashed.
        iterations: i32, 0+;
    }
}

api!(
    DescribeUserScramCredentialsRequest => DescribeUserScramCredentialsResponse,
    ApiKey::DESCRIBE_USER_SCRAM_CREDENTIALS, versions 0 - 0, flexible 0
);
