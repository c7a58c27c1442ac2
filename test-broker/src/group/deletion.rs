//! Whether offsets of a group may be deleted.

use ottla_protocol::ErrorCode;
use ottla_protocol::consumer_protocol::{self, ConsumerProtocolSubscription};

use super::{Group, GroupPhase, Member};

/// The protocol type of consumers; only their subscriptions can be read.
const CONSUMER: &str = "consumer";

impl Group {
    /// Whether offsets may be deleted at all (`ClassicGroup.validateOffsetDelete`).
    ///
    /// # Errors
    /// `NON_EMPTY_GROUP` if it has members of which nobody knows what they read.
    pub(crate) fn may_delete_offsets(&self) -> Result<(), ErrorCode> {
        match self.phase {
            GroupPhase::Dead => Err(ErrorCode::GROUP_ID_NOT_FOUND),
            GroupPhase::Empty => Ok(()),
            _ if self.protocol_type() == Some(CONSUMER) => Ok(()),
            _ => Err(ErrorCode::NON_EMPTY_GROUP),
        }
    }

    /// Whether a member reads this topic, as far as can be told.
    pub(crate) fn is_subscribed_to(&self, topic: &str) -> bool {
        if self.protocol_type() != Some(CONSUMER) {
            return false;
        }
        let reads = |member: &Member| {
            let protocol = self.protocol().or(member.protocols.first().map(|it| it.name.as_str()));
            let metadata = member.metadata(protocol.unwrap_or_default());
            let subscription = consumer_protocol::decode::<ConsumerProtocolSubscription>(&metadata);
            subscription.is_ok_and(|it| it.topics.iter().any(|name| name == topic))
        };
        self.members.iter().any(reads)
    }
}
