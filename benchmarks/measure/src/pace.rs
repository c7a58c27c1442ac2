use std::time::{Duration, Instant};

/// Says when the next record is due, for those who measure how long one takes: at an even rate, up to a thousand
/// records a second one by one, beyond that in bursts a millisecond apart.
#[derive(Debug)]
pub struct Pace {
    began: Instant,
    rate: u64,
    burst: u64,
    /// One record in so many is timed.
    every: u64,
    number: u64,
    /// From when on the time of this burst counts, if that is not when the record is sent.
    late_since: Option<Instant>,
}

/// Records that are timed in a second, at most: timing must not become what is measured.
const TIMED: u64 = 20_000;

impl Pace {
    pub fn at(rate: u64) -> Self {
        let burst = (rate / 1000).max(1);
        let every = rate.div_ceil(TIMED).max(1);
        Self { began: Instant::now(), rate, burst, every, number: 0, late_since: None }
    }

    /// Waits, by blocking the thread, until the next record is due. Returns from when on its time counts, if it is one
    /// of those that are timed: from now; or, if the sending itself is behind, from when it was due.
    #[inline]
    pub fn wait(&mut self) -> Option<Instant> {
        let number = self.number;
        self.number += 1;
        if number % self.burst == 0 {
            let due = self.began + Duration::from_secs_f64(number as f64 / self.rate as f64);
            let ahead = due.saturating_duration_since(Instant::now());
            self.late_since = ahead.is_zero().then_some(due);
            if !ahead.is_zero() {
                std::thread::sleep(ahead);
            }
        }
        (number % self.every == 0).then(|| self.late_since.unwrap_or_else(Instant::now))
    }
}
