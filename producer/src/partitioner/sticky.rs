use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::{routes::Routes, settings::Partitioner, weights::Weights};

/// Sends records without a key to one partition until enough bytes went there, then to another,
/// chosen at random (KIP-480, KIP-794): full batches, and an even spread over time.
#[derive(Debug)]
pub(super) struct Sticky {
    current: AtomicU32,
    /// What has gone to it.
    bytes: AtomicUsize,
    stay: usize,
    adaptive: bool,
    availability_timeout: Option<Duration>,
    choice: Mutex<Choice>,
}

#[derive(Debug)]
struct Choice {
    random: fastrand::Rng,
    /// Among which partitions, and with which chances; looked up again when it is old.
    loads: Option<Loads>,
}

#[derive(Debug)]
struct Loads {
    seen: Instant,
    partitions: Vec<u32>,
    /// None if all are alike.
    weights: Option<Weights>,
}

/// What waits in front of partitions, for whoever wants to prefer the idle ones.
pub(crate) trait Queues {
    fn waiting(&self, partition: u32) -> Waiting;
}

/// What waits in front of a partition.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Waiting {
    /// Bytes that have not been sent.
    pub(crate) bytes: usize,
    /// Since when its broker could not be sent to although there was something to send.
    pub(crate) blocked_since: Option<Instant>,
}

/// What a record without value weighs, so that tombstones and empty records move on too.
const OVERHEAD: usize = 16;

/// How long a look at the queues holds: it costs a lock for each partition, and a thousand of them
/// must not cost the senders anything. Java looks with every round of its sender.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

impl Sticky {
    pub(super) fn new(settings: &Partitioner, seed: u64) -> Self {
        let choice = Choice { random: fastrand::Rng::with_seed(seed), loads: None };
        Self {
            current: AtomicU32::new(0),
            bytes: AtomicUsize::new(0),
            stay: settings.stickiness,
            adaptive: settings.adaptive,
            availability_timeout: settings.availability_timeout,
            choice: Mutex::new(choice),
        }
    }

    /// The partition for a record of `size` bytes.
    #[inline]
    pub(super) fn pick(
        &self,
        size: usize,
        routes: impl FnOnce() -> std::sync::Arc<Routes>,
        queues: &impl Queues,
    ) -> u32 {
        let weight = size.saturating_add(OVERHEAD);
        if self.bytes.fetch_add(weight, Ordering::Relaxed) >= self.stay {
            self.stayed(&routes(), queues);
        }
        self.current()
    }

    #[inline]
    fn current(&self) -> u32 {
        self.current.load(Ordering::Relaxed)
    }

    #[cold]
    fn stayed(&self, routes: &Routes, queues: &impl Queues) {
        let mut choice = self.choice.lock();
        // Another sender may have moved on while this one waited for the lock.
        if self.bytes.load(Ordering::Relaxed) >= self.stay {
            self.move_on(&mut choice, routes, queues);
        }
    }

    /// There are other partitions to choose among: leaves one that is no longer of them.
    pub(super) fn rerouted(&self, first: bool, routes: &Routes, queues: &impl Queues) {
        let mut choice = self.choice.lock();
        choice.loads = None;
        if first || !routes.among.contains(&self.current()) {
            self.move_on(&mut choice, routes, queues);
        }
    }

    fn move_on(&self, choice: &mut Choice, routes: &Routes, queues: &impl Queues) {
        self.bytes.store(0, Ordering::Relaxed);
        let Choice { random, loads } = choice;
        if !self.adaptive {
            if let Some(next) = self.other(random, &routes.among) {
                self.current.store(next, Ordering::Relaxed);
            }
            return;
        }
        let now = Instant::now();
        if loads
            .as_ref()
            .is_none_or(|loads| now.saturating_duration_since(loads.seen) >= LOOK_AGAIN)
        {
            *loads = Some(self.look(now, routes, queues));
        }
        let Some(loads) = loads else { return };
        let next = match &loads.weights {
            None => self.other(random, &loads.partitions),
            Some(weights) => {
                let place = weights.place(random.u64(..weights.total().max(1)));
                loads.partitions.get(place).copied()
            }
        };
        if let Some(next) = next {
            self.current.store(next, Ordering::Relaxed);
        }
    }

    /// One of the others, all alike: a partition that follows itself gets twice the bytes in a row.
    fn other(&self, random: &mut fastrand::Rng, among: &[u32]) -> Option<u32> {
        let present = among.iter().position(|&other| other == self.current());
        let others = among.len().saturating_sub(usize::from(present.is_some()));
        if others == 0 {
            return None;
        }
        let drawn = random.usize(..others);
        let skip = usize::from(present.is_some_and(|present| drawn >= present));
        among.get(drawn.saturating_add(skip)).copied()
    }

    /// Looks at what waits: in units of what goes to a partition in a row, as Java counts batches.
    fn look(&self, seen: Instant, routes: &Routes, queues: &impl Queues) -> Loads {
        let looked = routes.among.iter().map(|&partition| (partition, queues.waiting(partition)));
        let looked: Vec<(u32, Waiting)> = looked.collect();
        let blocked = |waiting: &Waiting| {
            let since = waiting.blocked_since.map(|since| seen.saturating_duration_since(since));
            self.availability_timeout.zip(since).is_some_and(|(timeout, since)| since >= timeout)
        };
        let all_blocked = looked.iter().all(|(_, waiting)| blocked(waiting));
        let left = looked.iter().filter(|(_, waiting)| all_blocked || !blocked(waiting));
        let unit = self.stay.max(1);
        let (partitions, sizes): (Vec<u32>, Vec<u64>) = left
            .map(|(at, waiting)| (*at, waiting.bytes.checked_div(unit).unwrap_or(0) as u64))
            .unzip();
        let alike = sizes.windows(2).all(|pair| pair.first() == pair.last());
        Loads { seen, partitions, weights: (!alike).then(|| Weights::of(&sizes)) }
    }
}

#[cfg(test)]
mod tests;
