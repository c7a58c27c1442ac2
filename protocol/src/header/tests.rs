use bytes::Bytes;

use super::*;
use crate::{
    ErrorCode,
    api::{ApiVersionsRequest, HeartbeatRequest, HeartbeatResponse},
};

fn header(bytes: &'static [u8], flexible: Option<i16>) -> Result<RequestHeader, DecodeError> {
    RequestHeader::decode(&mut Reader::new(Bytes::from_static(bytes)), |_| flexible)
}

#[test]
fn a_request_begins_with_its_length_and_header() {
    let request = HeartbeatRequest { group_id: "g".into(), ..Default::default() };
    let frame = encode_request(&request, 0, 258, Some("me")).unwrap().to_bytes();
    let expected = [
        &[0, 0, 0, 21][..],
        &[0, 12, 0, 0, 0, 0, 1, 2, 0, 2, b'm', b'e'],
        &[0, 1, b'g', 0, 0, 0, 0, 0, 0],
    ];
    assert_eq!(frame, expected.concat());
}

#[test]
fn a_flexible_request_keeps_the_plain_client_id_and_adds_tags() {
    let request = HeartbeatRequest { group_id: "g".into(), ..Default::default() };
    let frame = encode_request(&request, 4, 1, None).unwrap().to_bytes();
    let header = [0, 12, 0, 4, 0, 0, 0, 1, 0xff, 0xff, 0];
    assert_eq!(frame[4..], [&header[..], &[2, b'g', 0, 0, 0, 0, 1, 0, 0]].concat());
}

#[test]
fn a_client_id_too_long_for_its_length_is_refused() {
    let id = "x".repeat(40_000);
    let error = encode_request(&HeartbeatRequest::default(), 0, 1, Some(&id)).unwrap_err();
    assert_eq!((error.message, error.field), ("RequestHeader", "client_id"));
}

#[test]
fn the_api_versions_response_never_has_a_flexible_header() {
    // KIP-511: correlation id, error code, and right behind it the compact count of APIs.
    let body = Bytes::from_static(&[0, 0, 0, 9, 0, 0, 1, 0, 0, 0, 0, 0]);
    let (id, response) = decode_response::<ApiVersionsRequest>(body.clone(), 3).unwrap();
    assert_eq!((id, response.api_keys.len()), (9, 0));
    let frame = encode_response::<ApiVersionsRequest>(&response, 3, 9).unwrap();
    assert_eq!(frame.to_bytes()[4..], body);
}

#[test]
fn other_flexible_responses_skip_the_tags_of_their_header() {
    let body = Bytes::from_static(&[0, 0, 0, 9, 1, 200, 1, 2, 7, 7, 0, 0, 0, 5, 0, 27, 0]);
    let (id, response) = decode_response::<HeartbeatRequest>(body, 4).unwrap();
    let expected =
        HeartbeatResponse { throttle_time_ms: 5, error_code: ErrorCode::REBALANCE_IN_PROGRESS };
    assert_eq!((id, response), (9, expected));
}

/// As the mock cluster of librdkafka does.
#[test]
fn a_flexible_response_may_end_in_a_second_empty_list_of_tags() {
    let with_rest = |rest: &[u8], version: i16| {
        let mut bytes = if version < 4 {
            vec![0, 0, 0, 9, 0, 0, 0, 5, 0, 27]
        } else {
            vec![0, 0, 0, 9, 0, 0, 0, 0, 5, 0, 27, 0]
        };
        bytes.extend(rest);
        decode_response::<HeartbeatRequest>(Bytes::from(bytes), version)
    };
    let expected =
        HeartbeatResponse { throttle_time_ms: 5, error_code: ErrorCode::REBALANCE_IN_PROGRESS };
    assert_eq!(with_rest(&[], 4), Ok((9, expected.clone())));
    assert_eq!(with_rest(&[0], 4), Ok((9, expected.clone())));
    assert_eq!(with_rest(&[], 3), Ok((9, expected)));
    // Nothing else may be left over.
    assert!(with_rest(&[1], 4).is_err());
    assert!(with_rest(&[0, 0], 4).is_err());
    assert!(with_rest(&[0], 3).is_err());
}

#[test]
fn a_request_header_is_read_as_far_as_its_version_is_known() {
    let flexible = [0, 18, 0, 3, 0, 0, 0, 7, 0, 1, b'c', 1, 5, 1, 0xaa].as_slice();
    let known = header(flexible, Some(3)).unwrap();
    assert_eq!(known.key, ApiKey::API_VERSIONS);
    assert_eq!((known.version, known.correlation_id), (3, 7));
    assert_eq!(known.client_id.as_deref(), Some("c"));
    assert_eq!(header(&flexible[..11], None).unwrap(), known);
    let null = header(&[0, 18, 0, 3, 0, 0, 0, 7, 0xff, 0xff], Some(4)).unwrap();
    assert_eq!(null.client_id, None);
}

#[test]
fn a_cut_request_header_is_an_error() {
    let whole: &'static [u8] = &[0, 18, 0, 3, 0, 0, 0, 7, 0, 1, b'c', 1, 5, 1, 0xaa];
    for end in 0..whole.len() {
        assert!(header(&whole[..end], Some(3)).is_err(), "cut at {end}");
    }
    let tags = header(&[0, 18, 0, 3, 0, 0, 0, 7, 0xff, 0xff, 1], Some(3)).unwrap_err();
    assert_eq!((tags.message, tags.field), ("Header", "tags"));
    let negative = header(&[0, 18, 0, 3, 0, 0, 0, 7, 0xff, 0xfe, 0], Some(3)).unwrap_err();
    assert_eq!(negative.kind, DecodeErrorKind::NegativeLength { length: -2 });
}

#[test]
fn the_correlation_id_can_be_peeked() {
    assert_eq!(peek_correlation_id(&Bytes::from_static(&[0, 0, 1, 0, 9])), Ok(256));
    assert!(peek_correlation_id(&Bytes::from_static(&[0, 0, 1])).is_err());
}
