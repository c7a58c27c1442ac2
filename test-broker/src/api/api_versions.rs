use ottla_protocol::api::{
    APIS, Api, ApiVersion, ApiVersionsRequest, ApiVersionsResponse, FinalizedFeatureKey,
    SupportedFeatureKey,
};
use ottla_protocol::wire::VersionRange;
use ottla_protocol::{ApiKey, ErrorCode};

use super::{Answer, RequestContext, Serve, served};
use crate::cluster::Settings;

impl Serve for ApiVersionsRequest {
    async fn serve(self, context: &mut RequestContext<'_>) -> Answer<ApiVersionsResponse> {
        if let Some(error_code) = context.faults.error() {
            return Answer::Reply(ApiVersionsResponse { error_code, ..Default::default() });
        }
        let named = [&self.client_software_name, &self.client_software_version];
        if context.version >= 3 && !named.into_iter().all(|text| is_software_name(text)) {
            let error_code = ErrorCode::INVALID_REQUEST;
            return Answer::Reply(ApiVersionsResponse { error_code, ..Default::default() });
        }
        let settings = &context.shared.settings;
        Answer::Reply(ApiVersionsResponse {
            api_keys: APIS.iter().filter_map(|api| offered(settings, api)).collect(),
            throttle_time_ms: context.throttle_ms,
            supported_features: supported(context.version),
            finalized_features_epoch: 0,
            finalized_features: vec![FinalizedFeatureKey {
                name: TRANSACTION_VERSION.to_owned(),
                max_version_level: settings.transactions.version.level(),
                min_version_level: settings.transactions.version.level(),
            }],
            ..Default::default()
        })
    }
}

/// The feature by which clients choose how they run transactions (KIP-890).
const TRANSACTION_VERSION: &str = "transaction.version";
/// Older requests are not told of features that begin at 0 (KAFKA-17011).
const FEATURES_FROM_ZERO: i16 = 4;

fn supported(version: i16) -> Vec<SupportedFeatureKey> {
    if version < FEATURES_FROM_ZERO {
        return Vec::new();
    }
    let name = TRANSACTION_VERSION.to_owned();
    vec![SupportedFeatureKey { name, min_version: 0, max_version: 2 }]
}

/// The answer to a version that is not served (`ApiVersionsRequest.getErrorResponse`).
pub(super) fn unsupported(served: VersionRange) -> ApiVersionsResponse {
    ApiVersionsResponse {
        error_code: ErrorCode::UNSUPPORTED_VERSION,
        api_keys: vec![entry(ApiKey::API_VERSIONS, served)],
        ..Default::default()
    }
}

fn offered(settings: &Settings, api: &Api) -> Option<ApiVersion> {
    let served = served(settings, api)?;
    // Clients look for versions that brokers long refuse: librdkafka takes Produce without v0 for
    // a broker without compression (KAFKA-18659), and joins no group without JoinGroup v0
    // (KAFKA-19444). Kafka 4 offers them for that reason.
    let min = match api.key {
        ApiKey::PRODUCE | ApiKey::JOIN_GROUP => 0,
        _ => served.min,
    };
    Some(entry(api.key, VersionRange::new(min, served.max)))
}

fn entry(key: ApiKey, versions: VersionRange) -> ApiVersion {
    ApiVersion { api_key: key.0, min_version: versions.min, max_version: versions.max }
}

/// `ApiVersionsRequest.SOFTWARE_NAME_VERSION_PATTERN`
fn is_software_name(text: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    edge(text.chars().next()) && edge(text.chars().last()) && text.chars().all(inner)
}
