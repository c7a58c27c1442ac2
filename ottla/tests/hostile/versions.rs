//! Lies about what the broker can do.

use ottla::protocol::api::{ApiVersion, ApiVersionsRequest, FinalizedFeatureKey};
use ottla::protocol::{ApiKey, ErrorCode};

use crate::liar::{Lie, Then, Told, framed};
use crate::trial::After;

fn ranges(range: impl Fn(&mut ApiVersion) + Send + 'static) -> Lie {
    Lie::about::<ApiVersionsRequest>(move |answer| answer.api_keys.iter_mut().for_each(&range))
}

lies! {
    After::Cuts;

    no_apis_at_all: Lie::about::<ApiVersionsRequest>(|answer| answer.api_keys.clear());
    ranges_the_wrong_way_round: ranges(|api| (api.min_version, api.max_version) = (9, 2));
    ranges_of_everything: ranges(|api| {
        (api.min_version, api.max_version) = (i16::MIN, i16::MAX);
    });
    ranges_of_the_future: ranges(|api| (api.min_version, api.max_version) = (1000, 2000));
    negative_ranges: ranges(|api| (api.min_version, api.max_version) = (-5, -1));
    every_key_there_could_be: Lie::about::<ApiVersionsRequest>(|answer| {
        answer.api_keys = (i16::MIN..=i16::MAX)
            .map(|api_key| ApiVersion { api_key, min_version: 0, max_version: 0 })
            .collect();
    });
    every_api_many_times: Lie::about::<ApiVersionsRequest>(|answer| {
        let mut apis = answer.api_keys.clone();
        for api in &mut apis {
            (api.min_version, api.max_version) = (0, 0);
        }
        for _ in 0..20 {
            answer.api_keys.extend(apis.clone());
        }
    });
    no_fetch_and_no_produce: Lie::about::<ApiVersionsRequest>(|answer| {
        answer.api_keys.retain(|api| {
            ![ApiKey::FETCH.0, ApiKey::PRODUCE.0].contains(&api.api_key)
        });
    });
    an_error_that_is_not_known: Lie::about::<ApiVersionsRequest>(|answer| {
        answer.error_code = ErrorCode(12345);
    });
    an_unsupported_version_for_ever: Lie::bytes_of(ApiKey::API_VERSIONS, |_, answer| {
        // In the form of version 0, with an offer of the version that was asked.
        let apis = [0, 35, 0, 0, 0, 1, 0, 18, 0, 0, 0x7f, 0xff];
        Told { bytes: framed(&[&answer[..4], &apis].concat()), then: Then::GoOn }
    });
    features_with_long_names: Lie::about::<ApiVersionsRequest>(|answer| {
        let feature = FinalizedFeatureKey {
            name: "\u{1b}[2J\n".repeat(1000),
            max_version_level: -1,
            min_version_level: 7,
        };
        answer.finalized_features = vec![feature; 100];
    });
    an_answer_of_a_mebibyte: Lie::bytes_of(ApiKey::API_VERSIONS, |_, answer| {
        let bytes = framed(&[&answer[..4], &vec![1; 1 << 20]].concat());
        Told { bytes, then: Then::GoOn }
    });
    throttled_for_weeks_at_once: Lie::about::<ApiVersionsRequest>(|answer| {
        answer.throttle_time_ms = i32::MAX;
    });
}
