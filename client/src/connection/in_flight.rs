//! The order in which responses have to come.

use std::collections::VecDeque;

use ottla_protocol::ApiKey;
use tokio::time::Instant;

use super::command::Slot;
use crate::broker::BrokerId;
use crate::error::{Disconnect, MalformedResponse, RequestError};

/// Requests that have been handed to the writer and not been answered, oldest first.
///
/// Kafka answers a connection's requests in their order, so the response that comes next belongs
/// to the slot in front; a correlation id that says otherwise means that nothing on this
/// connection can be trusted any more.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    slots: VecDeque<Slot>,
    /// How many, from the back, have no byte on the wire.
    unsent: usize,
    /// No slot's deadline is earlier than this. It may lie too early, never too late.
    earliest: Option<Instant>,
}

impl InFlight {
    pub(super) fn push(&mut self, slot: Slot) {
        self.earliest = Some(self.earliest.map_or(slot.deadline, |at| at.min(slot.deadline)));
        self.slots.push_back(slot);
        self.unsent += 1;
    }

    /// The next `count` slots have bytes on the wire.
    pub(super) fn begun(&mut self, count: usize) {
        self.unsent = self.unsent.saturating_sub(count);
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The slot that a response with this correlation id answers.
    pub(super) fn answer(&mut self, correlation: i32) -> Result<Slot, MalformedResponse> {
        let unasked = MalformedResponse::Unasked { actual: correlation };
        // Nothing may be answered before it was asked.
        if self.slots.len() <= self.unsent {
            return Err(unasked);
        }
        let expected = self.slots.front().ok_or(unasked.clone())?.correlation;
        if expected != correlation {
            return Err(MalformedResponse::Correlation { expected, actual: correlation });
        }
        let slot = self.slots.pop_front().ok_or(unasked)?;
        if self.slots.is_empty() {
            self.earliest = None;
        }
        Ok(slot)
    }

    /// When [`expire`](Self::expire) has to be called next.
    pub(super) fn wake(&self) -> Option<Instant> {
        self.earliest
    }

    /// Tells those behind the front whose time is over; their places stay. If it is the front's
    /// time that is over, returns its API: the broker is not answering, and an answer that comes
    /// late could no longer be told from the next one's.
    pub(super) fn expire(&mut self, now: Instant, broker: BrokerId) -> Option<ApiKey> {
        let sent = self.slots.len().saturating_sub(self.unsent);
        if let Some(front) = self.slots.front().filter(|front| front.deadline <= now) {
            return Some(front.api);
        }
        self.earliest = None;
        for (index, slot) in self.slots.iter_mut().enumerate() {
            if slot.deadline <= now {
                let (api, after) = (slot.api, slot.timeout);
                slot.tell(Err(RequestError::TimedOut { api, broker, after, sent: index < sent }));
            } else {
                self.earliest =
                    Some(self.earliest.map_or(slot.deadline, |at| at.min(slot.deadline)));
            }
        }
        None
    }

    /// Tells everybody that no response will come: the front why, the others that their
    /// connection is gone. Those whose own time is over as well are told that instead.
    pub(super) fn fail(&mut self, now: Instant, broker: BrokerId, why: &Disconnect) {
        let sent = self.slots.len().saturating_sub(self.unsent);
        for (index, mut slot) in self.slots.drain(..).enumerate() {
            let (api, sent) = (slot.api, index < sent);
            let error = match why {
                _ if slot.deadline <= now => {
                    RequestError::TimedOut { api, broker, after: slot.timeout, sent }
                }
                // A response that does not decode was the caller's before, not the front's; and
                // one that came before its request was anybody's.
                Disconnect::Garbage(source)
                    if index == 0 && sent && !matches!(source, MalformedResponse::Decode(_)) =>
                {
                    RequestError::Malformed { api, broker, source: source.clone() }
                }
                cause => RequestError::Disconnected { api, broker, sent, cause: cause.clone() },
            };
            slot.tell(Err(error));
        }
        self.unsent = 0;
        self.earliest = None;
    }
}
