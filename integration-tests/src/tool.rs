//! Runs a Java program against a cluster and collects what it prints.

use std::{ffi::OsString, process::Stdio, time::Duration};

use tokio::{
    io::AsyncWriteExt,
    process::{Child, Command},
    time::timeout,
};

use crate::{Jars, Java, LaunchError, java::TOOL_HEAP_MIB};

/// One run of a Java program. It is killed if the future that runs it is dropped.
#[derive(Debug)]
pub(crate) struct Tool {
    /// A class of Kafka's jars, or the path of a source file that Java compiles in memory.
    class: String,
    arguments: Vec<OsString>,
    input: String,
    limit: Duration,
}

impl Tool {
    pub(crate) fn new(class: impl Into<String>) -> Self {
        Self { class: class.into(), arguments: Vec::new(), input: String::new(), limit: LIMIT }
    }

    pub(crate) fn args<A: Into<OsString>>(mut self, more: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(more.into_iter().map(Into::into));
        self
    }

    /// What it reads from its standard input; nothing if not set.
    pub(crate) fn input(mut self, text: String) -> Self {
        self.input = text;
        self
    }

    /// When it is killed; after a minute if not set.
    pub(crate) fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Starts it, its input and output being pipes; its limit is the caller's to keep.
    pub(crate) fn spawn(
        &self,
        java: &Java,
        jars: &Jars,
        errors: Stdio,
    ) -> Result<Child, LaunchError> {
        let (program, options) = java.program_and_options(TOOL_HEAP_MIB);
        let mut command = Command::new(&program);
        command
            .args(options)
            // A tool ends before the optimising compiler would have paid for itself.
            .arg("-XX:TieredStopAtLevel=1")
            .args(["-cp", &jars.class_path(), &self.class])
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .kill_on_drop(true);
        command.spawn().map_err(LaunchError::io("run", program))
    }

    /// Runs it and returns what it printed on its standard output.
    pub(crate) async fn run(self, java: &Java, jars: &Jars) -> Result<String, LaunchError> {
        let mut child = self.spawn(java, jars, Stdio::piped())?;
        let pipe = child.stdin.take();
        let feed = async {
            if let Some(mut pipe) = pipe {
                // A tool that does not read all of it says why in its own words.
                let _ = pipe.write_all(self.input.as_bytes()).await;
            }
        };
        let both = async { tokio::join!(feed, child.wait_with_output()).1 };
        let Ok(output) = timeout(self.limit, both).await else {
            return Err(LaunchError::ToolTimedOut { class: self.class, waited: self.limit });
        };
        let output = output.map_err(LaunchError::io("read the output of", &self.class))?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(printed);
        }
        let said = printed + &String::from_utf8_lossy(&output.stderr);
        let status = output.status.to_string();
        Err(LaunchError::ToolFailed { class: self.class, status, said: tail(&said, 20) })
    }
}

/// The last `lines` lines of `text`.
pub(crate) fn tail(text: &str, lines: usize) -> String {
    let all: Vec<_> = text.lines().collect();
    let skipped = all.len().saturating_sub(lines);
    all.get(skipped..).unwrap_or_default().join("\n")
}

const LIMIT: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_the_end() {
        assert_eq!(tail("a\nb\nc\n", 2), "b\nc");
        assert_eq!(tail("a", 2), "a");
        assert_eq!(tail("", 2), "");
    }
}
