//! Random messages for tests: reproducible from a seed, and only what a version can carry.

use std::fmt::Debug;

use bytes::Bytes;

use super::{Decode, Encode, SecretBytes, Version};
use crate::{ErrorCode, Uuid, records::Records, schema::Described};

/// A stream of numbers that is the same for the same seed (splitmix64).
#[derive(Debug)]
pub struct Gen {
    state: u64,
    sparse: bool,
}

impl Gen {
    /// The stream of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { state: seed, sparse: false }
    }

    /// The stream of a seed, for messages many of whose fields have their default.
    #[must_use]
    pub const fn sparse(seed: u64) -> Self {
        Self { state: seed, sparse: true }
    }

    /// Whether a message is to have something else than the default in its next field.
    pub fn fills(&mut self) -> bool {
        !self.sparse || self.one_in(3)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`, or zero.
    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.number() % (limit as u64).max(1)).unwrap_or(0)
    }

    /// Whether the one case in `n` has come.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// That many bytes.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.byte()).collect()
    }

    fn byte(&mut self) -> u8 {
        let [byte, ..] = self.number().to_be_bytes();
        byte
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.byte())
    }
}

/// A value that version `v` can carry; null only where `nullable`.
pub trait Arbitrary: Encode + Decode + Described + PartialEq + Debug + Default {
    /// Makes one.
    fn arbitrary(g: &mut Gen, v: Version, nullable: bool) -> Self;
}

macro_rules! numbers {
    ($($ty:ty),+) => {$(
        impl Arbitrary for $ty {
            fn arbitrary(g: &mut Gen, _: Version, _: bool) -> Self {
                let edges = [0, 1, Self::MIN, Self::MAX, Self::MAX - 1];
                let edge = edges.get(g.below(8)).copied();
                edge.unwrap_or_else(|| Self::from_be_bytes(g.array()))
            }
        }
    )+};
}

numbers!(i8, i16, u16, i32, u32, i64);

impl Arbitrary for f64 {
    /// Never one that is unequal to itself.
    fn arbitrary(g: &mut Gen, _: Version, _: bool) -> Self {
        let edges = [0.0, -0.0, 1.5, Self::MIN, Self::MAX, Self::INFINITY, Self::MIN_POSITIVE];
        let edge = edges.get(g.below(12)).copied();
        let value = edge.unwrap_or_else(|| Self::from_be_bytes(g.array()));
        if value.is_nan() { 0.1 } else { value }
    }
}

impl Arbitrary for bool {
    fn arbitrary(g: &mut Gen, _: Version, _: bool) -> Self {
        g.one_in(2)
    }
}

impl Arbitrary for ErrorCode {
    fn arbitrary(g: &mut Gen, v: Version, _: bool) -> Self {
        Self(i16::arbitrary(g, v, false))
    }
}

impl Arbitrary for Uuid {
    fn arbitrary(g: &mut Gen, _: Version, _: bool) -> Self {
        Self(g.array())
    }
}

impl Arbitrary for String {
    fn arbitrary(g: &mut Gen, _: Version, _: bool) -> Self {
        // Around 127 the compact length grows to a second byte.
        let length = if g.one_in(40) { 120 + g.below(20) } else { g.below(7) };
        let letters = ['a', '0', '-', 'ü', '√', '𐍈'];
        (0..length).filter_map(|_| letters.get(g.below(letters.len()))).collect()
    }
}

impl Arbitrary for Bytes {
    fn arbitrary(g: &mut Gen, _: Version, _: bool) -> Self {
        // The longest are spliced into the frame instead of copied.
        let length = if g.one_in(10) { 1000 + g.below(100) } else { g.below(7) };
        g.bytes(length).into()
    }
}

impl Arbitrary for SecretBytes {
    fn arbitrary(g: &mut Gen, v: Version, _: bool) -> Self {
        Bytes::arbitrary(g, v, false).into()
    }
}

impl Arbitrary for Records {
    fn arbitrary(g: &mut Gen, v: Version, _: bool) -> Self {
        let chunks = g.below(3);
        (0..chunks).map(|_| Bytes::arbitrary(g, v, false)).collect::<Vec<_>>().into()
    }
}

impl<T: Arbitrary> Arbitrary for Vec<T> {
    fn arbitrary(g: &mut Gen, v: Version, _: bool) -> Self {
        (0..g.below(4)).map(|_| T::arbitrary(g, v, false)).collect()
    }
}

impl<T> Arbitrary for Option<T>
where
    T: Arbitrary + super::EncodeNullable + super::DecodeNullable,
{
    fn arbitrary(g: &mut Gen, v: Version, nullable: bool) -> Self {
        (!(nullable && g.one_in(3))).then(|| T::arbitrary(g, v, false))
    }
}
