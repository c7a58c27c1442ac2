//! What stands in front of a message: which API, which version, which request.

use bytes::Bytes;

use crate::{
    ApiKey,
    api::Request,
    wire::{
        Decode, DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind, Frame, Reader, Version,
        Writer,
    },
};

/// Writes a request with its header and length.
///
/// # Errors
/// When the version is not one of the request's, or has no place for what the request holds.
pub fn encode_request<R: Request>(
    request: &R,
    version: i16,
    correlation_id: i32,
    client_id: Option<&str>,
) -> Result<Frame, EncodeError> {
    if !R::VERSIONS.contains(version) {
        return Err(EncodeError::new(EncodeErrorKind::UnsupportedVersion { version })
            .within(R::KEY.name(), "version"));
    }
    let v = Version::new(version, R::FLEXIBLE);
    let mut w = Writer::framed();
    w.put(&R::KEY.0.to_be_bytes());
    w.put(&version.to_be_bytes());
    w.put(&correlation_id.to_be_bytes());
    // The client id keeps its plain length even in the flexible header, so that a broker can
    // read it before it knows the version.
    match client_id {
        Some(id) => {
            let length = i16::try_from(id.len()).map_err(|_| {
                EncodeError::new(EncodeErrorKind::TooLong {
                    length: id.len(),
                    limit: i16::MAX as usize,
                })
                .within("RequestHeader", "client_id")
            })?;
            w.put(&length.to_be_bytes());
            w.put(id.as_bytes());
        }
        None => w.put(&(-1i16).to_be_bytes()),
    }
    if v.flexible {
        w.put_uvarint(0);
    }
    request.encode(&mut w, v, false)?;
    w.into_frame()
}

/// The correlation id that a response begins with.
///
/// # Errors
/// When fewer than four bytes are there.
pub fn peek_correlation_id(response: &Bytes) -> Result<i32, DecodeError> {
    Reader::new(response.clone()).array().map(i32::from_be_bytes)
}

/// Reads a response, `response` being everything after the length prefix.
///
/// A flexible response may end in a second, empty list of tags: the mock cluster of librdkafka ends
/// Metadata so (2.16.0, versions 9 to 13), and the Java client, librdkafka and franz-go, which do not
/// look at what is left over, take it.
///
/// # Errors
/// When the bytes are not such a response, other bytes left over included.
pub fn decode_response<R: Request>(
    response: Bytes,
    version: i16,
) -> Result<(i32, R::Response), DecodeError> {
    if !R::VERSIONS.contains(version) {
        return Err(DecodeError::new(DecodeErrorKind::UnsupportedVersion { version })
            .within(R::KEY.name(), "version"));
    }
    let v = Version::new(version, R::FLEXIBLE);
    let mut r = Reader::new(response);
    let named = |error: DecodeError| error.within("ResponseHeader", "correlation_id");
    let correlation_id = r.array().map(i32::from_be_bytes).map_err(named)?;
    if flexible_response_header(R::KEY, v) {
        skip_tags(&mut r)?;
    }
    let body = R::Response::decode(&mut r, v, false)?;
    if v.flexible && r.remaining() == 1 {
        skip_tags(&mut r)?;
    }
    r.finish().map_err(|error| error.within(R::KEY.name(), "response"))?;
    Ok((correlation_id, body))
}

/// A client reads the header of ApiVersions' response before it knows what the broker speaks,
/// so that one never became flexible (KIP-511).
fn flexible_response_header(key: ApiKey, v: Version) -> bool {
    v.flexible && key != ApiKey::API_VERSIONS
}

fn skip_tags(r: &mut Reader) -> Result<(), DecodeError> {
    let mut walk = || {
        let mut tags = crate::message::TagReader::new(r)?;
        while tags.next(r)?.is_some() {
            tags.skip(r)?;
        }
        Ok(())
    };
    walk().map_err(|error: DecodeError| error.within("Header", "tags"))
}

/// The header of a request, as a broker reads it.
#[cfg(any(test, feature = "broker"))]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequestHeader {
    /// Which API is asked.
    pub key: ApiKey,
    /// At which version.
    pub version: i16,
    /// What the response must carry.
    pub correlation_id: i32,
    /// Who asks.
    pub client_id: Option<String>,
}

#[cfg(any(test, feature = "broker"))]
impl RequestHeader {
    /// Reads the header; `flexible_from` gives an API's first flexible version, and `None` for an
    /// API that is not known, whose header is read no further than what all versions share.
    ///
    /// # Errors
    /// When the bytes are not a header.
    pub fn decode(
        r: &mut Reader,
        flexible_from: impl FnOnce(ApiKey) -> Option<i16>,
    ) -> Result<Self, DecodeError> {
        use crate::wire::DecodeNullable as _;

        let named = |error: DecodeError| error.within("RequestHeader", "key");
        let plain = Version::new(0, i16::MAX);
        let key = ApiKey(i16::decode(r, plain, false).map_err(named)?);
        let version = i16::decode(r, plain, false).map_err(named)?;
        let correlation_id = i32::decode(r, plain, false).map_err(named)?;
        let client_id = String::decode_nullable(r, plain)
            .map_err(|error| error.within("RequestHeader", "client_id"))?;
        if flexible_from(key).is_some_and(|from| version >= from) {
            skip_tags(r)?;
        }
        Ok(Self { key, version, correlation_id, client_id })
    }
}

/// Reads the body of a request after its header.
///
/// # Errors
/// When the bytes are not such a request, bytes left over included.
#[cfg(any(test, feature = "broker"))]
pub fn decode_request<R: Request + Decode>(mut r: Reader, version: i16) -> Result<R, DecodeError> {
    if !R::VERSIONS.contains(version) {
        return Err(DecodeError::new(DecodeErrorKind::UnsupportedVersion { version })
            .within(R::KEY.name(), "version"));
    }
    let request = R::decode(&mut r, Version::new(version, R::FLEXIBLE), false)?;
    r.finish().map_err(|error| error.within(R::KEY.name(), "request"))?;
    Ok(request)
}

/// Writes a response with its header and length.
///
/// # Errors
/// When the version is not one of the API's, or has no place for what the response holds.
#[cfg(any(test, feature = "broker"))]
pub fn encode_response<R: Request>(
    response: &R::Response,
    version: i16,
    correlation_id: i32,
) -> Result<Frame, EncodeError>
where
    R::Response: crate::wire::Encode,
{
    if !R::VERSIONS.contains(version) {
        return Err(EncodeError::new(EncodeErrorKind::UnsupportedVersion { version })
            .within(R::KEY.name(), "version"));
    }
    let v = Version::new(version, R::FLEXIBLE);
    let mut w = Writer::framed();
    w.put(&correlation_id.to_be_bytes());
    if flexible_response_header(R::KEY, v) {
        w.put_uvarint(0);
    }
    crate::wire::Encode::encode(response, &mut w, v, false)?;
    w.into_frame()
}

#[cfg(test)]
mod tests;
