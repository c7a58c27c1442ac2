//! The topics that are subscribed to, and whether they can be had.

use std::time::Duration;

use ottla_client::Topic;
use ottla_protocol::ErrorCode;
use tokio::time::Instant;

/// The topics, each with what was said of it.
#[derive(Debug)]
pub(super) struct Subscription(Vec<Subscribed>);

#[derive(Debug)]
struct Subscribed {
    topic: Topic,
    /// Since when it cannot be had.
    missing_since: Option<Instant>,
    is_reported: bool,
}

/// What came of a look at all topics.
#[derive(Debug)]
pub(super) struct Checked {
    /// To be reported now: each topic once for each time it goes missing.
    pub(super) reports: Vec<(Topic, ErrorCode)>,
    /// When there may be more to report.
    pub(super) wake_at: Option<Instant>,
    /// Whether no topic is missing that may yet come.
    pub(super) is_complete: bool,
}

impl Subscription {
    pub(super) fn new(topics: Vec<Topic>, now: Instant) -> Self {
        let new = |topic| Subscribed { topic, missing_since: Some(now), is_reported: false };
        Self(topics.into_iter().map(new).collect())
    }

    pub(super) fn topics(&self) -> impl Iterator<Item = &Topic> {
        self.0.iter().map(|subscribed| &subscribed.topic)
    }

    /// Compares with what is `known`: what the cluster says of a topic, if it has said anything. As
    /// long as nobody has answered there is nothing to report.
    pub(super) fn poll(
        &mut self,
        known: impl Fn(&Topic) -> Option<ErrorCode>,
        patience: Duration,
        now: Instant,
    ) -> Checked {
        let (mut reports, mut is_complete) = (Vec::new(), true);
        let mut wake_at: Option<Instant> = None;
        for subscribed in &mut self.0 {
            let Some(code) = known(&subscribed.topic) else { continue };
            if code.is_ok() {
                (subscribed.missing_since, subscribed.is_reported) = (None, false);
                continue;
            }
            is_complete &= !code.is_retriable();
            let since = *subscribed.missing_since.get_or_insert(now);
            if subscribed.is_reported {
                continue;
            }
            let due = if code.is_retriable() { since + patience } else { since };
            if due <= now {
                subscribed.is_reported = true;
                reports.push((subscribed.topic.clone(), code));
            } else {
                wake_at = Some(wake_at.map_or(due, |earliest| earliest.min(due)));
            }
        }
        Checked { reports, wake_at, is_complete }
    }
}
