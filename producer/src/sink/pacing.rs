//! When the next request goes out: a machine without clock, in the manner of Nagle.

use std::time::Duration;

use tokio::time::Instant;

/// Decides between latency and full requests.
///
/// With nothing in flight a request goes at once. Otherwise it waits until it is full, until the
/// linger is over, or until an answer comes back; and a request that is not full keeps a minimum
/// distance from the one before, so that an idle broker that answers in microseconds does not make
/// every record a request of its own.
#[derive(Debug)]
pub(super) struct Pacing {
    linger: Duration,
    spacing: Duration,
    last_sent: Option<Instant>,
    answered_since: bool,
    waiting_since: Option<Instant>,
}

/// What the sink knows when it asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) now: Instant,
    pub(super) in_flight: usize,
    /// Whether what waits fills a request.
    pub(super) full: bool,
    /// Whether somebody waits for the queue to empty: a flush, a close, senders out of budget.
    pub(super) hurry: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Pace {
    Send,
    /// Not before this moment, unless something changes.
    At(Instant),
    /// Not until an answer comes.
    AfterAnswer,
}

/// Requests in flight to one broker; what Kafka's `max.in.flight.requests.per.connection` is for
/// an idempotent producer.
pub(super) const MAX_REQUESTS: usize = 5;

impl Pacing {
    pub(super) const fn new(linger: Duration, spacing: Duration) -> Self {
        Self { linger, spacing, last_sent: None, answered_since: false, waiting_since: None }
    }

    /// Something waits (or nothing does any longer).
    pub(super) fn waits(&mut self, something: bool, now: Instant) {
        if !something {
            self.waiting_since = None;
        } else if self.waiting_since.is_none() {
            self.waiting_since = Some(now);
        }
    }

    pub(super) fn sent(&mut self, now: Instant) {
        (self.last_sent, self.answered_since, self.waiting_since) = (Some(now), false, None);
    }

    pub(super) const fn answered(&mut self) {
        self.answered_since = true;
    }

    /// What to do about what waits.
    pub(super) fn look(&self, look: Look) -> Pace {
        if look.in_flight >= MAX_REQUESTS {
            return Pace::AfterAnswer;
        }
        if look.full || look.hurry {
            return Pace::Send;
        }
        let spaced = self.last_sent.map_or(look.now, |sent| sent + self.spacing);
        let due = if look.in_flight == 0 || self.answered_since {
            spaced
        } else {
            let lingered = self.waiting_since.unwrap_or(look.now) + self.linger;
            lingered.max(spaced)
        };
        if due <= look.now { Pace::Send } else { Pace::At(due) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINGER: Duration = Duration::from_millis(5);
    const SPACING: Duration = Duration::from_millis(1);

    fn look(now: Instant, in_flight: usize) -> Look {
        Look { now, in_flight, full: false, hurry: false }
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_broker_gets_the_first_record_at_once_and_the_next_after_the_spacing() {
        let start = Instant::now();
        let mut pacing = Pacing::new(LINGER, SPACING);
        pacing.waits(true, start);
        assert_eq!(pacing.look(look(start, 0)), Pace::Send);
        pacing.sent(start);
        pacing.answered();
        pacing.waits(true, start);
        assert_eq!(pacing.look(look(start, 0)), Pace::At(start + SPACING));
        assert_eq!(pacing.look(look(start + SPACING, 0)), Pace::Send);
    }

    #[tokio::test(start_paused = true)]
    async fn with_a_request_in_flight_it_waits_for_the_linger_or_an_answer() {
        let start = Instant::now();
        let mut pacing = Pacing::new(LINGER, SPACING);
        pacing.sent(start);
        let later = start + 2 * SPACING;
        pacing.waits(true, later);
        assert_eq!(pacing.look(look(later, 1)), Pace::At(later + LINGER));
        assert_eq!(pacing.look(look(later + LINGER, 1)), Pace::Send);
        pacing.answered();
        assert_eq!(pacing.look(look(later, 1)), Pace::Send);
    }

    #[tokio::test(start_paused = true)]
    async fn full_requests_and_hurry_wait_for_nothing_but_a_free_place() {
        let now = Instant::now();
        let mut pacing = Pacing::new(LINGER, SPACING);
        pacing.sent(now);
        pacing.waits(true, now);
        assert_eq!(pacing.look(Look { full: true, ..look(now, 4) }), Pace::Send);
        assert_eq!(pacing.look(Look { hurry: true, ..look(now, 4) }), Pace::Send);
        assert_eq!(pacing.look(Look { full: true, ..look(now, 5) }), Pace::AfterAnswer);
    }
}
