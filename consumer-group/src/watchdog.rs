//! A second look, for the case that nobody was told to look.

use std::time::Duration;

/// How long anything waits to be told before it looks by itself.
///
/// Everything here sleeps until somebody says that there may be something to do. If that is
/// forgotten somewhere, a consumer stands still for ever, which is the commonest complaint about
/// consumers. With this it stands still for so long, and says so in the log.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Says that something was there and nobody had said so: a bug.
pub(crate) fn report(what: &str) {
    tracing::error!(
        "lost wake-up: {what} had waited without anybody being told; please report this"
    );
}
