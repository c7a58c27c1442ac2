//! Setting and removing SCRAM credentials of users (KIP-554).

use bytes::Bytes;

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
    wire::SecretBytes,
};

message! {
    /// Asks to remove and to set credentials.
    request AlterUserScramCredentialsRequest {
        /// Those to remove.
        deletions: Vec<ScramCredentialDeletion>, 0+;
        /// Those to set.
        upsertions: Vec<ScramCredentialUpsertion>, 0+;
    }

    /// A credential to remove.
    request ScramCredentialDeletion {
        /// The user's name.
        name: String, 0+;
        /// 1 for SCRAM-SHA-256, 2 for SCRAM-SHA-512.
        mechanism: i8, 0+;
    }

    /// A credential to set. It is as secret as a password.
    request ScramCredentialUpsertion {
        /// The user's name.
        name: String, 0+;
        /// 1 for SCRAM-SHA-256, 2 for SCRAM-SHA-512.
        mechanism: i8, 0+;
        /// How often the password is hashed.
        iterations: i32, 0+;
        /// Random bytes, made by the client.
        salt: Bytes, 0+;
        /// The password hashed with `salt` so often.
        salted_password: SecretBytes, 0+;
    }

    /// What became of each user.
    response AlterUserScramCredentialsResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
        /// One answer for each user.
        results: Vec<AlterUserScramCredentialsResult>, 0+;
    }

    /// What became of one user.
    response AlterUserScramCredentialsResult {
        /// The user's name.
        user: String, 0+;
        /// Why nothing was changed; none if all was.
        error_code: ErrorCode, 0+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 0+, nullable 0+, default Some(String::new());
    }
}

api!(
    AlterUserScramCredentialsRequest => AlterUserScramCredentialsResponse,
    ApiKey::ALTER_USER_SCRAM_CREDENTIALS, versions 0 - 0, flexible 0
);
