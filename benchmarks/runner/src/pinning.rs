//! Which processor runs what.

use std::path::Path;
use std::process::{Command, Stdio};

/// The processors of the broker and of the client.
#[derive(Clone, Copy, Debug)]
pub enum Pinning {
    Apart { broker: usize, client: usize },
    None { why: &'static str },
}

impl Pinning {
    /// One processor each, if there are two.
    pub fn choose(wanted: bool) -> Self {
        if !wanted {
            return Self::None { why: "nothing is pinned, as asked for" };
        }
        // Asked of the kernel: who was pinned himself sees one processor only, and may leave it.
        let probe =
            Command::new("taskset").args(["-c", "1", "true"]).stderr(Stdio::null()).status();
        match probe {
            Ok(status) if status.success() => Self::Apart { broker: 0, client: 1 },
            _ => Self::None { why: "nothing is pinned: taskset does not find a second processor" },
        }
    }

    pub const fn broker(&self) -> Option<usize> {
        match self {
            Self::Apart { broker, .. } => Some(*broker),
            Self::None { .. } => None,
        }
    }

    pub const fn client(&self) -> Option<usize> {
        match self {
            Self::Apart { client, .. } => Some(*client),
            Self::None { .. } => None,
        }
    }

    pub fn in_words(&self) -> String {
        match self {
            Self::Apart { broker, client } => {
                format!("broker pinned to processor {broker}, client to processor {client}")
            }
            Self::None { why } => (*why).to_owned(),
        }
    }
}

/// A command that runs on that processor only.
pub fn command(program: &Path, processor: Option<usize>) -> Command {
    match processor {
        None => Command::new(program),
        Some(processor) => {
            let mut command = Command::new("taskset");
            command.arg("-c").arg(processor.to_string()).arg(program);
            command
        }
    }
}
