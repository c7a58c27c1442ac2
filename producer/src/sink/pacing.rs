//! When the next request goes out: a machine without clock, in the manner of Nagle.

use std::time::Duration;

use tokio::time::Instant;

/// Decides between latency and full requests.
///
/// With nothing in flight a request goes at once. Otherwise it waits until it is full, until the
/// linger is over, or until everything in flight has been answered: a broker handles the requests
/// of a connection one after the other, so that one that is not full would only wait there instead
/// of here, where it can grow.
///
/// Requests that are not full keep a minimum distance, so that a broker that answers in
/// microseconds does not make every record a request of its own; but only where something is
/// gathered by it, that is if at least two records come in that time on average. Records that come
/// one by one do not wait for a timer.
#[derive(Debug)]
pub(super) struct Pacing {
    linger: Duration,
    spacing: Duration,
    last_sent: Option<Instant>,
    /// Records of late: what was sent, fading away over [`WINDOW`] spacings.
    recent: f64,
    waiting_since: Option<Instant>,
}

/// What the sink knows when it asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) now: Instant,
    pub(super) in_flight: usize,
    /// Whether what waits fills a request.
    pub(super) full: bool,
    /// Whether somebody waits for the queue to empty: a flush, a close, senders out of budget,
    /// brokers whose records leave together with these.
    pub(super) hurry: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Pace {
    Send(Cause),
    /// Not before this moment, unless something changes.
    At(Instant),
    /// Not until an answer comes.
    AfterAnswer,
}

/// Why a request goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Cause {
    Full,
    /// Somebody waits for it.
    Hurry,
    /// Nothing is in flight.
    Idle,
    /// A record waited for as long as it may.
    Lingered,
}

/// Requests in flight to one broker; what Kafka's `max.in.flight.requests.per.connection` is for
/// an idempotent producer.
pub(super) const MAX_REQUESTS: usize = 5;

/// Over how many spacings the rate of records is averaged.
const WINDOW: u32 = 8;
/// Records in a spacing that are worth waiting for.
const WORTH: u32 = 2;

impl Pacing {
    pub(super) const fn new(linger: Duration, spacing: Duration) -> Self {
        Self { linger, spacing, last_sent: None, recent: 0.0, waiting_since: None }
    }

    /// Something waits (or nothing does any longer).
    pub(super) fn waits(&mut self, something: bool, now: Instant) {
        if !something {
            self.waiting_since = None;
        } else if self.waiting_since.is_none() {
            self.waiting_since = Some(now);
        }
    }

    /// A request with so many records was sent.
    pub(super) fn sent(&mut self, now: Instant, records: u32) {
        let window = self.spacing.saturating_mul(WINDOW).as_secs_f64();
        let faded = match self.last_sent {
            Some(sent) if window > 0.0 => ((now - sent).as_secs_f64() / window).min(1.0),
            _ => 1.0,
        };
        self.recent = self.recent.mul_add(1.0 - faded, f64::from(records));
        (self.last_sent, self.waiting_since) = (Some(now), None);
    }

    /// Whether waiting for the length of a spacing gathers anything.
    fn gathers(&self) -> bool {
        self.recent >= f64::from(WINDOW * WORTH)
    }

    /// What to do about what waits.
    pub(super) fn look(&self, look: Look) -> Pace {
        if look.in_flight >= MAX_REQUESTS {
            return Pace::AfterAnswer;
        }
        if look.full {
            return Pace::Send(Cause::Full);
        }
        if look.hurry {
            return Pace::Send(Cause::Hurry);
        }
        let spaced = self.last_sent.filter(|_| self.gathers()).map(|sent| sent + self.spacing);
        let spaced = spaced.unwrap_or(look.now);
        let (due, cause) = if look.in_flight == 0 {
            (spaced, Cause::Idle)
        } else {
            let lingered = self.waiting_since.unwrap_or(look.now) + self.linger;
            (lingered.max(spaced), Cause::Lingered)
        };
        if due <= look.now { Pace::Send(cause) } else { Pace::At(due) }
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
    async fn records_that_come_one_by_one_wait_for_nothing_and_a_crowd_for_the_spacing() {
        let mut now = Instant::now();
        let mut pacing = Pacing::new(LINGER, SPACING);
        for _ in 0..100 {
            pacing.waits(true, now);
            assert_eq!(pacing.look(look(now, 0)), Pace::Send(Cause::Idle));
            pacing.sent(now, 1);
            now += SPACING * 3 / 4;
        }
        pacing.sent(now, 40);
        for _ in 0..100 {
            pacing.waits(true, now);
            assert_eq!(pacing.look(look(now, 0)), Pace::At(now + SPACING));
            now += SPACING;
            assert_eq!(pacing.look(look(now, 0)), Pace::Send(Cause::Idle));
            pacing.sent(now, 3);
        }
        // After a pause nothing of that counts.
        now += SPACING * WINDOW;
        pacing.sent(now, 1);
        pacing.waits(true, now);
        assert_eq!(pacing.look(look(now, 0)), Pace::Send(Cause::Idle));
    }

    #[tokio::test(start_paused = true)]
    async fn with_a_request_in_flight_it_waits_for_the_linger_or_the_last_answer() {
        let start = Instant::now();
        let mut pacing = Pacing::new(LINGER, SPACING);
        pacing.sent(start, 100);
        let later = start + 2 * SPACING;
        pacing.waits(true, later);
        for in_flight in [2, 1] {
            assert_eq!(pacing.look(look(later, in_flight)), Pace::At(later + LINGER));
            let due = pacing.look(look(later + LINGER, in_flight));
            assert_eq!(due, Pace::Send(Cause::Lingered));
        }
        assert_eq!(pacing.look(look(later, 0)), Pace::Send(Cause::Idle));
    }

    #[tokio::test(start_paused = true)]
    async fn full_requests_and_hurry_wait_for_nothing_but_a_free_place() {
        let now = Instant::now();
        let mut pacing = Pacing::new(LINGER, SPACING);
        pacing.sent(now, 10_000);
        pacing.waits(true, now);
        let full = Look { full: true, ..look(now, 4) };
        assert_eq!(pacing.look(full), Pace::Send(Cause::Full));
        let hurry = Look { hurry: true, ..look(now, 4) };
        assert_eq!(pacing.look(hurry), Pace::Send(Cause::Hurry));
        assert_eq!(pacing.look(Look { full: true, ..look(now, 5) }), Pace::AfterAnswer);
    }

    /// What the spacing costs and brings: records that come at random to a broker that answers in
    /// 150 microseconds, and timers that wake at whole milliseconds.
    #[derive(Debug)]
    struct Sweep {
        requests: u32,
        p50: f64,
        p99: f64,
    }

    fn sweep(spacing: Duration, rate: u32) -> Sweep {
        const SERVICE: f64 = 150.0;
        let base = Instant::now();
        let mut random = fastrand::Rng::with_seed(1);
        let mut pacing = Pacing::new(LINGER, spacing);
        let micros = |at: f64| base + Duration::from_secs_f64(at / 1e6);
        let (mut now, mut next, mut answered, mut wake) = (0.0, 0.0, 0.0, f64::MAX);
        let (mut waiting, mut latencies, mut requests) = (Vec::new(), Vec::new(), 0);
        while now < 1e6 {
            let answer = if answered > now { answered } else { f64::MAX };
            now = f64::min(f64::min(next, wake), answer);
            if now >= next {
                waiting.push(now);
                next = now - (1.0 - random.f64()).ln() * 1e6 / f64::from(rate);
            }
            let at = micros(now);
            pacing.waits(!waiting.is_empty(), at);
            wake = f64::MAX;
            if waiting.is_empty() {
                continue;
            }
            match pacing.look(look(at, usize::from(answered > now))) {
                Pace::Send(_) => {
                    answered = now + SERVICE;
                    requests += 1;
                    pacing.sent(at, u32::try_from(waiting.len()).unwrap());
                    latencies.extend(waiting.drain(..).map(|since| answered - since));
                }
                Pace::At(due) => wake = ((due - base).as_secs_f64() * 1e3).ceil() * 1e3,
                Pace::AfterAnswer => {}
            }
        }
        latencies.sort_by(f64::total_cmp);
        let count = latencies.len();
        Sweep { requests, p50: latencies[count / 2], p99: latencies[count * 99 / 100] }
    }

    /// Behind the default of 1 ms: at 1,000 records a second nobody waits for a timer, and from
    /// some thousand on there are 1,000 requests a second, each a wake-up of both ends.
    #[test]
    fn a_sweep_of_spacings() {
        let at = |spacing, rate| sweep(Duration::from_micros(spacing), rate);
        let slow = at(1000, 1000);
        assert!(slow.p99 < 300.0 && slow.p50 < 151.0, "{slow:?}");
        assert!(at(2000, 1000).p99 > 2000.0, "twice the spacing delays single records");
        for rate in [3_000, 10_000, 100_000, 300_000] {
            let fast = at(1000, rate);
            assert!(fast.requests < 1010 && fast.p99 < 1400.0, "{rate}: {fast:?}");
            assert!(at(500, rate).requests > fast.requests * 3 / 2, "{rate}");
            assert!(at(0, rate).requests > fast.requests * 5 / 2, "{rate}");
        }
    }
}
