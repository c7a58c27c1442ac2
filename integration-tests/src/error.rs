//! What can go wrong while getting, starting and asking Kafka.

use std::{fmt, io, path::PathBuf, time::Duration};

/// Why Kafka, or one of its tools, could not do what was asked.
///
/// `Debug` prints the same sentence as `Display`: a test that unwraps it stays readable.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// There is no Java.
    #[error(
        "`{program}` was not found: Kafka needs a Java development kit, version 17 or newer. \
         Install one (Debian and Ubuntu: `apt-get install openjdk-17-jdk-headless`; Fedora: \
         `dnf install java-17-openjdk-devel`; macOS: `brew install openjdk@17`) and put it in PATH \
         or name it in JAVA_HOME"
    )]
    JavaMissing {
        /// What was looked for.
        program: String,
    },
    /// Java is too old for Kafka 4.
    #[error(
        "`{program}` is Java {found}: Kafka needs 17 or newer. Install a newer Java development \
         kit and put it first in PATH or name it in JAVA_HOME"
    )]
    JavaTooOld {
        /// The Java that was found.
        program: String,
        /// Its version.
        found: String,
    },
    /// Kafka's jars are not in the cache and there is no Maven to fetch them.
    #[error(
        "`mvn` was not found: Maven fetches Kafka's jars, once per version. Install it (Debian and \
         Ubuntu: `apt-get install maven`; Fedora: `dnf install maven`; macOS: `brew install maven`)"
    )]
    MavenMissing,
    /// Not the text of a version.
    #[error("`{text}` is not a version of Kafka; one looks like 4.3.1")]
    BadVersion {
        /// What was given.
        text: String,
    },
    /// Maven Central has no such Kafka.
    #[error("there is no Kafka {version}: {said}")]
    UnknownVersion {
        /// The version asked for.
        version: String,
        /// Maven's words.
        said: String,
    },
    /// Maven could not fetch the jars.
    #[error("Maven could not fetch the jars of Kafka {version}:\n{said}")]
    Fetch {
        /// The version asked for.
        version: String,
        /// Maven's words.
        said: String,
    },
    /// A file, a folder or a process could not be used.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A cluster of this many nodes makes no sense here.
    #[error("{nodes} nodes cannot be started; 1 to {most} can")]
    BadNodeCount {
        /// The number asked for.
        nodes: usize,
        /// The largest allowed.
        most: usize,
    },
    /// A node ended by itself.
    #[error("node {node} of Kafka ended while starting; the end of its log:\n{log}")]
    NodeEnded {
        /// The node.
        node: u32,
        /// The last lines it logged.
        log: String,
    },
    /// A node did not answer in time.
    #[error(
        "node {node} of Kafka was not ready after {waited:?} ({last}); the end of its log:\n{log}"
    )]
    NotReady {
        /// The node.
        node: u32,
        /// How long it was given.
        waited: Duration,
        /// What the last question got.
        last: String,
        /// The last lines it logged.
        log: String,
    },
    /// A node did not end in time.
    #[error("node {node} of Kafka still runs {waited:?} after it was told to end")]
    NotEnded {
        /// The node.
        node: u32,
        /// How long it was given.
        waited: Duration,
    },
    /// The cluster has no such node.
    #[error("there is no node {node}; the cluster has 1 to {nodes}")]
    NoSuchNode {
        /// The node asked for.
        node: u32,
        /// How many there are.
        nodes: usize,
    },
    /// The node is already up.
    #[error("node {node} runs already")]
    NodeRuns {
        /// The node.
        node: u32,
    },
    /// The node is down.
    #[error("node {node} does not run")]
    NodeDown {
        /// The node.
        node: u32,
    },
    /// There is a cluster in that folder.
    #[error("there is a cluster in {} already; `down` removes it", folder.display())]
    AlreadyUp {
        /// Its folder.
        folder: PathBuf,
    },
    /// There is no cluster in that folder.
    #[error("there is no cluster in {}; `up` starts one", folder.display())]
    NotUp {
        /// The folder looked in.
        folder: PathBuf,
    },
    /// The cluster came from `BOOTSTRAP_SERVERS`: its nodes are somebody else's.
    #[error("the cluster at {bootstrap} was not started here, so its nodes cannot be controlled")]
    NotOurs {
        /// Its address.
        bootstrap: String,
    },
    /// A Java tool failed.
    #[error("{class} failed ({status}):\n{said}")]
    ToolFailed {
        /// The tool.
        class: String,
        /// How it ended.
        status: String,
        /// The end of what it printed.
        said: String,
    },
    /// A Java tool did not end in time.
    #[error("{class} was ended after {waited:?} without a result")]
    ToolTimedOut {
        /// The tool.
        class: String,
        /// How long it was given.
        waited: Duration,
    },
    /// A Java tool, or a file of ours, said something that cannot be read.
    #[error("{what} is not understood: {text:?}")]
    Unreadable {
        /// What was read.
        what: &'static str,
        /// The text.
        text: String,
    },
}

impl LaunchError {
    /// Whether something has to be installed first.
    #[must_use]
    pub fn is_missing_program(&self) -> bool {
        matches!(self, Self::JavaMissing { .. } | Self::JavaTooOld { .. } | Self::MavenMissing)
    }

    /// A function for `map_err` that keeps what was tried and on what.
    pub(crate) fn io(
        what: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { what, path, source }
    }
}

impl fmt::Debug for LaunchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
