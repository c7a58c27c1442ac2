//! The version of Kafka to run.

use std::{env, fmt, str::FromStr};

use crate::LaunchError;

/// A version of Kafka as Maven Central names it, such as `4.3.1`.
///
/// It is checked when made: it becomes part of a path and of an XML file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(String);

impl Version {
    /// The version that `OTTLA_KAFKA_VERSION` asks for, or the pinned default.
    ///
    /// # Errors
    /// [`LaunchError::BadVersion`] if the variable holds something else than a version.
    pub fn wanted() -> Result<Self, LaunchError> {
        env::var("OTTLA_KAFKA_VERSION").map_or_else(|_| Ok(Self::default()), |text| text.parse())
    }

    /// The version as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Kafka moved from log4j 1 to log4j 2 with 4.0, and its jars no longer bring a logger.
    pub(crate) fn brings_logger(&self) -> bool {
        self.0.starts_with("3.") || self.0.starts_with("2.")
    }
}

impl Default for Version {
    fn default() -> Self {
        Self(PINNED.to_owned())
    }
}

impl FromStr for Version {
    type Err = LaunchError;

    fn from_str(text: &str) -> Result<Self, LaunchError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
        if text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(LaunchError::BadVersion { text: text.to_owned() })
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The newest version whose tools are published.
const PINNED: &str = "4.3.1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_versions_are_versions() {
        assert_eq!("3.9.2".parse::<Version>().unwrap().as_str(), "3.9.2");
        assert_eq!("4.4.0-rc1".parse::<Version>().unwrap().as_str(), "4.4.0-rc1");
        for bad in ["", "latest", "../4", "4.3.1/..", "4<", "-4"] {
            assert!(bad.parse::<Version>().is_err(), "{bad:?}");
        }
    }
}
