//! Which version of each API a broker has.

use ottla_protocol::ApiKey;
use ottla_protocol::api::{ApiVersionsResponse, Request};
use ottla_protocol::wire::VersionRange;

use crate::broker::BrokerId;
use crate::error::UnsupportedApi;

/// API keys above this are ignored: they are indexes of a table, and a peer chooses them.
const HIGHEST_KEY: usize = 255;

/// The APIs of the broker at the other end of a connection, as it listed them.
#[derive(Clone, Debug)]
pub struct ApiVersions {
    broker: BrokerId,
    by_key: Vec<Option<VersionRange>>,
    features: Vec<(String, i16)>,
}

impl ApiVersions {
    pub(crate) fn new(broker: BrokerId, response: ApiVersionsResponse) -> Self {
        let mut by_key = Vec::new();
        for api in &response.api_keys {
            let Some(key) = usize::try_from(api.api_key).ok().filter(|key| *key <= HIGHEST_KEY)
            else {
                continue;
            };
            if by_key.len() <= key {
                by_key.resize(key + 1, None);
            }
            let range = VersionRange::new(api.min_version, api.max_version);
            if let Some(place) = by_key.get_mut(key) {
                *place = (!range.is_empty()).then_some(range);
            }
        }
        let features = response.finalized_features.into_iter();
        Self { broker, by_key, features: features.map(|f| (f.name, f.max_version_level)).collect() }
    }

    /// The versions the broker offers of an API.
    #[must_use]
    pub fn of(&self, api: ApiKey) -> Option<VersionRange> {
        usize::try_from(api.0).ok().and_then(|key| self.by_key.get(key).copied().flatten())
    }

    /// The newest version of an API that the broker and this library have in common.
    ///
    /// What a broker lists below our own lowest version does not count: Kafka 4 lists Produce from
    /// 0 for the sake of old clients (KAFKA-18659) but refuses everything below 3.
    ///
    /// # Errors
    /// When there is none.
    pub fn negotiate<R: Request>(&self) -> Result<i16, UnsupportedApi> {
        self.negotiate_up_to::<R>(i16::MAX)
    }

    /// As [`negotiate`](Self::negotiate), but nothing newer than `newest`: for requests that mean
    /// something else from some version on.
    ///
    /// # Errors
    /// When there is none.
    pub fn negotiate_up_to<R: Request>(&self, newest: i16) -> Result<i16, UnsupportedApi> {
        let theirs = self.of(R::KEY);
        let ours = VersionRange::new(R::VERSIONS.min, R::VERSIONS.max.min(newest));
        theirs
            .and_then(|theirs| theirs.intersect(ours))
            .map(|both| both.max)
            .ok_or(UnsupportedApi { api: R::KEY, broker: self.broker, ours, theirs })
    }

    /// The level at which the cluster has settled on a feature (KIP-584), for instance
    /// `transaction.version`.
    #[must_use]
    pub fn feature(&self, name: &str) -> Option<i16> {
        self.features.iter().find(|(known, _)| known == name).map(|(_, level)| *level)
    }
}

#[cfg(test)]
mod tests {
    use super::ApiVersions;
    use crate::broker::BrokerId;
    use ottla_protocol::api::{
        ApiVersion, ApiVersionsResponse, FetchRequest, HeartbeatRequest, MetadataRequest,
        ProduceRequest, Request,
    };

    fn versions(apis: &[(i16, i16, i16)]) -> ApiVersions {
        let api_keys = apis
            .iter()
            .map(|&(api_key, min_version, max_version)| ApiVersion {
                api_key,
                min_version,
                max_version,
            })
            .collect();
        ApiVersions::new(BrokerId(1), ApiVersionsResponse { api_keys, ..Default::default() })
    }

    #[test]
    fn the_newest_common_version_is_taken() {
        let listed = versions(&[(3, 0, 9), (12, 0, 99)]);
        assert_eq!(listed.negotiate::<MetadataRequest>().unwrap(), 9);
        assert_eq!(listed.negotiate::<HeartbeatRequest>().unwrap(), HeartbeatRequest::VERSIONS.max);
    }

    #[test]
    fn a_bound_is_kept_and_what_lies_below_it_is_still_checked() {
        let listed = versions(&[(0, 3, 13), (3, 4, 9)]);
        assert_eq!(listed.negotiate_up_to::<ProduceRequest>(11).unwrap(), 11);
        assert!(listed.negotiate_up_to::<ProduceRequest>(2).is_err());
        assert!(listed.negotiate_up_to::<MetadataRequest>(3).is_err());
    }

    #[test]
    fn produce_never_goes_below_three() {
        assert!(versions(&[(0, 0, 2)]).negotiate::<ProduceRequest>().is_err());
        assert_eq!(versions(&[(0, 0, 3)]).negotiate::<ProduceRequest>().unwrap(), 3);
    }

    #[test]
    fn what_cannot_be_agreed_on_says_why() {
        let listed = versions(&[(1, 90, 99), (-5, 0, 1), (i16::MAX, 0, 1), (12, 4, 0)]);
        let error = listed.negotiate::<FetchRequest>().unwrap_err();
        assert!(error.to_string().contains("it offers 90-99, we have 4-"), "{error}");
        let error = listed.negotiate::<MetadataRequest>().unwrap_err();
        assert!(error.to_string().contains("it offers none"), "{error}");
        assert!(listed.negotiate::<HeartbeatRequest>().is_err(), "an inside-out range is none");
    }
}
