use ottla_protocol::ErrorCode;
use ottla_protocol::api::{DeletableGroupResult, DeleteGroupsRequest, DeleteGroupsResponse};

use super::{Answer, RequestContext, Serve};
use crate::group::GroupPhase;

impl Serve for DeleteGroupsRequest {
    async fn serve(self, context: &mut RequestContext<'_>) -> Answer<DeleteGroupsResponse> {
        let results = self.groups_names.into_iter().map(|group_id| {
            let error_code = delete(context, &group_id).err().unwrap_or_default();
            DeletableGroupResult { group_id, error_code }
        });
        let results = results.collect();
        Answer::Reply(DeleteGroupsResponse { throttle_time_ms: context.throttle_ms, results })
    }
}

fn delete(context: &mut RequestContext<'_>, group: &str) -> Result<(), ErrorCode> {
    if let Some(error) = context.faults.error() {
        return Err(error);
    }
    context.check_coordinator(group)?;
    let coordination = &context.shared.coordination;
    match coordination.with(group, |group| group.phase()) {
        None | Some(GroupPhase::Dead) => Err(ErrorCode::GROUP_ID_NOT_FOUND),
        Some(GroupPhase::Empty) => {
            coordination.remove(group);
            context.faults.error_after().map_or(Ok(()), Err)
        }
        Some(_) => Err(ErrorCode::NON_EMPTY_GROUP),
    }
}
