//! Which armed faults hit which requests.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ottla_protocol::{ApiKey, ErrorCode};
use parking_lot::Mutex;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Error(ErrorCode),
    ErrorAfter(ErrorCode),
    DropReply,
    Hang,
    Delay(Duration),
    DelayReply(Duration),
    Cut,
    Truncate(usize),
    Garbage,
    WrongCorrelation,
    FrameLength(i32),
    Throttle(Duration),
}

/// Which requests a fault is for.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    pub(super) api: ApiKey,
    pub(super) broker: Option<i32>,
    pub(super) topic: Option<Arc<str>>,
    pub(super) partition: Option<i32>,
}

#[derive(Debug)]
pub(super) struct Rule {
    pub(super) scope: Scope,
    effect: Effect,
    pub(super) spared: u64,
    pub(super) left: Option<u64>,
    pub(super) probability: f64,
    hits: u64,
}

/// All faults of a cluster, those that are spent included, since their hits may be asked for.
#[derive(Debug)]
pub(super) struct Registry {
    rules: BTreeMap<u64, Rule>,
    next_id: u64,
    rng: fastrand::Rng,
}

/// The faults that one request could meet.
#[derive(Debug)]
pub(crate) struct RequestFaults {
    registry: Option<Arc<Mutex<Registry>>>,
    candidates: Vec<Candidate>,
}

#[derive(Debug)]
struct Candidate {
    id: u64,
    effect: Effect,
    topic: Option<Arc<str>>,
    partition: Option<i32>,
    /// Whether it hits this request, once that has been asked.
    decided: Option<bool>,
    /// Whether the request names a partition that it is for.
    touched: bool,
}

impl Rule {
    pub(super) fn new(scope: Scope, effect: Effect) -> Self {
        Self { scope, effect, spared: 0, left: None, probability: 1.0, hits: 0 }
    }

    fn is_spent(&self) -> bool {
        self.left == Some(0)
    }
}

impl Registry {
    pub(super) fn new(seed: u64) -> Self {
        Self { rules: BTreeMap::new(), next_id: 0, rng: fastrand::Rng::with_seed(seed) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.rules.clear();
    }

    pub(super) fn arm(&mut self, rule: Rule) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.rules.insert(id, rule);
        id
    }

    pub(super) fn disarm(&mut self, id: u64) {
        if let Some(rule) = self.rules.get_mut(&id) {
            rule.left = Some(0);
        }
    }

    pub(super) fn hits(&self, id: u64) -> u64 {
        self.rules.get(&id).map_or(0, |rule| rule.hits)
    }

    /// The ids and rules that a request could meet.
    pub(super) fn matching(&self, api: ApiKey, broker: i32) -> Vec<(u64, &Rule)> {
        self.rules
            .iter()
            .filter(|(_, rule)| rule.scope.api == api && !rule.is_spent())
            .filter(|(_, rule)| rule.scope.broker.is_none_or(|only| only == broker))
            .map(|(id, rule)| (*id, rule))
            .collect()
    }

    /// Whether the rule hits the request that is asking.
    fn decide(&mut self, id: u64) -> bool {
        let Some(rule) = self.rules.get_mut(&id) else { return false };
        if rule.is_spent() {
            return false;
        }
        if rule.spared > 0 {
            rule.spared -= 1;
            return false;
        }
        if rule.probability < 1.0 && self.rng.f64() >= rule.probability {
            return false;
        }
        rule.left = rule.left.map(|left| left - 1);
        rule.hits += 1;
        true
    }
}

impl RequestFaults {
    pub(crate) fn none() -> Self {
        Self { registry: None, candidates: Vec::new() }
    }

    pub(super) fn new(registry: Arc<Mutex<Registry>>, rules: Vec<(u64, &Rule)>) -> Self {
        let candidates = rules
            .into_iter()
            .map(|(id, rule)| Candidate {
                id,
                effect: rule.effect,
                topic: rule.scope.topic.clone(),
                partition: rule.scope.partition,
                decided: None,
                touched: false,
            })
            .collect();
        Self { registry: Some(registry), candidates }
    }

    /// What is to go wrong before the request is executed, in the order in which it was armed.
    pub(crate) fn before(&mut self) -> Vec<Effect> {
        self.decide_effects(|candidate| candidate.effect.is_before())
    }

    /// What is to go wrong with the response. Faults for a topic or partition hit a request that
    /// was found to name it.
    pub(crate) fn after(&mut self) -> Vec<Effect> {
        self.decide_effects(|candidate| {
            let meant = candidate.touched || candidate.is_for_all();
            meant && !candidate.effect.is_before() && !candidate.effect.is_error()
        })
    }

    fn decide_effects(&self, meant: impl Fn(&Candidate) -> bool) -> Vec<Effect> {
        let Some(registry) = &self.registry else { return Vec::new() };
        let mut registry = registry.lock();
        let meant = self.candidates.iter().filter(|candidate| meant(candidate));
        let hit = meant.filter(|candidate| registry.decide(candidate.id));
        hit.map(|candidate| candidate.effect).collect()
    }

    /// The error to give for a request that names no partition.
    pub(crate) fn error(&mut self) -> Option<ErrorCode> {
        self.find(Candidate::is_for_all, false)
    }

    /// As [`error`](Self::error), for after it has been executed.
    pub(crate) fn error_after(&mut self) -> Option<ErrorCode> {
        self.find(Candidate::is_for_all, true)
    }

    /// The error to give for a topic as a whole.
    pub(crate) fn topic_error(&mut self, topic: &str) -> Option<ErrorCode> {
        self.find(|candidate| candidate.is_for_topic(topic) && candidate.partition.is_none(), false)
    }

    /// As [`topic_error`](Self::topic_error), for after it has been executed.
    pub(crate) fn topic_error_after(&mut self, topic: &str) -> Option<ErrorCode> {
        self.find(|candidate| candidate.is_for_topic(topic) && candidate.partition.is_none(), true)
    }

    /// The error to give for a partition.
    pub(crate) fn partition_error(&mut self, topic: &str, partition: i32) -> Option<ErrorCode> {
        self.find(|candidate| candidate.is_for(topic, partition), false)
    }

    /// As [`partition_error`](Self::partition_error), for after it has been executed.
    pub(crate) fn partition_error_after(
        &mut self,
        topic: &str,
        partition: i32,
    ) -> Option<ErrorCode> {
        self.find(|candidate| candidate.is_for(topic, partition), true)
    }

    fn find(&mut self, applies: impl Fn(&Candidate) -> bool, after: bool) -> Option<ErrorCode> {
        let registry = self.registry.as_ref()?;
        let mut found = None;
        for candidate in self.candidates.iter_mut().filter(|candidate| applies(candidate)) {
            candidate.touched = true;
            let error = match candidate.effect {
                Effect::Error(error) if !after => error,
                Effect::ErrorAfter(error) if after => error,
                _ => continue,
            };
            let mut decide = || registry.lock().decide(candidate.id);
            if found.is_none() && *candidate.decided.get_or_insert_with(&mut decide) {
                found = Some(error);
            }
        }
        found
    }
}

impl Effect {
    fn is_error(self) -> bool {
        matches!(self, Self::Error(_) | Self::ErrorAfter(_))
    }

    /// Whether it happens before the request is executed, and so before its partitions are known.
    fn is_before(self) -> bool {
        matches!(self, Self::Cut | Self::Delay(_) | Self::Throttle(_))
    }
}

impl Candidate {
    fn is_for_all(&self) -> bool {
        self.topic.is_none() && self.partition.is_none()
    }

    fn is_for_topic(&self, topic: &str) -> bool {
        self.topic.as_deref().is_none_or(|only| only == topic)
    }

    fn is_for(&self, topic: &str, partition: i32) -> bool {
        self.is_for_topic(topic) && self.partition.is_none_or(|only| only == partition)
    }
}
