use ottla_protocol::ErrorCode;
use ottla_protocol::api::{ListGroupsRequest, ListGroupsResponse, ListedGroup};

use super::{Answer, RequestContext, Serve};

/// The only type of group there is here.
const CLASSIC: &str = "classic";

impl Serve for ListGroupsRequest {
    async fn serve(self, context: &mut RequestContext<'_>) -> Answer<ListGroupsResponse> {
        let throttle_time_ms = context.throttle_ms;
        if let Some(error_code) = context.faults.error() {
            let failed = ListGroupsResponse { throttle_time_ms, error_code, groups: Vec::new() };
            return Answer::Reply(failed);
        }
        let same = |wanted: &[String], found: &str| {
            wanted.is_empty() || wanted.iter().any(|it| it.eq_ignore_ascii_case(found))
        };
        let coordination = &context.shared.coordination;
        let ids = coordination.ids().into_iter().filter(|id| context.check_coordinator(id).is_ok());
        let listed = ids.filter_map(|group_id| {
            let (phase, protocol_type) = coordination.with(&group_id, |group| {
                (group.phase(), group.protocol_type().unwrap_or_default().to_owned())
            })?;
            let listed = ListedGroup {
                group_id,
                protocol_type,
                group_state: phase.name().to_owned(),
                group_type: CLASSIC.to_owned(),
            };
            let wanted = same(&self.states_filter, phase.name());
            (wanted && same(&self.types_filter, CLASSIC)).then_some(listed)
        });
        let groups = listed.collect();
        Answer::Reply(ListGroupsResponse { throttle_time_ms, error_code: ErrorCode::NONE, groups })
    }
}
