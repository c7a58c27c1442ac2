use super::{Compression, DecompressError};

/// The output of one `decompress`: it knows its limit, and makes room no further than that.
#[derive(Debug)]
pub(super) struct Inflating<'a> {
    out: &'a mut Vec<u8>,
    compression: Compression,
    limit: usize,
}

impl<'a> Inflating<'a> {
    /// Runs `inflate` over `out`. If it fails, `out` gets its old length back; if it succeeds, what was reserved in
    /// vain is given back, since the records (and with them the whole allocation) may be kept for long.
    pub(super) fn run(
        compression: Compression,
        limit: usize,
        out: &'a mut Vec<u8>,
        inflate: impl FnOnce(&mut Inflating<'_>) -> Result<(), DecompressError>,
    ) -> Result<(), DecompressError> {
        let (length, capacity) = (out.len(), out.capacity());
        let mut inflating = Inflating { out: &mut *out, compression, limit };
        let result = inflate(&mut inflating).and_then(|()| inflating.check_limit());
        debug_assert!(
            out.capacity() <= capacity.max(limit.saturating_add(SLACK)),
            "invariant: no codec reserves past the limit: {} for {limit}",
            out.capacity()
        );
        if result.is_err() {
            out.truncate(length);
        }
        if out.capacity() - out.len() > out.len() / WASTE {
            out.shrink_to(capacity);
        }
        result
    }

    /// How many bytes more the limit allows.
    pub(super) fn room(&self) -> usize {
        self.limit.saturating_sub(self.out.len())
    }

    /// What was there before and what is inflated so far.
    #[cfg(any(feature = "gzip", feature = "lz4", feature = "zstd"))]
    pub(super) fn bytes(&mut self) -> &mut Vec<u8> {
        self.out
    }

    /// Makes room for `additional` bytes if the limit allows, doubling the capacity as long as the limit allows that.
    pub(super) fn reserve(&mut self, additional: usize) -> Result<(), DecompressError> {
        if additional > self.room() {
            return Err(self.too_large());
        }
        let length = self.out.len();
        if self.out.capacity() - length < additional {
            let capacity = (length + additional).max(length.saturating_mul(2)).min(self.limit);
            self.out.reserve_exact(capacity - length);
        }
        Ok(())
    }

    /// Makes room for at least one byte; for `step` bytes, or as many as the limit allows, if it must grow.
    #[cfg(feature = "gzip")]
    pub(super) fn reserve_some(&mut self, step: usize) -> Result<(), DecompressError> {
        if self.out.len() < self.out.capacity() {
            return Ok(());
        }
        self.reserve(step.min(self.room()).max(1))
    }

    /// Appends `length` zeros and returns them, for a codec to write over.
    #[cfg(any(feature = "snappy", feature = "lz4"))]
    pub(super) fn zeros(&mut self, length: usize) -> Result<&mut [u8], DecompressError> {
        self.reserve(length)?;
        let start = self.out.len();
        self.out.resize(start + length, 0);
        Ok(self.out.get_mut(start..).unwrap_or_default())
    }

    /// Appends `bytes`.
    pub(super) fn extend(&mut self, bytes: &[u8]) -> Result<(), DecompressError> {
        self.reserve(bytes.len())?;
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    /// Fails if the output is past its limit.
    pub(super) fn check_limit(&self) -> Result<(), DecompressError> {
        if self.out.len() > self.limit { Err(self.too_large()) } else { Ok(()) }
    }

    pub(super) fn too_large(&self) -> DecompressError {
        DecompressError::TooLarge { compression: self.compression, limit: self.limit }
    }
}

#[cfg(any(feature = "gzip", feature = "snappy", feature = "lz4", feature = "zstd"))]
impl Inflating<'_> {
    pub(super) fn corrupt(&self, reason: &'static str) -> DecompressError {
        DecompressError::Corrupt { compression: self.compression, reason, source: None }
    }

    pub(super) fn corrupt_because(
        &self,
        reason: &'static str,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> DecompressError {
        let source: Option<Box<dyn std::error::Error + Send + Sync>> = Some(Box::new(source));
        DecompressError::Corrupt { compression: self.compression, reason, source }
    }
}

/// Reserved bytes are given back if they are more than this part (one in so many) of the length.
const WASTE: usize = 4;

/// How far a codec may reserve past the limit: a block of zstd, since its decoder asks for a whole one.
const SLACK: usize = (128 << 10) + 64;
