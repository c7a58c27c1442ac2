//! The conversation with the group's coordinator.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};
use ottla_client::{
    BrokerId, Connection, CoordinatorError, CoordinatorKind, Lane, LaneKind, RequestError,
    RequestOptions, TopicMetadata,
};
use ottla_protocol::ErrorCode;
use ottla_protocol::api::{
    HeartbeatRequest, JoinGroupRequest, JoinGroupRequestProtocol, LeaveGroupRequest,
    MemberIdentity, Request, SyncGroupRequest,
};
use thiserror::Error;
use tokio::time::{Instant, timeout};

use super::{Driver, Event, FAREWELL};
use crate::group::{Action, Failure, RANGE};
use crate::shared::Shared;

/// The protocol type of consumers.
const CONSUMER: &str = "consumer";

/// How much longer than the group itself we wait for its other members (as Java does).
const JOIN_SLACK: Duration = Duration::from_secs(5);

/// How long the leader waits for topics it does not know yet. They are assigned once they exist.
const COUNT_WAIT: Duration = Duration::from_secs(3);

/// The first version of LeaveGroup that names several members.
const LEAVE_SEVERAL: i16 = 3;

impl Driver {
    /// Puts a request under way.
    pub(super) fn request(&mut self, action: Action) {
        let shared = Arc::clone(&self.shared);
        let work: BoxFuture<'static, Event> = match action {
            Action::FindCoordinator => Box::pin(async move {
                // The machine asks because what it knew is wrong.
                shared.client.invalidate_coordinator(CoordinatorKind::Group, shared.group());
                let found = find(&shared).await;
                Event::Coordinator(found.map(|_| ()))
            }),
            Action::Join { attempt, member_id, subscription } => Box::pin(async move {
                let protocols = vec![JoinGroupRequestProtocol {
                    name: RANGE.to_owned(),
                    metadata: subscription,
                }];
                let request = JoinGroupRequest {
                    group_id: shared.group().to_owned(),
                    session_timeout_ms: millis(shared.config.session_timeout),
                    rebalance_timeout_ms: millis(shared.config.rebalance_timeout()),
                    member_id,
                    group_instance_id: shared.config.group_instance.clone(),
                    protocol_type: CONSUMER.to_owned(),
                    protocols,
                    ..JoinGroupRequest::default()
                };
                Event::Joined(attempt, ask(&shared, LaneKind::Join, &request).await)
            }),
            Action::CountPartitions { attempt, topics } => {
                Box::pin(async move { Event::Counted(attempt, counts(&shared, topics).await) })
            }
            Action::Sync { attempt, member_id, generation, assignments } => Box::pin(async move {
                let request = SyncGroupRequest {
                    group_id: shared.group().to_owned(),
                    generation_id: generation,
                    member_id,
                    group_instance_id: shared.config.group_instance.clone(),
                    protocol_type: Some(CONSUMER.to_owned()),
                    protocol_name: Some(RANGE.to_owned()),
                    assignments,
                };
                Event::Synced(attempt, ask(&shared, LaneKind::Join, &request).await)
            }),
            Action::Heartbeat { attempt, member_id, generation } => Box::pin(async move {
                let request = HeartbeatRequest {
                    group_id: shared.group().to_owned(),
                    generation_id: generation,
                    member_id,
                    group_instance_id: shared.config.group_instance.clone(),
                };
                Event::Heartbeat(attempt, ask(&shared, LaneKind::Heartbeat, &request).await)
            }),
            Action::Leave { attempt, member_id } => Box::pin(async move {
                leave(&shared, &member_id).await;
                Event::Left(attempt)
            }),
            Action::Assigned(_)
            | Action::Revoke(_)
            | Action::Lost(_)
            | Action::Fail(_)
            | Action::Closed => return,
        };
        self.work.push(work);
    }

    /// Tells the group that the member is gone, if it has not been told and can be quickly.
    pub(super) fn say_farewell(self) -> impl Future<Output = ()> + Send {
        let machine = self.machine.as_ref();
        let member_id = machine.and_then(|machine| machine.farewell()).map(ToOwned::to_owned);
        let shared = self.shared;
        async move {
            if let Some(member_id) = member_id {
                let _ = timeout(FAREWELL, leave(&shared, &member_id)).await;
            }
            shared.client.release(shared.owner);
        }
    }
}

/// The group's coordinator, from memory if it is known.
pub(super) async fn find(shared: &Shared) -> Result<BrokerId, CoordinatorError> {
    let deadline = Instant::now() + shared.client.config().request_timeout;
    shared.client.coordinator(CoordinatorKind::Group, shared.group(), deadline).await
}

/// A connection to the coordinator.
pub(super) async fn connect(shared: &Shared, kind: LaneKind) -> Result<Connection, Miss> {
    let broker = find(shared).await?;
    let connection = shared.client.connection(broker, Lane::new(kind, shared.owner)).await;
    Ok(connection.map_err(RequestError::Connect)?)
}

/// Why the coordinator has not answered.
#[derive(Debug, Error)]
pub(super) enum Miss {
    #[error(transparent)]
    Coordinator(#[from] CoordinatorError),
    #[error(transparent)]
    Request(#[from] RequestError),
}

impl Miss {
    pub(super) fn is_fatal(&self) -> bool {
        match self {
            Self::Coordinator(error) => error.is_fatal(),
            Self::Request(error) => error.is_fatal(),
        }
    }

    /// What it means for the membership.
    pub(super) fn failure(&self) -> Failure {
        match self {
            Self::Coordinator(CoordinatorError::Refused { code, .. }) => Failure::Code(*code),
            // Another coordinator will not have it either.
            Self::Request(RequestError::Unsupported(_) | RequestError::Encode { .. }) => {
                Failure::Code(ErrorCode::UNSUPPORTED_VERSION)
            }
            Self::Request(RequestError::Malformed { .. }) => Failure::Garbled,
            _ => Failure::Unreachable,
        }
    }
}

/// How many partitions a topic has, once it is known to exist.
pub(super) fn count(topic: &TopicMetadata) -> Option<i32> {
    topic.is_available().then(|| i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX))
}

async fn ask<R: Request>(
    shared: &Shared,
    kind: LaneKind,
    request: &R,
) -> Result<R::Response, Miss> {
    let usual = shared.client.config().request_timeout;
    let timeout = match kind {
        // The coordinator answers when the other members are there.
        LaneKind::Join => usual.max(shared.config.rebalance_timeout() + JOIN_SLACK),
        // So that there is time to find another coordinator before the session is over.
        _ => usual.min(shared.config.session_timeout / 3).max(shared.config.heartbeat_interval),
    };
    let connection = connect(shared, kind).await?;
    Ok(connection.enqueue(request, RequestOptions::timeout(timeout)).await?.await?)
}

async fn leave(shared: &Shared, member_id: &str) {
    let left = async {
        let connection = connect(shared, LaneKind::Heartbeat).await?;
        let version = connection.versions().negotiate::<LeaveGroupRequest>();
        let version = version.map_err(RequestError::Unsupported)?;
        let mut request =
            LeaveGroupRequest { group_id: shared.group().to_owned(), ..Default::default() };
        if version >= LEAVE_SEVERAL {
            let member_id = member_id.to_owned();
            request.members.push(MemberIdentity { member_id, ..MemberIdentity::default() });
        } else {
            member_id.clone_into(&mut request.member_id);
        }
        connection.request(&request).await.map_err(Miss::Request)
    };
    if let Err(error) = left.await {
        tracing::debug!(%error, "the group was not told that the member left");
    }
}

async fn counts(shared: &Shared, topics: BTreeSet<String>) -> BTreeMap<String, i32> {
    let deadline = Instant::now() + COUNT_WAIT;
    let all = topics.into_iter().map(|name| async move {
        let topic = shared.client.topic(&name);
        let metadata = shared.client.metadata().topic(&topic, deadline).await;
        let metadata = metadata
            .inspect_err(|error| tracing::warn!(%error, "a topic is not assigned to anybody"))
            .ok()?;
        Some((name, count(&metadata)?))
    });
    join_all(all).await.into_iter().flatten().collect()
}

fn millis(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}
