//! What the cluster as a whole has turned on (KIP-584).

use std::sync::Arc;

use ottla_protocol::api::ApiVersionsResponse;
use parking_lot::Mutex;

/// The levels that any broker told last, when a connection to it was opened.
///
/// Brokers learn of a change one after the other, so what one of them says of an older state is
/// not listened to. Whoever asks sees a change with the next connection to a broker that knows it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Features(Arc<Mutex<Finalized>>);

#[derive(Debug)]
struct Finalized {
    epoch: i64,
    levels: Vec<(String, i16)>,
}

/// A broker that does not know yet what is turned on, or that knows of no features at all.
const UNKNOWN: i64 = -1;

impl Default for Finalized {
    fn default() -> Self {
        Self { epoch: UNKNOWN, levels: Vec::new() }
    }
}

impl Features {
    /// Takes in what a broker said in its handshake.
    pub(crate) fn learn(&self, response: &ApiVersionsResponse) {
        let epoch = response.finalized_features_epoch;
        let mut known = self.0.lock();
        if epoch > UNKNOWN && epoch >= known.epoch {
            let levels = response.finalized_features.iter();
            known.levels = levels.map(|it| (it.name.clone(), it.max_version_level)).collect();
            known.epoch = epoch;
        }
    }

    /// The level of a feature; `None` if it is not turned on, or no broker has told yet.
    pub(crate) fn level(&self, name: &str) -> Option<i16> {
        let known = self.0.lock();
        known.levels.iter().find(|(known, _)| known == name).map(|(_, level)| *level)
    }
}

#[cfg(test)]
mod tests {
    use ottla_protocol::api::{ApiVersionsResponse, FinalizedFeatureKey};

    use super::Features;

    fn told(epoch: i64, level: i16) -> ApiVersionsResponse {
        let feature = FinalizedFeatureKey {
            name: "transaction.version".to_owned(),
            max_version_level: level,
            min_version_level: level,
        };
        ApiVersionsResponse {
            finalized_features_epoch: epoch,
            finalized_features: vec![feature],
            ..Default::default()
        }
    }

    #[test]
    fn the_newest_state_that_anybody_told_counts() {
        let features = Features::default();
        let level = || features.level("transaction.version");
        features.learn(&told(-1, 9));
        assert_eq!(level(), None, "a broker that does not know says nothing");
        features.learn(&told(4, 1));
        assert_eq!(level(), Some(1));
        features.learn(&told(7, 2));
        features.learn(&told(4, 1));
        assert_eq!(level(), Some(2), "one that lags behind changes nothing");
        features.learn(&told(9, 0));
        assert_eq!(level(), Some(0), "a feature may be turned down again");
        assert_eq!(features.level("kraft.version"), None);
    }
}
