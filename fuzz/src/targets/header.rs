//! What stands in front of messages, and the one message that is read before versions are known.

use bytes::Bytes;
use ottla_protocol::api::{APIS, ApiVersionsRequest};
use ottla_protocol::wire::Reader;
use ottla_protocol::{RequestHeader, decode_response, peek_correlation_id};

use super::memory;

/// The header of a request; and the same bytes as an answer to ApiVersions, which a broker may give
/// in the form of version 0 whatever was asked (KIP-511).
pub fn header(data: &[u8]) -> bool {
    let bytes = Bytes::copy_from_slice(data);
    memory::of_message(data.len(), || {
        let flexible = |key| APIS.iter().find(|api| api.key == key).map(|api| api.flexible);
        let _ = RequestHeader::decode(&mut Reader::new(bytes.clone()), flexible);
        let correlation_id = peek_correlation_id(&bytes);
        assert_eq!(correlation_id.is_ok(), data.len() >= 4);
        for version in [-1, 0, 1, 2, 3, 4, 5, i16::MAX] {
            if let Ok((id, _)) = decode_response::<ApiVersionsRequest>(bytes.clone(), version) {
                assert_eq!(Ok(id), correlation_id);
            }
        }
    });
    true
}
