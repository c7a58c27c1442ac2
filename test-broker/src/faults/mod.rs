//! Things that go wrong on demand.
//!
//! A [`Fault`] says what goes wrong, for which requests, and how often. It does nothing until it
//! is armed. A request asks once for each armed fault: all partitions it names that match are
//! hit together, and that counts as one time.

mod rule;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use ottla_protocol::{ApiKey, ErrorCode};
use parking_lot::Mutex;

pub(crate) use rule::{Effect, RequestFaults};
use rule::{Registry, Rule, Scope};

/// Arms faults of a cluster; cheap to clone.
#[derive(Debug, Clone)]
pub struct Faults {
    registry: Arc<Mutex<Registry>>,
}

/// A fault being described. It does nothing until [`arm`](Self::arm)ed.
#[derive(Debug)]
#[must_use = "a fault does nothing until it is armed"]
pub struct Fault {
    registry: Arc<Mutex<Registry>>,
    rule: Rule,
}

/// A fault that was armed.
#[derive(Debug, Clone)]
pub struct ArmedFault {
    registry: Arc<Mutex<Registry>>,
    id: u64,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        Self { registry: Arc::new(Mutex::new(Registry::new(seed))) }
    }

    /// Requests are not executed; they are answered with `error`.
    pub fn fail(&self, api: ApiKey, error: ErrorCode) -> Fault {
        self.fault(api, Effect::Error(error))
    }

    /// Requests are executed, and then answered with `error` as if they had not been.
    pub fn fail_after(&self, api: ApiKey, error: ErrorCode) -> Fault {
        self.fault(api, Effect::ErrorAfter(error))
    }

    /// Requests are executed, but the connection is cut instead of answering.
    pub fn drop_reply(&self, api: ApiKey) -> Fault {
        self.fault(api, Effect::DropReply)
    }

    /// Requests are executed, but never answered; nor is anything that follows on the
    /// connection, which stays open.
    pub fn swallow_reply(&self, api: ApiKey) -> Fault {
        self.fault(api, Effect::Hang)
    }

    /// Requests wait this long before they are executed.
    pub fn delay(&self, api: ApiKey, by: Duration) -> Fault {
        self.fault(api, Effect::Delay(by))
    }

    /// Requests are executed at once, but answered this much later.
    pub fn delay_reply(&self, api: ApiKey, by: Duration) -> Fault {
        self.fault(api, Effect::DelayReply(by))
    }

    /// The connection is cut before the request is executed.
    pub fn cut(&self, api: ApiKey) -> Fault {
        self.fault(api, Effect::Cut)
    }

    /// Requests are executed and answered with only the first `bytes` of the response, its
    /// length prefix included; then the connection is cut.
    pub fn truncate(&self, api: ApiKey, bytes: usize) -> Fault {
        self.fault(api, Effect::Truncate(bytes))
    }

    /// Requests are executed, but what follows the response's correlation id is replaced by
    /// random bytes.
    pub fn garbage(&self, api: ApiKey) -> Fault {
        self.fault(api, Effect::Garbage)
    }

    /// Requests are executed and answered under a correlation id that was not asked for.
    pub fn wrong_correlation(&self, api: ApiKey) -> Fault {
        self.fault(api, Effect::WrongCorrelation)
    }

    /// Requests are executed and answered with a frame that claims to be this long.
    pub fn frame_length(&self, api: ApiKey, length: i32) -> Fault {
        self.fault(api, Effect::FrameLength(length))
    }

    /// Responses ask the client to be silent for this long; the broker does not enforce it
    /// (KIP-219).
    pub fn throttle(&self, api: ApiKey, time: Duration) -> Fault {
        self.fault(api, Effect::Throttle(time))
    }

    /// Disarms every fault.
    pub fn clear(&self) {
        self.registry.lock().clear();
    }

    /// The armed faults that a request to `broker` could meet.
    pub(crate) fn request(&self, api: ApiKey, broker: i32) -> RequestFaults {
        let registry = self.registry.lock();
        if registry.is_empty() {
            return RequestFaults::none();
        }
        let rules = registry.matching(api, broker);
        RequestFaults::new(Arc::clone(&self.registry), rules)
    }

    fn fault(&self, api: ApiKey, effect: Effect) -> Fault {
        let scope = Scope { api, broker: None, topic: None, partition: None };
        Fault { registry: Arc::clone(&self.registry), rule: Rule::new(scope, effect) }
    }
}

impl Fault {
    /// Only at this broker.
    pub fn broker(mut self, id: i32) -> Self {
        self.rule.scope.broker = Some(id);
        self
    }

    /// Only for this topic: narrows errors to its partitions, and what happens to a response to
    /// requests that name it. What happens before a request is executed ([`Faults::cut`],
    /// [`Faults::delay`], [`Faults::throttle`]) is not narrowed.
    pub fn topic(mut self, name: &str) -> Self {
        self.rule.scope.topic = Some(name.into());
        self
    }

    /// Only for this partition; see [`topic`](Self::topic).
    pub fn partition(mut self, index: i32) -> Self {
        self.rule.scope.partition = Some(index);
        self
    }

    /// Only the first `count` requests that match; without it every one.
    pub fn times(mut self, count: u64) -> Self {
        self.rule.left = Some(count);
        self
    }

    /// Spares the first `count` requests that match.
    pub fn after(mut self, count: u64) -> Self {
        self.rule.spared = count;
        self
    }

    /// Hits each request that matches with this probability, by the cluster's seed.
    pub fn probability(mut self, probability: f64) -> Self {
        self.rule.probability = probability;
        self
    }

    /// From now on, for requests that arrive.
    pub fn arm(self) -> ArmedFault {
        let id = self.registry.lock().arm(self.rule);
        ArmedFault { registry: self.registry, id }
    }
}

impl ArmedFault {
    /// How many requests it has hit.
    pub fn hits(&self) -> u64 {
        self.registry.lock().hits(self.id)
    }

    /// Ends it; what it has hit stays hit.
    pub fn disarm(&self) {
        self.registry.lock().disarm(self.id);
    }
}
