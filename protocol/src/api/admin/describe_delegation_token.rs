//! The delegation tokens there are (KIP-48).

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
    wire::SecretBytes,
};

message! {
    /// Asks for tokens.
    request DescribeDelegationTokenRequest {
        /// The owners; null for all tokens that the client may see.
        owners: Option<Vec<DescribeDelegationTokenOwner>>, 0+, nullable 0+,
            default Some(Vec::new());
    }

    /// An owner asked about.
    request DescribeDelegationTokenOwner {
        /// The type, such as `User`.
        principal_type: String, 0+;
        /// The name.
        principal_name: String, 0+;
    }

    /// The tokens. Their codes are as secret as passwords.
    response DescribeDelegationTokenResponse {
        /// Why they are not told; none if they are.
        error_code: ErrorCode, 0+;
        /// The tokens.
        tokens: Vec<DescribedDelegationToken>, 0+;
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
    }

    /// A token.
    response DescribedDelegationToken {
        /// The owner's type.
        principal_type: String, 0+;
        /// The owner's name.
        principal_name: String, 0+;
        /// The type of the one who asked for it.
        token_requester_principal_type: String, 3+;
        /// The name of the one who asked for it.
        token_requester_principal_name: String, 3+;
        /// When it was made, in milliseconds since 1970.
        issue_timestamp: i64, 0+;
        /// When it ends unless renewed, in milliseconds since 1970.
        expiry_timestamp: i64, 0+;
        /// When it ends in any case, in milliseconds since 1970.
        max_timestamp: i64, 0+;
        /// The token's id, the user name in SCRAM.
        token_id: String, 0+;
        /// The token's code, the password in SCRAM once it is in base64.
        hmac: SecretBytes, 0+;
        /// Who may renew it besides its owner.
        renewers: Vec<DescribedDelegationTokenRenewer>, 0+;
    }

    /// Who may renew a token.
    response DescribedDelegationTokenRenewer {
        /// The type, such as `User`.
        principal_type: String, 0+;
        /// The name.
        principal_name: String, 0+;
    }
}

api!(
    DescribeDelegationTokenRequest => DescribeDelegationTokenResponse,
    ApiKey::DESCRIBE_DELEGATION_TOKEN, versions 1 - 3, flexible 2
);
