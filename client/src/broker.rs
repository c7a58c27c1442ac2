//! The number a broker is known by.

use std::fmt;

/// A broker's node id.
///
/// Ids the cluster gives out are zero or greater. Bootstrap addresses, whose brokers' ids are not
/// known before the first metadata answer, are numbered downwards from −1 in the order in which
/// they were configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BrokerId(pub i32);

impl BrokerId {
    /// The stand-in id of the bootstrap address at `index`.
    pub(crate) fn seed(index: usize) -> Self {
        Self(i32::try_from(index).map_or(i32::MIN, |index| -1 - index))
    }

    /// The index of the bootstrap address this id stands for.
    pub(crate) fn seed_index(self) -> Option<usize> {
        if self.0 >= 0 {
            return None;
        }
        usize::try_from(-1 - i64::from(self.0)).ok()
    }

    /// Whether this stands for a bootstrap address instead of a broker the cluster named.
    #[must_use]
    pub fn is_seed(self) -> bool {
        self.0 < 0
    }
}

impl fmt::Display for BrokerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.seed_index() {
            Some(index) => write!(f, "(bootstrap {index})"),
            None => write!(f, "{}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::BrokerId;

    #[test]
    fn seeds_are_negative_and_come_back() {
        for index in [0, 1, 7] {
            assert_eq!(BrokerId::seed(index).seed_index(), Some(index));
            assert!(BrokerId::seed(index).is_seed());
        }
        assert_eq!(BrokerId(0).seed_index(), None);
        assert_eq!(BrokerId::seed(1).to_string(), "(bootstrap 1)");
    }
}
