//! The final form of a batch: compressed, and in as many pieces as it takes to stay in its limit.

use ottla_protocol::{
    compression::{Codec, CompressError, Compression},
    records::{ChunkPool, RawBatch, SealedBatch},
};

use crate::accumulator::Sizing;

/// What a batch is made into.
pub(super) struct Form<'a> {
    pub(super) codec: &'a dyn Codec,
    pub(super) level: Option<i32>,
    pub(super) sizing: &'a Sizing,
    pub(super) pool: &'a ChunkPool,
}

impl Form<'_> {
    /// The batch, in pieces if it is larger than its limit when it is compressed. A single record
    /// stays as large as it is.
    ///
    /// It may take milliseconds.
    pub(super) fn give(&self, raw: RawBatch) -> Result<Vec<SealedBatch>, CompressError> {
        self.give_all(vec![raw])
    }

    /// The batch in two pieces at least, where it has two records.
    pub(super) fn split(&self, raw: &RawBatch) -> Result<Vec<SealedBatch>, CompressError> {
        self.give_all(self.halves(raw))
    }

    /// `left` is a stack: what comes first in the partition is on its top.
    fn give_all(&self, mut left: Vec<RawBatch>) -> Result<Vec<SealedBatch>, CompressError> {
        let mut pieces = Vec::with_capacity(left.len());
        while let Some(raw) = left.pop() {
            let sealed = self.compress(&raw)?;
            if sealed.encoded_len() > self.sizing.limit() && raw.count() > 1 {
                left.extend(self.halves(&raw));
            } else {
                pieces.push(sealed);
            }
        }
        Ok(pieces)
    }

    fn compress(&self, raw: &RawBatch) -> Result<SealedBatch, CompressError> {
        if self.codec.compression() == Compression::None {
            return Ok(raw.clone().into());
        }
        let sealed = SealedBatch::compress(raw.clone(), self.codec, self.level)
            .map_err(|failed| failed.source)?;
        self.sizing.compressed(raw.encoded_len(), sealed.encoded_len());
        Ok(sealed)
    }

    /// The second half, and on top of it the first.
    fn halves(&self, raw: &RawBatch) -> Vec<RawBatch> {
        if raw.count() < 2 {
            return vec![raw.clone()];
        }
        let (front, back) = raw.split_at(raw.middle(), self.pool);
        vec![back, front]
    }
}
