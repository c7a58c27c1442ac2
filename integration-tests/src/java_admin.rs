//! Java's admin client, kept running: `java/Administrator.java`.

use std::time::Duration;

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout},
    time::timeout,
};

use crate::{Kafka, LaunchError, java_client::program, tool::Tool};

/// Asks and changes a cluster while things go wrong in it, without a JVM for each question.
///
/// Every question is answered, or fails, within a minute. Dropping it ends it.
#[derive(Debug)]
pub struct JavaAdmin {
    _child: Child,
    orders: ChildStdin,
    said: Lines<BufReader<ChildStdout>>,
}

impl Kafka {
    /// Starts Java's admin client.
    ///
    /// # Errors
    /// If Java cannot be run.
    pub fn java_admin(&self) -> Result<JavaAdmin, LaunchError> {
        let mut child = self.spawn(&Tool::new(program(NAME)).args([self.bootstrap()]))?;
        let pipes = (child.stdin.take(), child.stdout.take());
        let (Some(orders), Some(output)) = pipes else {
            return Err(unreadable("it has no input or no output"));
        };
        Ok(JavaAdmin { _child: child, orders, said: BufReader::new(output).lines() })
    }
}

impl JavaAdmin {
    /// The smallest number of copies in sync of all partitions of these topics.
    ///
    /// # Errors
    /// [`LaunchError::ToolFailed`] in the words of Java; so it is for all methods.
    pub async fn in_sync(&mut self, topics: &[&str]) -> Result<u32, LaunchError> {
        self.number(&format!("in-sync {}", topics.join(" "))).await
    }

    /// Makes a node lead a partition. It may fail if that node is not in sync.
    ///
    /// # Errors
    /// See [`JavaAdmin::in_sync`].
    pub async fn move_leader(
        &mut self,
        topic: &str,
        partition: i32,
        node: u32,
    ) -> Result<(), LaunchError> {
        self.ask(&format!("move {topic} {partition} {node}")).await.map(drop)
    }

    /// The node that leads a partition; `None` while there is none.
    ///
    /// # Errors
    /// See [`JavaAdmin::in_sync`].
    pub async fn leader(
        &mut self,
        topic: &str,
        partition: i32,
    ) -> Result<Option<u32>, LaunchError> {
        let leader: i64 = self.number(&format!("leader {topic} {partition}")).await?;
        Ok(u32::try_from(leader).ok())
    }

    /// How many copies have to be in sync for a write to a topic.
    ///
    /// # Errors
    /// See [`JavaAdmin::in_sync`].
    pub async fn set_min_in_sync(&mut self, topic: &str, copies: u32) -> Result<(), LaunchError> {
        self.ask(&format!("min-in-sync {topic} {copies}")).await.map(drop)
    }

    /// The node that coordinates a group.
    ///
    /// # Errors
    /// See [`JavaAdmin::in_sync`].
    pub async fn coordinator(&mut self, group: &str) -> Result<u32, LaunchError> {
        self.number(&format!("coordinator {group}")).await
    }

    /// How many offsets of a topic a group has not committed.
    ///
    /// # Errors
    /// See [`JavaAdmin::in_sync`].
    pub async fn lag(&mut self, group: &str, topic: &str) -> Result<i64, LaunchError> {
        self.number(&format!("lag {group} {topic}")).await
    }

    async fn number<N: std::str::FromStr>(&mut self, order: &str) -> Result<N, LaunchError> {
        let answer = self.ask(order).await?;
        answer.parse().map_err(|_| unreadable(&answer))
    }

    async fn ask(&mut self, order: &str) -> Result<String, LaunchError> {
        let asking = async {
            let io = LaunchError::io("talk to", NAME);
            let written = self.orders.write_all(format!("{order}\n").as_bytes()).await;
            match written {
                Ok(()) => self.said.next_line().await.map_err(io),
                Err(error) => Err(io(error)),
            }
        };
        let answer = timeout(LIMIT, asking).await.unwrap_or_else(|_| {
            Err(LaunchError::ToolTimedOut { class: NAME.to_owned(), waited: LIMIT })
        })?;
        let answer = answer.ok_or_else(|| unreadable("it ended"))?;
        match answer.split_once(' ') {
            Some(("ok", rest)) => Ok(rest.to_owned()),
            Some(("failed", said)) => Err(LaunchError::ToolFailed {
                class: format!("{NAME} ({order})"),
                status: "it runs on".to_owned(),
                said: said.to_owned(),
            }),
            _ => Err(unreadable(&answer)),
        }
    }
}

fn unreadable(text: &str) -> LaunchError {
    LaunchError::Unreadable { what: "what Java's admin client says", text: text.to_owned() }
}

const NAME: &str = "Administrator";

const LIMIT: Duration = Duration::from_secs(60);
