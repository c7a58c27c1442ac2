//! How large a topic's batches may become, so that they are full when they are sent: compressed,
//! and as large as its brokers take them.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use ottla_protocol::{compression::Compression, records::BATCH_HEADER_LEN};

use crate::config::{ProducerConfig, TopicConfig};

/// What is known of a topic's batches: how well its codec does, and what its brokers refused.
///
/// Read when a batch is begun and as it grows, written once for each batch: atomics without order,
/// since every one of them is a guess. What a batch really comes to is looked at before it is sent.
#[derive(Debug)]
pub(crate) struct Sizing {
    /// Bytes on the wire for each 65,536 bytes of records.
    ratio: AtomicU32,
    /// The most bytes of a batch on the wire.
    limit: AtomicUsize,
    /// The most bytes of a batch before it is compressed.
    most_raw: usize,
    compresses: bool,
}

impl Sizing {
    pub(crate) fn of(config: &ProducerConfig, topic: &TopicConfig) -> Self {
        let limit = config.max_batch_size;
        let share = (config.buffer_memory / SHARE_OF_MEMORY).max(limit);
        Self {
            ratio: AtomicU32::new(ONE),
            limit: AtomicUsize::new(limit),
            most_raw: limit.saturating_mul(MOST_EXPANSION).min(share).min(1 << 30),
            compresses: topic.compression != Compression::None,
        }
    }

    /// The most bytes of a batch on the wire.
    pub(crate) fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    /// The bytes of records at which a batch will probably have come to its limit on the wire.
    pub(crate) fn raw_limit(&self) -> usize {
        let limit = self.limit();
        if !self.compresses {
            return limit;
        }
        let ratio = u64::from(self.ratio.load(Ordering::Relaxed).max(1));
        let raw = (limit as u64).saturating_mul(ONE.into()) / ratio;
        usize::try_from(raw).unwrap_or(usize::MAX).min(self.most_raw)
    }

    /// What so many bytes of records will probably come to on the wire.
    pub(crate) fn on_the_wire(&self, raw: usize) -> usize {
        if !self.compresses {
            return raw;
        }
        let ratio = u64::from(self.ratio.load(Ordering::Relaxed));
        let wire = (raw as u64).saturating_mul(ratio) / u64::from(ONE);
        usize::try_from(wire).unwrap_or(usize::MAX)
    }

    /// A batch of `raw` bytes came to `wire` bytes.
    ///
    /// Worse than thought is believed at once, and a little more than that; better only by and by
    /// (as in the Java client's `CompressionRatioEstimator`): a batch that is too small costs
    /// little, one that is too large has to be compressed again.
    pub(crate) fn compressed(&self, raw: usize, wire: usize) {
        if raw < TELLING {
            return;
        }
        let seen = (wire as u64).saturating_mul(ONE.into()) / (raw as u64).max(1);
        let seen = u32::try_from(seen).unwrap_or(ONE).min(ONE);
        let thought = self.ratio.load(Ordering::Relaxed);
        let now = if seen >= thought {
            seen.saturating_add(seen / MARGIN).min(ONE)
        } else {
            // Towards what was seen with its margin, so that equal batches settle below the limit.
            let goal = seen.saturating_add(seen / MARGIN);
            if goal >= thought { thought } else { thought - ((thought - goal) / PATIENCE).max(1) }
        };
        self.ratio.store(now, Ordering::Relaxed);
    }

    /// The brokers refused a batch of `wire` bytes as too large (KIP-126). The next ones are half
    /// as large; what has been begun is split before it is sent.
    pub(crate) fn refused(&self, wire: usize) {
        let half = (wire / 2).max(LEAST_LIMIT);
        self.limit.fetch_min(half, Ordering::Relaxed);
    }
}

/// A ratio of one: what is sent is as large as the records are.
const ONE: u32 = 1 << 16;

/// How many times its limit a batch may have in records: readers have to inflate it whole.
const MOST_EXPANSION: usize = 8;

/// A single batch takes at most this part of the producer's memory.
const SHARE_OF_MEMORY: usize = 8;

/// Batches below this many bytes say nothing of larger ones: codecs need something to go on.
const TELLING: usize = 16 << 10;

/// What is added to a ratio that was seen, as a part of it: batches differ.
const MARGIN: u32 = 32;

/// A ratio that was thought worse than it is gets better by this part of the difference a batch.
const PATIENCE: u32 = 8;

/// No broker that means it takes less than this: below it batches are split one by one.
const LEAST_LIMIT: usize = 4 << 10;

const _: () = assert!(LEAST_LIMIT > BATCH_HEADER_LEN, "a batch has a header");

#[cfg(test)]
mod tests {
    use super::*;

    fn sizing(compression: Compression) -> Sizing {
        let config = ProducerConfig { compression, ..ProducerConfig::default() };
        Sizing::of(&config, &TopicConfig::of(&config, "any"))
    }

    #[test]
    fn without_a_codec_bytes_are_bytes() {
        let sizing = sizing(Compression::None);
        sizing.compressed(1 << 20, 1 << 10);
        assert_eq!((sizing.raw_limit(), sizing.on_the_wire(777)), (1_000_000, 777));
    }

    #[test]
    fn batches_grow_until_they_are_full_on_the_wire() {
        let sizing = sizing(Compression::Lz4);
        assert_eq!(sizing.raw_limit(), 1_000_000);
        for _ in 0..60 {
            let raw = sizing.raw_limit();
            let wire = raw / 4;
            assert!(wire <= 1_000_000);
            sizing.compressed(raw, wire);
        }
        let wire = sizing.raw_limit() / 4;
        assert!((930_000..=1_000_000).contains(&wire), "{wire}");
        assert_eq!(sizing.on_the_wire(sizing.raw_limit()) / 10_000, 99);
    }

    #[test]
    fn a_batch_is_bounded_however_well_it_compresses() {
        let sizing = sizing(Compression::Zstd);
        for _ in 0..1000 {
            sizing.compressed(1 << 20, 100);
        }
        assert_eq!(sizing.raw_limit(), 8_000_000);
        let config = ProducerConfig {
            compression: Compression::Zstd,
            buffer_memory: 16 << 20,
            ..ProducerConfig::default()
        };
        let small = Sizing::of(&config, &TopicConfig::of(&config, "any"));
        (0..1000).for_each(|_| small.compressed(1 << 20, 100));
        assert_eq!(small.raw_limit(), 2 << 20);
    }

    #[test]
    fn worse_is_believed_at_once_and_better_by_and_by() {
        let sizing = sizing(Compression::Gzip);
        sizing.compressed(1 << 20, 1 << 18);
        let after_one = sizing.on_the_wire(1000);
        assert!(after_one > 850, "{after_one}");
        (0..100).for_each(|_| sizing.compressed(1 << 20, 1 << 18));
        assert!(sizing.on_the_wire(1000) < 270);
        sizing.compressed(1 << 20, 1 << 20);
        assert_eq!(sizing.on_the_wire(1000), 1000);
        assert_eq!(sizing.raw_limit(), 1_000_000);
    }

    #[test]
    fn small_batches_say_nothing() {
        let sizing = sizing(Compression::Gzip);
        (0..100).for_each(|_| sizing.compressed(1 << 20, 1 << 18));
        let before = sizing.raw_limit();
        sizing.compressed(100, 110);
        assert_eq!(sizing.raw_limit(), before);
    }

    #[test]
    fn what_was_refused_is_not_tried_again() {
        let sizing = sizing(Compression::None);
        sizing.refused(600_000);
        assert_eq!((sizing.limit(), sizing.raw_limit()), (300_000, 300_000));
        sizing.refused(700_000);
        assert_eq!(sizing.limit(), 300_000);
        sizing.refused(10);
        assert_eq!(sizing.limit(), LEAST_LIMIT);
    }
}
