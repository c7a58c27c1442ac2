//! Requests and responses of every API at every version.
//!
//! The first byte of the input is the API's key, the second the version; a frame follows without
//! its length.

use bytes::Bytes;
use ottla_protocol::api::{Request, VisitMessage, each_message};
use ottla_protocol::wire::arbitrary::Arbitrary;
use ottla_protocol::wire::{EncodeError, EncodeErrorKind, Reader, Version, Writer};
use ottla_protocol::{decode_request, decode_response, encode_response};

use super::memory;

/// A response, header included: what a broker may send to any request.
pub fn response(data: &[u8]) -> bool {
    visit::<true>(data)
}

/// The body of a request: what a client may send to a broker made of these messages.
pub fn request(data: &[u8]) -> bool {
    visit::<false>(data)
}

fn visit<const RESPONSE: bool>(data: &[u8]) -> bool {
    let &[key, version, ref frame @ ..] = data else { return false };
    let frame = Bytes::copy_from_slice(frame);
    let mut sought =
        Sought::<RESPONSE> { key: key.into(), version: version.into(), frame, found: false };
    each_message(&mut sought);
    sought.found
}

/// The one message that the input is about.
struct Sought<const RESPONSE: bool> {
    key: i16,
    version: i16,
    frame: Bytes,
    found: bool,
}

impl<const RESPONSE: bool> VisitMessage for Sought<RESPONSE> {
    fn api<R>(&mut self, v: Version)
    where
        R: Request + Arbitrary,
        R::Response: Arbitrary,
    {
        if (R::KEY.0, v.number) == (self.key, self.version) {
            self.found = true;
            if RESPONSE {
                read_response::<R>(v, &self.frame);
            } else {
                read_request::<R>(v, &self.frame);
            }
        }
    }
}

fn read_response<R>(v: Version, frame: &Bytes)
where
    R: Request,
    R::Response: Arbitrary,
{
    let read = || decode_response::<R>(frame.clone(), v.number);
    let Ok((correlation_id, response)) = memory::of_message(frame.len(), read) else { return };
    // `survives` judges whether it may be impossible to write.
    if survives(&response, v) {
        let again = encode_response::<R>(&response, v.number, correlation_id)
            .expect("what was written without its header can be written with it");
        let again = decode_response::<R>(again.to_bytes().slice(4..), v.number)
            .expect("what was written can be read");
        assert_eq!(again.0, correlation_id);
    }
}

fn read_request<R: Request + Arbitrary>(v: Version, frame: &Bytes) {
    let read = || decode_request::<R>(Reader::new(frame.clone()), v.number);
    if let Ok(request) = memory::of_message(frame.len(), read) {
        survives(&request, v);
    }
}

/// What was read can be written at the same version, and reads as the same again; `false` if it is
/// of what can be read only.
fn survives<M: Arbitrary>(message: &M, v: Version) -> bool {
    let written = match write(message, v) {
        Ok(written) => written,
        // A compact string may be longer than Kafka allows: it is read and not written.
        Err(error) if matches!(error.kind, EncodeErrorKind::TooLong { .. }) => return false,
        Err(error) => panic!("read at version {} and cannot be written: {error}", v.number),
    };
    let mut r = Reader::new(written.clone());
    let again = M::decode(&mut r, v, false).expect("what was written can be read");
    r.finish().expect("what was written can be read to its end");
    // Two not-a-numbers are not equal, but look alike.
    let same = again == *message || format!("{again:?}") == format!("{message:?}");
    assert!(same, "read, written and read again:\n{message:?}\n{again:?}");
    assert_eq!(write(&again, v).as_ref(), Ok(&written), "written twice");
    true
}

fn write<M: Arbitrary>(message: &M, v: Version) -> Result<Bytes, EncodeError> {
    let mut w = Writer::new();
    message.encode(&mut w, v, false)?;
    Ok(w.into_bytes())
}
