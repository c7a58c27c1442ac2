use std::fmt;

use bytes::Bytes;

use super::{
    Decode, DecodeError, DecodeNullable, Encode, EncodeError, EncodeNullable, Reader, Version,
    Writer,
};

/// Bytes that must not end up in a log, such as a password or the code of a token: [`Debug`](fmt::Debug)
/// tells only how many there are.
///
/// They are shared like any [`Bytes`] and not wiped from memory.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretBytes(Bytes);

impl SecretBytes {
    /// Takes over bytes that are secret from now on.
    #[must_use]
    pub const fn new(secret: Bytes) -> Self {
        Self(secret)
    }

    /// The bytes, for those who need to know.
    #[must_use]
    pub const fn expose(&self) -> &Bytes {
        &self.0
    }
}

impl From<Bytes> for SecretBytes {
    fn from(secret: Bytes) -> Self {
        Self(secret)
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretBytes({} bytes)", self.0.len())
    }
}

impl Encode for SecretBytes {
    fn encode(&self, w: &mut Writer, v: Version, nullable: bool) -> Result<(), EncodeError> {
        self.0.encode(w, v, nullable)
    }
}

impl Decode for SecretBytes {
    fn decode(r: &mut Reader, v: Version, nullable: bool) -> Result<Self, DecodeError> {
        Bytes::decode(r, v, nullable).map(Self)
    }

    fn min_len(v: Version) -> usize {
        Bytes::min_len(v)
    }
}

impl EncodeNullable for SecretBytes {
    fn encode_null(w: &mut Writer, v: Version) {
        Bytes::encode_null(w, v);
    }
}

impl DecodeNullable for SecretBytes {
    fn decode_nullable(r: &mut Reader, v: Version) -> Result<Option<Self>, DecodeError> {
        Ok(Bytes::decode_nullable(r, v)?.map(Self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{
        AlterUserScramCredentialsRequest, CreateDelegationTokenResponse, DescribedDelegationToken,
        ExpireDelegationTokenRequest, RenewDelegationTokenRequest, SaslAuthenticateRequest,
        SaslAuthenticateResponse, ScramCredentialUpsertion,
    };

    /// As text, and as the numbers that bytes are sometimes printed as.
    fn reveals(message: &impl fmt::Debug) -> bool {
        let said = format!("{message:?} {message:#?}");
        said.contains("hunter2") || said.contains("104, 117")
    }

    #[test]
    fn no_message_tells_a_secret() {
        let secret = || SecretBytes::new(Bytes::from_static(b"hunter2"));
        assert!(reveals(secret().expose()), "or this test would see nothing");
        assert_eq!(format!("{:?}", secret()), "SecretBytes(7 bytes)");
        assert!(!reveals(&SaslAuthenticateRequest { auth_bytes: secret() }));
        let response = SaslAuthenticateResponse { auth_bytes: secret(), ..Default::default() };
        assert!(!reveals(&response));
        let upsertion =
            ScramCredentialUpsertion { salted_password: secret(), ..Default::default() };
        let upsertions = vec![upsertion];
        assert!(!reveals(&AlterUserScramCredentialsRequest { upsertions, ..Default::default() }));
        assert!(!reveals(&CreateDelegationTokenResponse { hmac: secret(), ..Default::default() }));
        assert!(!reveals(&DescribedDelegationToken { hmac: secret(), ..Default::default() }));
        assert!(!reveals(&RenewDelegationTokenRequest { hmac: secret(), ..Default::default() }));
        assert!(!reveals(&ExpireDelegationTokenRequest { hmac: secret(), ..Default::default() }));
    }
}
