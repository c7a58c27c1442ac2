use std::sync::Arc;

use arc_swap::ArcSwap;

use super::{
    crc32,
    custom::Partitions,
    fnv1a, murmur2,
    random::Random,
    round_robin::RoundRobin,
    routes::{Route, Routes},
    settings::{Custom, HashedKeys, KeyHash, Keyless, Partitioner},
    sticky::{Queues, Sticky},
};
use crate::record::Record;

/// The partitioner of one topic at work.
///
/// Those that are built in take no lock and allocate nothing; the user's own is the only one that
/// is called through a pointer.
#[derive(Debug)]
pub(crate) struct Chooser {
    hash: KeyHash,
    hashed: HashedKeys,
    keyless: Spread,
    custom: Option<Custom>,
    routes: ArcSwap<Routes>,
}

#[derive(Debug)]
enum Spread {
    Sticky(Sticky),
    RoundRobin(RoundRobin),
    Random(Random),
}

/// A partition and why it was chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Choice {
    /// The record belongs there: its key, its sender or the user's partitioner says so.
    Fixed(usize),
    /// Any other would have done as well.
    Free(usize),
    /// The user's partitioner named one that is not there.
    Bad(i32),
}

impl Chooser {
    pub(crate) fn new(settings: &Partitioner, seed: u64) -> Self {
        let keyless = match settings.keyless {
            Keyless::Sticky => Spread::Sticky(Sticky::new(settings, seed)),
            Keyless::RoundRobin { records } => Spread::RoundRobin(RoundRobin::new(records, seed)),
            Keyless::Random => Spread::Random(Random::new(seed)),
        };
        Self {
            hash: settings.hash,
            hashed: settings.hashed,
            keyless,
            custom: settings.custom.clone(),
            routes: ArcSwap::default(),
        }
    }

    /// Whether choosing calls a function of the user's.
    pub(crate) const fn is_custom(&self) -> bool {
        self.custom.is_some()
    }

    /// How many partitions there are to choose among, once that is known.
    pub(crate) fn routed(&self) -> Option<usize> {
        let count = self.routes.load().partitions.len();
        (count > 0).then_some(count)
    }

    /// The partition of a record that states none, of `count` there are.
    #[inline]
    pub(crate) fn choose(
        &self,
        topic: &str,
        record: &Record<'_>,
        count: usize,
        queues: &impl Queues,
    ) -> Choice {
        if let Some(custom) = &self.custom {
            return self.ask(custom, topic, record, count);
        }
        let key = match (record.key, self.hashed) {
            (_, HashedKeys::None) | (None, HashedKeys::NotNull | HashedKeys::NotEmpty) => None,
            (None, HashedKeys::All) => Some(&[][..]),
            (Some(key), HashedKeys::NotEmpty) => Some(key).filter(|key| !key.is_empty()),
            (Some(key), _) => Some(key),
        };
        if let Some(key) = key {
            let hash = self.hash.of(key);
            return Choice::Fixed((hash as usize).checked_rem(count).unwrap_or(0));
        }
        let size = record.value.map_or(0, <[u8]>::len);
        Choice::Free(self.spread(size, count, queues))
    }

    /// The partition, of `count` there are, for so many bytes that may go anywhere.
    #[inline]
    pub(crate) fn spread(&self, size: usize, count: usize, queues: &impl Queues) -> usize {
        let picked = match &self.keyless {
            Spread::Sticky(sticky) => Some(sticky.pick(size, || self.routes.load_full(), queues)),
            Spread::RoundRobin(robin) => robin.pick(&self.routes.load().among),
            Spread::Random(random) => {
                let routes = self.routes.load();
                routes.among.get(random.below(routes.among.len())).copied()
            }
        };
        // `count` may be older than the choice, if the topic has grown just now.
        let picked = picked.map_or(0, |picked| picked as usize);
        if picked < count { picked } else { 0 }
    }

    /// The partitions that something speaks against, if there are others.
    pub(crate) fn left(&self) -> Vec<usize> {
        let routes = self.routes.load();
        let well = |route: &Route| route.led && route.healthy;
        if !routes.partitions.iter().any(well) {
            return Vec::new();
        }
        let ill = |(at, route)| if well(route) { None } else { Some(at) };
        (0..).zip(&routes.partitions).filter_map(ill).collect()
    }

    #[cold]
    fn ask(&self, custom: &Custom, topic: &str, record: &Record<'_>, count: usize) -> Choice {
        let routes = self.routes.load_full();
        let named = custom.0.choose(topic, record, &Partitions::of(&routes));
        match usize::try_from(named) {
            Ok(partition) if partition < count => Choice::Fixed(partition),
            _ => Choice::Bad(named),
        }
    }

    /// Takes in which partitions there are now to choose among.
    pub(crate) fn reroute(&self, routes: Routes, queues: &impl Queues) {
        let routes = Arc::new(routes);
        let before = self.routes.swap(Arc::clone(&routes));
        if let Spread::Sticky(sticky) = &self.keyless {
            if before.among != routes.among {
                sticky.rerouted(before.among.is_empty(), &routes, queues);
            }
        }
    }
}

impl KeyHash {
    #[inline]
    fn of(self, key: &[u8]) -> u32 {
        match self {
            // The sign bit is masked off rather than the hash negated, as Java's
            // `Utils.toPositive` does.
            Self::Murmur2 => murmur2::hash(key) & 0x7fff_ffff,
            Self::Crc32 => crc32::hash(key),
            Self::Fnv1a => fnv1a::hash(key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Waiting;
    use super::*;

    struct Idle;

    impl Queues for Idle {
        fn waiting(&self, _: u32) -> Waiting {
            Waiting::default()
        }
    }

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> =
            hex.chars().map(|digit| u8::try_from(digit.to_digit(16).unwrap()).unwrap()).collect();
        digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }

    fn chooser(settings: &Partitioner, count: usize) -> Chooser {
        let chooser = Chooser::new(settings, 1);
        let routes = vec![Route { led: true, healthy: true }; count];
        chooser.reroute(Routes::new(routes), &Idle);
        chooser
    }

    const COUNTS: [usize; 5] = [1, 4, 7, 12, 1000];

    /// Which partition of 1, 4, 7, 12 and 1000 Java's producer gives to keys: generated by
    /// `PartitionVectors.java`, by running `kafka-clients` itself.
    #[test]
    fn keys_go_where_java_sends_them() {
        let vectors = include_str!("vectors/java.txt").lines();
        let mut checked = 0;
        for line in vectors.filter_map(|line| line.strip_prefix("key x")) {
            let fields: Vec<&str> = line.split(' ').collect();
            let (key, hash) = (bytes(fields[0]), fields[1].parse::<i32>().unwrap());
            assert_eq!(murmur2::hash(&key), u32::from_ne_bytes(hash.to_ne_bytes()), "{line}");
            for (count, partition) in COUNTS.into_iter().zip(&fields[2..]) {
                let record = Record::tombstone(&key);
                let chosen =
                    chooser(&Partitioner::java(), count).choose("in", &record, count, &Idle);
                assert_eq!(chosen, Choice::Fixed(partition.parse().unwrap()), "{line}");
                checked += 1;
            }
        }
        assert_eq!(checked, 64 * 5);
    }

    /// Which partition librdkafka gives to keys by its partitioners, and which keys it spreads:
    /// generated by `partitions.py`, by producing with librdkafka itself.
    #[test]
    fn keys_go_where_librdkafka_sends_them() {
        let vectors = include_str!("vectors/librdkafka.txt").lines();
        let mut checked = 0;
        for line in vectors.filter(|line| !line.starts_with('#')) {
            let fields: Vec<&str> = line.split(' ').collect();
            let settings = match fields[0] {
                "consistent" => Partitioner::consistent(),
                "consistent_random" => Partitioner::consistent_random(),
                "murmur2" => Partitioner::murmur2(),
                "murmur2_random" => Partitioner::murmur2_random(),
                "fnv1a" => Partitioner::fnv1a(),
                "fnv1a_random" => Partitioner::fnv1a_random(),
                other => panic!("{other}"),
            };
            let key = fields[1].strip_prefix('x').map(bytes);
            for (count, partition) in COUNTS.into_iter().zip(&fields[2..]) {
                let record = Record { key: key.as_deref(), ..Record::default() };
                let chosen = chooser(&settings, count).choose("in", &record, count, &Idle);
                match (*partition, chosen) {
                    ("*", Choice::Free(_)) => {}
                    // Of one partition nobody can tell.
                    ("0", Choice::Free(0)) if count == 1 => {}
                    (partition, chosen) => {
                        assert_eq!(chosen, Choice::Fixed(partition.parse().unwrap()), "{line}");
                    }
                }
                checked += 1;
            }
        }
        assert_eq!(checked, 6 * 65 * 5);
    }

    #[test]
    fn keys_can_be_ignored() {
        let chooser = chooser(&Partitioner::uniform_sticky(), 12);
        let keys = (0..100u8).map(|key| [key]);
        let chosen: Vec<Choice> =
            keys.map(|key| chooser.choose("in", &Record::tombstone(&key), 12, &Idle)).collect();
        assert!(chosen.windows(2).all(|pair| pair[0] == pair[1]), "{chosen:?}");
        assert!(matches!(chosen[0], Choice::Free(_)));
    }

    #[test]
    fn round_robin_and_random_leave_out_what_is_not_there_to_choose() {
        let each = std::num::NonZeroU32::MIN;
        for settings in [Partitioner::round_robin(each), Partitioner::random()] {
            let chooser = chooser(&settings, 5);
            let route = |partition| Route { led: partition != 2, healthy: partition != 4 };
            chooser.reroute(Routes::new((0..5).map(route).collect()), &Idle);
            let mut chosen = [0u32; 5];
            for _ in 0..3000 {
                let choice = chooser.choose("in", &Record::value(b"x"), 5, &Idle);
                let Choice::Free(at) = choice else { panic!("{choice:?}") };
                chosen[at] += 1;
            }
            assert_eq!((chosen[2], chosen[4]), (0, 0), "{chosen:?}");
            assert!([0, 1, 3].iter().all(|&at| chosen[at] > 900), "{chosen:?}");
        }
    }

    #[test]
    fn the_users_own_sees_the_partitions_and_may_err() {
        let own = |topic: &str, record: &Record<'_>, partitions: &Partitions<'_>| {
            assert_eq!((topic, partitions.count()), ("in", 3));
            let available: Vec<i32> = partitions
                .iter()
                .filter(|partition| partition.is_available)
                .map(|partition| partition.partition)
                .collect();
            assert_eq!(available, [0, 2]);
            record.value.map_or(7, |value| i32::from(value[0]) - 1)
        };
        let chooser = Chooser::new(&Partitioner::custom(own), 1);
        let route = |partition| Route { led: true, healthy: partition != 1 };
        chooser.reroute(Routes::new((0..3).map(route).collect()), &Idle);
        let choose = |record| chooser.choose("in", &record, 3, &Idle);
        assert_eq!(choose(Record::value(&[3])), Choice::Fixed(2));
        assert_eq!(choose(Record::value(&[0])), Choice::Bad(-1));
        assert_eq!(choose(Record::tombstone(b"k")), Choice::Bad(7));
    }
}
