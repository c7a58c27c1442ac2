//! What happens between an open transport and the first request.
//!
//! ```text
//!   Connector::connect ─► (TLS belongs to the connector) ─► ApiVersions ─► [SASL] ─► Task
//! ```
//!
//! The stages run one after another on the bare transport, before the connection has a task. SASL
//! takes its place after ApiVersions, in [`handshake`]: nothing else may be sent before it ends.

use bytes::Bytes;
use ottla_protocol::api::{ApiVersionsRequest, ApiVersionsResponse, Request};
use ottla_protocol::wire::DecodeError;
use ottla_protocol::{ApiKey, ErrorCode, decode_response, encode_request};
use tokio::io::AsyncWriteExt;

use super::reader::FrameReader;
use crate::connector::BoxTransport;
use crate::error::{HandshakeError, MalformedResponse};

/// How the client introduces itself (KIP-511).
const SOFTWARE_NAME: &str = "ottla";
const SOFTWARE_VERSION: &str = env!("CARGO_PKG_VERSION");

/// The answer to ApiVersions before anything is known of the broker. A list of all APIs takes
/// about a kilobyte: more than this is no answer.
const LONGEST: usize = 1024 * 1024;

/// The first ApiVersions version that some old brokers and proxies close the connection on,
/// instead of refusing it.
const FIRST_FLEXIBLE: i16 = ApiVersionsRequest::FLEXIBLE;

/// Makes the peer's acquaintance: returns what it can do.
///
/// `newest` is the ApiVersions version to begin with; see [`is_worth_version_zero`].
pub(super) async fn handshake(
    transport: &mut BoxTransport,
    client_id: &str,
    newest: i16,
) -> Result<ApiVersionsResponse, HandshakeError> {
    let mut reader = FrameReader::new(LONGEST);
    let mut version = newest;
    let mut correlation = 0;
    loop {
        let body = ask(transport, &mut reader, client_id, version, correlation).await?;
        match judge(body, version)? {
            Answer::Versions(response) => return Ok(response),
            Answer::Retry(lower) => version = lower,
        }
        correlation += 1;
    }
}

/// Whether a peer that failed like this, when it was asked with a flexible version, may be one
/// that answers version 0.
pub(super) fn is_worth_version_zero(error: &HandshakeError, asked: i16) -> bool {
    asked >= FIRST_FLEXIBLE && matches!(error, HandshakeError::Closed | HandshakeError::Io(_))
}

async fn ask(
    transport: &mut BoxTransport,
    reader: &mut FrameReader,
    client_id: &str,
    version: i16,
    correlation: i32,
) -> Result<Bytes, HandshakeError> {
    let request = ApiVersionsRequest {
        client_software_name: SOFTWARE_NAME.to_owned(),
        client_software_version: SOFTWARE_VERSION.to_owned(),
    };
    let frame = encode_request(&request, version, correlation, Some(client_id))
        .map_err(HandshakeError::Encode)?;
    transport.write_all(&frame.to_bytes()).await?;
    transport.flush().await?;
    loop {
        match reader.next_frame() {
            Ok(Some(body)) => {
                let actual = body.first_chunk().map_or(-1, |bytes| i32::from_be_bytes(*bytes));
                if actual != correlation {
                    return Err(HandshakeError::Correlation { expected: correlation, actual });
                }
                // Nobody speaks twice before the handshake is over.
                if reader.is_mid_frame() {
                    return Err(HandshakeError::Surplus);
                }
                return Ok(body);
            }
            Ok(None) => {}
            Err(MalformedResponse::FrameLength { length, .. }) => {
                return Err(HandshakeError::FrameLength { length });
            }
            Err(_) => return Err(HandshakeError::Surplus),
        }
        if reader.fill(transport).await? == 0 {
            return Err(HandshakeError::Closed);
        }
    }
}

enum Answer {
    Versions(ApiVersionsResponse),
    /// The broker does not have the version; this one it may have.
    Retry(i16),
}

/// Reads an answer to ApiVersions.
///
/// The error code is read before anything else: a broker that does not have the version answers
/// in the form of version 0 (KIP-511), librdkafka's mock broker in one that is neither.
fn judge(body: Bytes, version: i16) -> Result<Answer, HandshakeError> {
    // Correlation id, then the error code: the same in every version.
    let code = body.get(4..6).and_then(|bytes| bytes.first_chunk()).map(|b| i16::from_be_bytes(*b));
    let decode = |body, version| {
        decode_response::<ApiVersionsRequest>(body, version).map(|(_, response)| response)
    };
    match code.map(ErrorCode) {
        Some(ErrorCode::UNSUPPORTED_VERSION) if version > 0 => {
            Ok(Answer::Retry(offered(decode(body, 0), version)))
        }
        Some(code) if !code.is_ok() => Err(HandshakeError::Refused(code)),
        _ => decode(body, version).map(Answer::Versions).map_err(HandshakeError::Malformed),
    }
}

/// The newest ApiVersions version below `refused` that a refusal names, or 0.
fn offered(refusal: Result<ApiVersionsResponse, DecodeError>, refused: i16) -> i16 {
    let apis = refusal.map(|response| response.api_keys).unwrap_or_default();
    let own = apis.iter().find(|api| api.api_key == ApiKey::API_VERSIONS.0);
    own.map_or(0, |api| api.max_version).clamp(0, refused.saturating_sub(1))
}
