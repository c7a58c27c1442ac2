//! What is known of the records of a batch one by one: how long each may live, which are gone.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;
use std::time::Duration;

use tokio::time::Instant;

/// A record's time to live, and when it is over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Life {
    pub(crate) ttl: Duration,
    pub(crate) ends: Instant,
}

impl Life {
    /// Of a record that was sent at `since`; without an end if the clock does not reach as far.
    pub(crate) fn new(ttl: Duration, since: Instant) -> Option<Self> {
        since.checked_add(ttl).map(|ends| Self { ttl, ends })
    }
}

/// The lives of a batch's records, by their indexes. Without a time to live and without losses it
/// is empty and allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct Lives(Option<Box<Known>>);

#[derive(Debug)]
struct Known {
    /// What the moments count from, in milliseconds: they take half the memory of an [`Instant`],
    /// and timers are no finer.
    since: Instant,
    /// When records end, the earliest first. As long as all have the same time to live each is
    /// pushed behind the others, which costs a comparison.
    ends: BinaryHeap<Reverse<(u32, u32)>>,
    /// The time to live from each of these records on; one entry if all have the same.
    ttls: Vec<(u32, Duration)>,
    /// All records before this one are gone.
    front: u32,
    /// A bit for each record that is gone, as far as any is.
    gone: Vec<u64>,
    count: u32,
}

/// Records that expired at the same time, by their time to live.
pub(super) type Expired = Vec<(Duration, Vec<u32>)>;

impl Lives {
    /// Takes in the record `index`, the last one.
    pub(super) fn add(&mut self, index: u32, life: Life) {
        let known = self.0.get_or_insert_with(|| Box::new(Known::new(Instant::now())));
        let left = life.ends.saturating_duration_since(known.since);
        // Rounded up: no record expires early. One that would live for seven weeks has its delivery
        // timeout before.
        let Ok(left) = u32::try_from(left.as_nanos().div_ceil(NANOS)) else { return };
        if known.ttls.last().is_none_or(|&(_, ttl)| ttl != life.ttl) {
            known.ttls.push((index, life.ttl));
        }
        known.ends.push(Reverse((left, index)));
    }

    /// When the next record expires.
    pub(super) fn next(&self) -> Option<Instant> {
        let known = self.0.as_ref()?;
        let Reverse((end, _)) = known.ends.peek()?;
        Some(known.moment(*end))
    }

    /// Whether a record has expired that is not among the gone yet.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.next().is_some_and(|next| next <= now)
    }

    /// Counts those that have expired among the gone and returns them, in order for each time to
    /// live.
    pub(super) fn expire(&mut self, now: Instant) -> Expired {
        let Some(known) = &mut self.0 else { return Expired::new() };
        let mut expired: Vec<(Duration, u32)> = Vec::new();
        while let Some(&Reverse((end, index))) = known.ends.peek() {
            if known.moment(end) > now {
                break;
            }
            known.ends.pop();
            if known.bury(index) {
                expired.push((known.ttl(index), index));
            }
        }
        known.tidy();
        expired.sort_unstable();
        let same = expired.chunk_by(|(ttl, _), (other, _)| ttl == other);
        same.filter_map(|same| {
            let (ttl, _) = same.first()?;
            Some((*ttl, same.iter().map(|(_, index)| *index).collect()))
        })
        .collect()
    }

    /// Counts all records before `until` among the gone; returns those that were not yet.
    pub(super) fn evict(&mut self, until: u32) -> Vec<Range<u32>> {
        let known = self.0.get_or_insert_with(|| Box::new(Known::new(Instant::now())));
        let evicted = known.living(until);
        for index in evicted.iter().cloned().flatten() {
            known.bury(index);
        }
        known.front = known.front.max(until);
        known.tidy();
        evicted
    }

    /// All records before this one are gone.
    pub(super) fn front(&self) -> u32 {
        self.0.as_ref().map_or(0, |known| known.front)
    }

    /// How many records are gone.
    pub(super) fn gone(&self) -> u32 {
        self.0.as_ref().map_or(0, |known| known.count)
    }

    /// The records that are not gone, of so many.
    pub(super) fn living(&self, count: u32) -> Vec<Range<u32>> {
        match &self.0 {
            Some(known) => known.living(count),
            None => std::iter::once(0..count).collect(),
        }
    }

    /// What is left to the records that are not gone, by their indexes; their time to live is only
    /// what they had at first.
    pub(super) fn by_index(&self) -> Vec<(u32, Life)> {
        let Some(known) = &self.0 else { return Vec::new() };
        let life = |&Reverse((end, index)): &Reverse<(u32, u32)>| {
            (index, Life { ttl: known.ttl(index), ends: known.moment(end) })
        };
        let mut lives: Vec<_> = known.ends.iter().map(life).collect();
        lives.sort_unstable_by_key(|(index, _)| *index);
        lives
    }

    /// Whether the record is among the gone.
    pub(super) fn is_gone(&self, index: u32) -> bool {
        self.0.as_ref().is_some_and(|known| known.is_gone(index))
    }

    /// The same lives in a batch that has only the `living` ones of these records.
    pub(super) fn compacted(self, living: &[Range<u32>]) -> Self {
        let Some(known) = self.0 else { return Self(None) };
        if known.ends.is_empty() {
            return Self(None);
        }
        let mut until = 0u32;
        let places: Vec<(u32, u32)> = living
            .iter()
            .map(|range| {
                let place = (range.start, until);
                until = until.saturating_add(range.end.saturating_sub(range.start));
                place
            })
            .collect();
        let moved = |index: u32| {
            let at = places.partition_point(|&(start, _)| start <= index).saturating_sub(1);
            let (start, place) = places.get(at).copied().unwrap_or_default();
            place.saturating_add(index.saturating_sub(start))
        };
        let mut compacted = Known::new(known.since);
        let alive = known.ends.iter().filter(|Reverse((_, index))| !known.is_gone(*index));
        compacted.ends = alive.map(|&Reverse((end, index))| Reverse((end, moved(index)))).collect();
        // A run of one time to live may have lost its first record, or all.
        for (at, &(from, ttl)) in known.ttls.iter().enumerate() {
            let until = known.ttls.get(at.saturating_add(1)).map_or(u32::MAX, |&(next, _)| next);
            let first = living.get(living.partition_point(|range| range.end <= from));
            if let Some(first) = first.map(|range| range.start.max(from)) {
                if first < until {
                    compacted.ttls.push((moved(first), ttl));
                }
            }
        }
        Self(Some(Box::new(compacted)))
    }
}

impl Known {
    const fn new(since: Instant) -> Self {
        Self {
            since,
            ends: BinaryHeap::new(),
            ttls: Vec::new(),
            front: 0,
            gone: Vec::new(),
            count: 0,
        }
    }

    fn moment(&self, end: u32) -> Instant {
        self.since + Duration::from_millis(end.into())
    }

    fn ttl(&self, index: u32) -> Duration {
        let at = self.ttls.partition_point(|&(from, _)| from <= index).saturating_sub(1);
        self.ttls.get(at).map(|&(_, ttl)| ttl).unwrap_or_default()
    }

    fn is_gone(&self, index: u32) -> bool {
        let (word, bit) = place(index);
        index < self.front || self.gone.get(word).is_some_and(|bits| bits & bit != 0)
    }

    /// Counts a record among the gone; whether it was not yet.
    fn bury(&mut self, index: u32) -> bool {
        if self.is_gone(index) {
            return false;
        }
        let (word, bit) = place(index);
        if self.gone.len() <= word {
            self.gone.resize(word.saturating_add(1), 0);
        }
        if let Some(bits) = self.gone.get_mut(word) {
            *bits |= bit;
        }
        self.count = self.count.saturating_add(1);
        true
    }

    /// Moves the front over what is gone, and forgets the ends of what is.
    fn tidy(&mut self) {
        while self.is_gone(self.front) {
            self.front = self.front.saturating_add(1);
        }
        while let Some(&Reverse((_, index))) = self.ends.peek() {
            if !self.is_gone(index) {
                break;
            }
            self.ends.pop();
        }
    }

    fn living(&self, count: u32) -> Vec<Range<u32>> {
        let mut ranges: Vec<Range<u32>> = Vec::new();
        for index in (self.front..count).filter(|&index| !self.is_gone(index)) {
            match ranges.last_mut() {
                Some(last) if last.end == index => last.end = index.saturating_add(1),
                _ => ranges.push(index..index.saturating_add(1)),
            }
        }
        ranges
    }
}

const fn place(index: u32) -> (usize, u64) {
    ((index / u64::BITS) as usize, 1 << (index % u64::BITS))
}

const NANOS: u128 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn life(millis: u64) -> Life {
        let ttl = Duration::from_millis(millis);
        Life::new(ttl, Instant::now()).unwrap()
    }

    fn after(millis: u64) -> Instant {
        Instant::now() + Duration::from_millis(millis)
    }

    #[tokio::test(start_paused = true)]
    async fn records_end_by_their_own_time_and_once() {
        let mut lives = Lives::default();
        assert_eq!((lives.next(), lives.gone(), lives.front()), (None, 0, 0));
        for (index, millis) in (0..).zip([30, 10, 10, 20]) {
            lives.add(index, life(millis));
        }
        assert!(lives.expire(after(9)).is_empty() && !lives.is_due(after(9)));
        let ms = Duration::from_millis;
        assert_eq!(lives.expire(after(10)), [(ms(10), vec![1, 2])]);
        assert_eq!((lives.next(), lives.gone(), lives.front()), (Some(after(20)), 2, 0));
        assert_eq!(lives.living(4), [0..1, 3..4]);
        assert_eq!(lives.expire(after(30)), [(ms(20), vec![3]), (ms(30), vec![0])]);
        assert_eq!((lives.next(), lives.gone(), lives.front()), (None, 4, 4));
        assert!(lives.expire(after(99)).is_empty() && lives.living(4).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_evicted_does_not_expire_as_well() {
        let mut lives = Lives::default();
        for index in 0..6 {
            lives.add(index, life(10 + u64::from(index % 2)));
        }
        assert_eq!(lives.expire(after(10)).len(), 1);
        assert_eq!(lives.evict(4), [1..2, 3..4]);
        assert_eq!((lives.gone(), lives.front()), (5, 5));
        assert_eq!(lives.expire(after(11)), [(Duration::from_millis(11), vec![5])]);
        assert_eq!(Lives::default().evict(3).len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_compacted_batch_keeps_the_ends_of_its_records() {
        let mut lives = Lives::default();
        for (index, millis) in (0..).zip([10, 50, 10, 10, 60, 60, 10, 70]) {
            lives.add(index, life(millis));
        }
        assert_eq!(lives.expire(after(10)).len(), 1);
        let living = lives.living(8);
        assert_eq!(living, [1..2, 4..6, 7..8]);
        let mut lives = lives.compacted(&living);
        let ms = Duration::from_millis;
        assert_eq!(lives.gone(), 0);
        assert_eq!(lives.expire(after(50)), [(ms(50), vec![0])]);
        assert_eq!(lives.expire(after(60)), [(ms(60), vec![1, 2])]);
        assert_eq!(lives.expire(after(70)), [(ms(70), vec![3])]);
    }

    #[tokio::test(start_paused = true)]
    async fn no_record_ends_early() {
        let mut lives = Lives::default();
        lives.add(0, life(0));
        let micros = Duration::from_micros;
        lives.add(1, Life::new(micros(1500), Instant::now()).unwrap());
        assert_eq!(lives.expire(Instant::now()).len(), 1);
        assert!(lives.expire(Instant::now() + micros(1500)).is_empty());
        assert_eq!(lives.expire(Instant::now() + micros(2000)).len(), 1);
        // Beyond seven weeks nothing is watched.
        lives.add(2, life(u64::from(u32::MAX) + 1));
        assert_eq!(lives.next(), None);
    }
}
