//! A Java consumer as a member of a group: `java/GroupMember.java`.

use std::time::Duration;

use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout},
    time::timeout,
};

use crate::{Kafka, LaunchError, java_client::program, tool::Tool};

/// What happened to a [`JavaMember`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MemberEvent {
    /// These partitions are its own now; those it had stay.
    Assigned(Vec<i32>),
    /// These partitions are going to others; it has committed what it got.
    Revoked(Vec<i32>),
    /// These partitions went to others without it.
    Lost(Vec<i32>),
    /// It got a record.
    Record {
        /// The record's partition.
        partition: i32,
        /// The record's offset.
        offset: i64,
    },
}

/// A Java consumer in a group, with the range assignor. It begins at the earliest record if the
/// group has committed nothing, and commits what it got after every poll. Dropping it kills it.
#[derive(Debug)]
pub struct JavaMember {
    child: Child,
    said: Lines<BufReader<ChildStdout>>,
}

impl Kafka {
    /// Starts a Java consumer that joins `group`.
    ///
    /// # Errors
    /// If Java cannot be run. That it cannot join is told by [`JavaMember::next`].
    pub fn java_member(&self, group: &str, topic: &str) -> Result<JavaMember, LaunchError> {
        let tool = Tool::new(program("GroupMember")).args([self.bootstrap(), topic, group]);
        let mut child = self.spawn(&tool)?;
        let output = child.stdout.take();
        let output = output.ok_or_else(|| LaunchError::Unreadable {
            what: "what a Java consumer says",
            text: "it has no output".to_owned(),
        })?;
        Ok(JavaMember { child, said: BufReader::new(output).lines() })
    }
}

impl JavaMember {
    /// Waits for the next event; `None` after the last one. It may be dropped and called again.
    ///
    /// # Errors
    /// [`LaunchError::Unreadable`].
    pub async fn next(&mut self) -> Result<Option<MemberEvent>, LaunchError> {
        let line = self.said.next_line().await;
        let line = line.map_err(LaunchError::io("read the output of", "GroupMember"))?;
        line.map(|line| read_line(&line)).transpose()
    }

    /// Lets it leave the group in good order; returns what happened until it had ended.
    ///
    /// # Errors
    /// [`LaunchError::ToolFailed`] or [`LaunchError::ToolTimedOut`] after a minute.
    pub async fn leave(mut self) -> Result<Vec<MemberEvent>, LaunchError> {
        // The end of its input is what it waits for.
        drop(self.child.stdin.take());
        let ending = async {
            let mut events = Vec::new();
            while let Some(event) = self.next().await? {
                events.push(event);
            }
            let status = self.child.wait().await;
            let status = status.map_err(LaunchError::io("wait for", "GroupMember"))?;
            if status.success() {
                return Ok(events);
            }
            let (class, said) = (program("GroupMember"), "see its standard error".to_owned());
            Err(LaunchError::ToolFailed { class, status: status.to_string(), said })
        };
        timeout(LIMIT, ending).await.unwrap_or_else(|_| {
            Err(LaunchError::ToolTimedOut { class: program("GroupMember"), waited: LIMIT })
        })
    }
}

fn read_line(line: &str) -> Result<MemberEvent, LaunchError> {
    let read = || {
        let (what, numbers) = line.split_once(' ').unwrap_or((line, ""));
        let all = numbers.split_whitespace().map(|number| number.parse().ok());
        let partitions = || all.collect::<Option<Vec<i32>>>();
        Some(match what {
            "assigned" => MemberEvent::Assigned(partitions()?),
            "revoked" => MemberEvent::Revoked(partitions()?),
            "lost" => MemberEvent::Lost(partitions()?),
            "record" => {
                let (partition, offset) = numbers.split_once(' ')?;
                let (partition, offset) = (partition.parse().ok()?, offset.parse().ok()?);
                MemberEvent::Record { partition, offset }
            }
            _ => return None,
        })
    };
    read().ok_or_else(|| LaunchError::Unreadable {
        what: "what a Java consumer says",
        text: line.to_owned(),
    })
}

const LIMIT: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read() {
        assert_eq!(read_line("assigned 0 12").unwrap(), MemberEvent::Assigned(vec![0, 12]));
        assert_eq!(read_line("revoked").unwrap(), MemberEvent::Revoked(vec![]));
        assert_eq!(read_line("lost 3").unwrap(), MemberEvent::Lost(vec![3]));
        let record = MemberEvent::Record { partition: 1, offset: 20 };
        assert_eq!(read_line("record 1 20").unwrap(), record);
        for bad in ["", "assigned x", "record 1", "record 1 x", "other 1"] {
            assert!(read_line(bad).is_err(), "{bad:?}");
        }
    }
}
