//! What should become of a record whose handler failed.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

/// Any error, as handlers return it.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// What should become of a record whose handler failed.
///
/// A handler's error type is anything that turns into this. [`BoxError`] does, as
/// [`Failure::Error`], and so `?` works on any error in a handler that returns
/// `Result<Emit, BoxError>`. `Failure` is itself an error and survives the way through a
/// `BoxError`: `return Err(Failure::Skip.into())` skips the record there too.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure {
    /// It went wrong, and the handler does not say what should follow: the record is tried again
    /// with backoff, up to the number of attempts in the
    /// [`RetryPolicy`](crate::RetryPolicy), and then comes to its
    /// [`Exhausted`](crate::Exhausted) end.
    Error(BoxError),
    /// Try again, at a time of the handler's choosing. Counts as an attempt.
    Retry(When),
    /// Do not try again: write the record to the dead-letter topic. Without such a topic the
    /// processor stops.
    DeadLetter(Cause),
    /// Do not try again and write nothing: the record is done.
    Skip,
    /// Do not try again by itself: keep the record, and what waits behind it, until
    /// [`ProcessorHandle::unpark`](crate::ProcessorHandle::unpark).
    Park,
    /// Stop the processor, which returns this error. The record is not done: whoever gets the
    /// partition next receives it again.
    Stop(BoxError),
}

/// When a record is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum When {
    /// After the backoff of the [`RetryPolicy`](crate::RetryPolicy).
    Backoff,
    /// After this long.
    After(Duration),
    /// At this time.
    At(Instant),
}

/// Why a record was given up: what a dead letter says about it.
#[derive(Debug)]
pub struct Cause(BoxError);

impl Failure {
    /// A failure that leaves the decision to the processor, from anything that is an error or a
    /// message.
    pub fn error(error: impl Into<BoxError>) -> Self {
        Self::Error(error.into())
    }

    /// A failure that stops the processor.
    pub fn stop(error: impl Into<BoxError>) -> Self {
        Self::Stop(error.into())
    }

    /// A failure that sends the record to the dead-letter topic.
    pub fn dead_letter(cause: impl Into<BoxError>) -> Self {
        Self::DeadLetter(Cause(cause.into()))
    }
}

impl Cause {
    /// The error behind it.
    pub fn into_inner(self) -> BoxError {
        self.0
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(_) => f.write_str("the handler failed"),
            Self::Retry(When::Backoff) => f.write_str("the handler asked for a retry"),
            Self::Retry(When::After(delay)) => {
                write!(f, "the handler asked for a retry after {delay:?}")
            }
            Self::Retry(When::At(_)) => f.write_str("the handler asked for a retry at a set time"),
            Self::DeadLetter(_) => f.write_str("the handler rejected the record"),
            Self::Skip => f.write_str("the handler skipped the record"),
            Self::Park => f.write_str("the handler parked the record"),
            Self::Stop(_) => f.write_str("the handler stopped the processor"),
        }
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Error(error) | Self::Stop(error) | Self::DeadLetter(Cause(error)) => {
                Some(&**error)
            }
            _ => None,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<BoxError> for Failure {
    fn from(error: BoxError) -> Self {
        match error.downcast::<Self>() {
            Ok(failure) => *failure,
            Err(error) => Self::Error(error),
        }
    }
}

impl<E: Into<BoxError>> From<E> for Cause {
    fn from(cause: E) -> Self {
        Self(cause.into())
    }
}

/// Errors of std that handlers return as they are.
macro_rules! failure_from {
    ($($error:ty),+ $(,)?) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::Error(error.into())
            }
        })+
    };
}

failure_from!(
    std::io::Error,
    std::fmt::Error,
    std::num::ParseIntError,
    std::num::ParseFloatError,
    std::num::TryFromIntError,
    std::str::Utf8Error,
    std::string::FromUtf8Error,
    tokio::task::JoinError,
    tokio::time::error::Elapsed,
    String,
    &'static str,
);

impl From<std::convert::Infallible> for Failure {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_survives_a_box() {
        let boxed: BoxError = Failure::Skip.into();
        assert!(matches!(Failure::from(boxed), Failure::Skip));
        let boxed: BoxError = "no".into();
        assert!(matches!(Failure::from(boxed), Failure::Error(error) if error.to_string() == "no"));
    }

    #[test]
    fn the_question_mark_works_on_any_error() {
        fn parse(text: &str) -> Result<u32, BoxError> {
            Ok(text.parse()?)
        }
        assert!(matches!(Failure::from(parse("x").unwrap_err()), Failure::Error(_)));
    }
}
