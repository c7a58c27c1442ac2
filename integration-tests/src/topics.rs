//! Topics, made and removed with Kafka's own tool.

use crate::{Kafka, LaunchError, tool::Tool};

impl Kafka {
    /// Creates a topic with as many copies of each partition as the cluster's default, and with
    /// settings such as `cleanup.policy=compact`. On return the controller knows it; a broker may
    /// hear of it a moment later.
    ///
    /// Records are kept however old their timestamps are, unless `configs` say otherwise.
    ///
    /// # Errors
    /// [`LaunchError::ToolFailed`] in the words of Kafka, such as that the topic exists.
    pub async fn create_topic(
        &self,
        name: &str,
        partitions: u32,
        configs: &[&str],
    ) -> Result<(), LaunchError> {
        let partitions = partitions.to_string();
        let retention = configs.iter().all(|config| !config.starts_with("retention.ms="));
        let retention = retention.then_some("retention.ms=-1");
        let configs = configs.iter().copied().chain(retention);
        let configs = configs.flat_map(|config| ["--config", config]);
        let tool = self.topics().args(["--create", "--topic", name, "--partitions", &partitions]);
        self.run(tool.args(configs)).await.map(drop)
    }

    /// Deletes a topic.
    ///
    /// # Errors
    /// [`LaunchError::ToolFailed`] in the words of Kafka, such as that there is no such topic.
    pub async fn delete_topic(&self, name: &str) -> Result<(), LaunchError> {
        self.run(self.topics().args(["--delete", "--topic", name])).await.map(drop)
    }

    /// The names of all topics, Kafka's own included.
    ///
    /// # Errors
    /// [`LaunchError::ToolFailed`] or [`LaunchError::ToolTimedOut`].
    pub async fn topic_names(&self) -> Result<Vec<String>, LaunchError> {
        let printed = self.run(self.topics().args(["--list"])).await?;
        Ok(printed.lines().map(str::to_owned).collect())
    }

    fn topics(&self) -> Tool {
        Tool::new("org.apache.kafka.tools.TopicCommand")
            .args(["--bootstrap-server", self.bootstrap()])
    }
}
