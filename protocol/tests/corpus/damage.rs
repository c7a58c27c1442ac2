//! Files of the corpus with something changed in them.

/// The same with some bytes changed, and its checksums made right again, so that what lies behind
/// them is reached.
pub(crate) fn damaged(whole: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len());
        bytes[at] = match random.below(4) {
            0 => bytes[at] ^ (1 << random.below(8)),
            1 => 0xff,
            2 => 0,
            _ => u8::try_from(random.below(256)).unwrap(),
        };
    }
    seal(&mut bytes);
    bytes
}

/// Makes the checksums right of all batches that can be found.
fn seal(bytes: &mut [u8]) {
    let mut rest = bytes;
    while rest.len() > 21 {
        let length = i32::from_be_bytes(rest[8..12].try_into().unwrap());
        let end = usize::try_from(length).map_or(usize::MAX, |length| length.saturating_add(12));
        if end > rest.len() || end < 26 {
            return;
        }
        let (batch, after) = rest.split_at_mut(end);
        if batch[16] < 2 {
            let crc = crc32fast::hash(&batch[16..]);
            batch[12..16].copy_from_slice(&crc.to_be_bytes());
        } else {
            let crc = crc32c::crc32c(&batch[21..]);
            batch[17..21].copy_from_slice(&crc.to_be_bytes());
        }
        rest = after;
    }
}

/// The same numbers each time.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}
