use std::sync::Arc;

use super::none::Uncompressed;
use super::{Codec, CodecMissing, Compression};

/// The codecs a client knows: ours for the enabled features, each replaceable.
///
/// Cloning is cheap; clones share the codecs and whatever state those keep for reuse.
#[derive(Clone, Debug)]
pub struct Codecs {
    by_id: [Option<Arc<dyn Codec>>; Compression::ALL.len()],
}

impl Codecs {
    /// No codec but the one that leaves records as they are.
    pub fn none() -> Self {
        let mut by_id = [const { None }; Compression::ALL.len()];
        by_id[0] = Some(Arc::new(Uncompressed) as Arc<dyn Codec>);
        Self { by_id }
    }

    /// Puts `codec` in place of the one that reads and writes the same format.
    #[must_use]
    pub fn with(mut self, codec: Arc<dyn Codec>) -> Self {
        let id = codec.compression();
        if let Some(slot) = self.by_id.get_mut(index(id)) {
            *slot = Some(codec);
        }
        self
    }

    /// The codec for `compression`; for [`Compression::None`] one that copies.
    ///
    /// # Errors
    /// [`CodecMissing`] if its feature is off and nothing took its place.
    pub fn get(&self, compression: Compression) -> Result<&dyn Codec, CodecMissing> {
        match self.by_id.get(index(compression)) {
            Some(Some(codec)) => Ok(codec.as_ref()),
            _ => Err(CodecMissing { compression, feature: compression.name() }),
        }
    }
}

impl Default for Codecs {
    fn default() -> Self {
        let codecs = Self::none();
        #[cfg(feature = "gzip")]
        let codecs = codecs.with(Arc::new(super::Gzip::default()));
        #[cfg(feature = "snappy")]
        let codecs = codecs.with(Arc::new(super::Snappy));
        #[cfg(feature = "lz4")]
        let codecs = codecs.with(Arc::new(super::Lz4));
        #[cfg(feature = "zstd")]
        let codecs = codecs.with(Arc::new(super::Zstd::default()));
        codecs
    }
}

fn index(compression: Compression) -> usize {
    usize::from(compression.id().unsigned_abs())
}
