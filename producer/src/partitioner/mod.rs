//! Which partition a record goes to when it does not say: as the Java client decides.

mod murmur2;
mod sticky;

pub(crate) use sticky::Sticky;

/// The partition for a key among `count`: Java's, so that producers in both languages agree.
pub(crate) fn by_key(key: &[u8], count: usize) -> usize {
    // The sign bit is masked off rather than the hash negated, as Java's `Utils.toPositive` does.
    let hash = murmur2::hash(key) & 0x7fff_ffff;
    (hash as usize).checked_rem(count).unwrap_or(0)
}
