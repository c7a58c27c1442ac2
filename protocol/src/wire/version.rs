use std::fmt;

/// The version of an API that a message is written or read at, with what follows from it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Version {
    /// The API version's number.
    pub number: i16,
    /// Whether this version uses compact lengths and tagged fields (KIP-482).
    pub flexible: bool,
}

impl Version {
    /// The version `number` of an API whose versions from `flexible_from` on are flexible.
    #[must_use]
    pub const fn new(number: i16, flexible_from: i16) -> Self {
        Self { number, flexible: number >= flexible_from }
    }
}

/// An inclusive range of API versions; empty when `min` is above `max`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VersionRange {
    /// The lowest version.
    pub min: i16,
    /// The highest version; `i16::MAX` for a range without an end.
    pub max: i16,
}

impl VersionRange {
    /// A range that holds no version.
    pub const NONE: Self = Self { min: 1, max: 0 };

    /// The versions from `min` to `max`, both included.
    #[must_use]
    pub const fn new(min: i16, max: i16) -> Self {
        Self { min, max }
    }

    /// Whether `version` lies in this range.
    #[must_use]
    pub const fn contains(self, version: i16) -> bool {
        self.min <= version && version <= self.max
    }

    /// Whether no version lies in this range.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.min > self.max
    }

    /// How many versions lie in this range.
    #[must_use]
    pub const fn count(self) -> u16 {
        if self.is_empty() { 0 } else { self.max.abs_diff(self.min).saturating_add(1) }
    }

    /// The versions in both ranges, if there are any.
    #[must_use]
    pub fn intersect(self, other: Self) -> Option<Self> {
        let both = Self { min: self.min.max(other.min), max: self.max.min(other.max) };
        (!both.is_empty()).then_some(both)
    }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            f.write_str("none")
        } else if self.max == i16::MAX {
            write!(f, "{}+", self.min)
        } else {
            write!(f, "{}-{}", self.min, self.max)
        }
    }
}

impl fmt::Debug for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
