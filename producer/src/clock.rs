//! The present time, for records that do not say theirs.
//!
//! Reading the clock costs as much as encoding a small record. So in a burst a few records of the
//! same thread share one reading, of which three things are known: it is no older than the kernel's
//! last tick, at most [`SHARED`] records have it, and those before them came so fast that it will be
//! a small fraction of a millisecond old. Whoever sends more slowly gets a reading for each record.
//!
//! The kernel's tick is 1 to 10 ms, by its configuration; so long may a record be behind, at most,
//! that breaks off a burst and goes on before the next tick. Reading the tick needs no counter of
//! the processor, and is what makes this cheap. Elsewhere than on Linux nothing is shared.

use std::cell::Cell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

thread_local! {
    static CLOCK: Clock = const { Clock::new() };
}

/// Milliseconds since the epoch.
#[inline]
pub(crate) fn now() -> i64 {
    CLOCK.with(|clock| clock.read(tick, exact))
}

/// What a thread knows of the time.
struct Clock {
    millis: Cell<i64>,
    /// The tick in which it was read, at the latest.
    tick: Cell<u64>,
    /// How many more records may have this reading.
    left: Cell<u32>,
    /// How many could have it, with the one that it was read for.
    shared: Cell<u32>,
    /// When it was read, since the epoch.
    at: Cell<Duration>,
}

impl Clock {
    const fn new() -> Self {
        Self {
            millis: Cell::new(0),
            tick: Cell::new(0),
            left: Cell::new(0),
            shared: Cell::new(1),
            at: Cell::new(Duration::ZERO),
        }
    }

    #[inline]
    fn read(&self, tick: impl Fn() -> Option<u64>, exact: impl Fn() -> Duration) -> i64 {
        if let Some(left) = self.left.get().checked_sub(1) {
            if tick() == Some(self.tick.get()) {
                self.left.set(left);
                return self.millis.get();
            }
        }
        self.read_exactly(tick, exact)
    }

    #[cold]
    fn read_exactly(&self, tick: impl Fn() -> Option<u64>, exact: impl Fn() -> Duration) -> i64 {
        // The tick first: what is read now is no older.
        let tick = tick();
        let at = exact();
        let had = self.shared.get().saturating_sub(self.left.get());
        let burst = at.checked_sub(self.at.get()).is_some_and(|since| since <= PACE * had);
        let left = if burst && tick.is_some() { SHARED } else { 0 };
        let millis = at.as_secs().saturating_mul(1000).saturating_add(at.subsec_millis().into());
        // Not `as_millis`, whose 128 bits show where everything else takes nanoseconds.
        let millis = i64::try_from(millis).unwrap_or(i64::MAX);
        self.millis.set(millis);
        self.tick.set(tick.unwrap_or(0));
        self.left.set(left);
        self.shared.set(left.saturating_add(1));
        self.at.set(at);
        millis
    }
}

/// How many records may have a reading that was made for another.
const SHARED: u32 = 15;

/// Records that come faster than this are a burst: sixteen are then an eighth of a millisecond.
const PACE: Duration = Duration::from_micros(8);

fn exact() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The kernel's last tick; whatever the number, a later one is another.
#[cfg(target_os = "linux")]
#[inline]
fn tick() -> Option<u64> {
    Some(coarsetime::Instant::now_without_cache_update().as_ticks())
}

#[cfg(not(target_os = "linux"))]
fn tick() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A clock that the test winds: ticks of 4 ms, time in microseconds.
    struct Wound {
        clock: Clock,
        micros: u64,
        readings: Cell<u32>,
    }

    impl Wound {
        fn new() -> Self {
            Self { clock: Clock::new(), micros: 1_000_000, readings: Cell::new(0) }
        }

        /// A record that comes so many microseconds after the one before; how far it is behind.
        fn record_after(&mut self, micros: u64) -> u64 {
            self.micros += micros;
            let tick = || Some(self.micros / 4000);
            let exact = || {
                self.readings.set(self.readings.get() + 1);
                Duration::from_micros(self.micros)
            };
            let millis = self.clock.read(tick, exact);
            self.micros / 1000 - u64::try_from(millis).unwrap()
        }
    }

    #[test]
    fn in_a_burst_sixteen_records_share_a_reading_and_are_true_to_the_millisecond() {
        let mut wound = Wound::new();
        for _ in 0..16_000 {
            assert!(wound.record_after(1) <= 1);
        }
        assert!(wound.readings.get() < 1010, "{} readings", wound.readings.get());
    }

    #[test]
    fn records_that_come_slowly_have_a_reading_each() {
        let mut wound = Wound::new();
        for _ in 0..1000 {
            assert_eq!(wound.record_after(9), 0);
        }
        assert_eq!(wound.readings.get(), 1000);
    }

    #[test]
    fn after_a_pause_nothing_is_older_than_a_tick() {
        let mut random = fastrand::Rng::with_seed(5);
        let mut wound = Wound::new();
        for _ in 0..10_000 {
            for _ in 0..random.u32(..40) {
                wound.record_after(1);
            }
            let behind = wound.record_after(random.u64(..20_000));
            assert!(behind <= 4, "{behind} ms behind");
        }
    }

    #[test]
    fn a_clock_that_is_set_back_is_followed() {
        let mut wound = Wound::new();
        (0..100).for_each(|_| assert!(wound.record_after(1) <= 1));
        wound.micros -= 500_000;
        assert_eq!(wound.record_after(0), 0);
        assert_eq!(wound.record_after(1), 0);
    }

    #[test]
    fn where_there_are_no_ticks_nothing_is_shared() {
        let clock = Clock::new();
        let readings = Cell::new(0);
        for _ in 0..100 {
            clock.read(|| None, || Duration::from_micros(readings.replace(readings.get() + 1)));
        }
        assert_eq!(readings.get(), 100);
    }

    #[test]
    fn the_present_time_is_that_of_the_system() {
        let before = exact().as_millis();
        let now = u128::try_from(now()).unwrap();
        assert!(before <= now && now <= exact().as_millis());
    }
}
