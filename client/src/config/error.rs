//! What is wrong with a configuration.

use std::borrow::Cow;
use std::fmt;

/// Everything that is wrong with a configuration; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(Vec<ConfigError>);

/// A setting that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {fault}")]
pub struct ConfigError {
    /// The setting, under the name it was given by.
    pub setting: Cow<'static, str>,
    /// What is wrong with it.
    pub fault: ConfigFault,
}

/// What is wrong with a setting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigFault {
    /// It has no default and was not set.
    #[error("has to be set")]
    Missing,
    /// Its value is not one it can have.
    #[error("cannot be {value:?}: {expected}")]
    Invalid {
        /// The value given.
        value: String,
        /// What it should be.
        expected: Cow<'static, str>,
    },
    /// It cannot be together with another setting.
    #[error("contradicts {other}: {reason}")]
    Contradicts {
        /// The other setting.
        other: Cow<'static, str>,
        /// Why.
        reason: Cow<'static, str>,
    },
    /// There is no such setting.
    #[error("is not a setting{}", Nearest(*nearest))]
    Unknown {
        /// A setting whose name is nearly the same.
        nearest: Option<&'static str>,
    },
}

impl ConfigError {
    /// A setting that has to be set.
    #[must_use]
    pub fn missing(setting: impl Into<Cow<'static, str>>) -> Self {
        Self { setting: setting.into(), fault: ConfigFault::Missing }
    }

    /// A value that cannot be, and what it should be.
    #[must_use]
    pub fn invalid(
        setting: impl Into<Cow<'static, str>>,
        value: impl fmt::Display,
        expected: impl Into<Cow<'static, str>>,
    ) -> Self {
        let (value, expected) = (value.to_string(), expected.into());
        Self { setting: setting.into(), fault: ConfigFault::Invalid { value, expected } }
    }

    /// Two settings that cannot be together, and why.
    #[must_use]
    pub fn contradiction(
        setting: impl Into<Cow<'static, str>>,
        other: impl Into<Cow<'static, str>>,
        reason: impl Into<Cow<'static, str>>,
    ) -> Self {
        let (other, reason) = (other.into(), reason.into());
        Self { setting: setting.into(), fault: ConfigFault::Contradicts { other, reason } }
    }
}

impl ConfigErrors {
    /// `Ok` if nothing is wrong, else everything that is.
    ///
    /// # Errors
    /// When there is at least one error.
    pub fn unless_empty(errors: Vec<ConfigError>) -> Result<(), Self> {
        if errors.is_empty() { Ok(()) } else { Err(Self(errors)) }
    }

    /// What is wrong, in the order in which it was found.
    pub fn iter(&self) -> std::slice::Iter<'_, ConfigError> {
        self.0.iter()
    }
}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self(vec![error])
    }
}

impl<'a> IntoIterator for &'a ConfigErrors {
    type Item = &'a ConfigError;
    type IntoIter = std::slice::Iter<'a, ConfigError>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl std::error::Error for ConfigErrors {}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{error}")?;
        }
        Ok(())
    }
}

struct Nearest(Option<&'static str>);

impl fmt::Display for Nearest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |name| write!(f, "; do you mean {name}?"))
    }
}
