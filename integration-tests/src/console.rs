//! A topic as Kafka's own console consumer prints it.

use std::time::Duration;

use crate::{Kafka, LaunchError, tool::Tool, unique_name};

/// One record as printed by `kafka-console-consumer`. The tool prints text: it cannot tell null
/// from the word `null`, nor bytes that are not UTF-8 from each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleRecord {
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
    /// The key as text.
    pub key: String,
    /// The value as text.
    pub value: String,
}

impl Kafka {
    /// Reads `count` records of a topic from the beginning, in the tool's order, or fewer if none
    /// comes for 10 seconds. Keys and values must not contain tabs or ends of line.
    ///
    /// # Errors
    /// [`LaunchError::ToolFailed`], [`LaunchError::ToolTimedOut`] after two minutes, or
    /// [`LaunchError::Unreadable`].
    pub async fn console_consume(
        &self,
        topic: &str,
        count: usize,
    ) -> Result<Vec<ConsoleRecord>, LaunchError> {
        self.console_consume_as(&unique_name("console"), topic, count).await
    }

    /// The same as a member of `group`, which commits what it has read.
    ///
    /// # Errors
    /// As [`Kafka::console_consume`].
    pub async fn console_consume_as(
        &self,
        group: &str,
        topic: &str,
        count: usize,
    ) -> Result<Vec<ConsoleRecord>, LaunchError> {
        let count = count.to_string();
        let shown = ["print.partition", "print.offset", "print.key", "print.value"];
        let shown = shown.map(|name| format!("{name}=true"));
        let tool = Tool::new("org.apache.kafka.tools.consumer.ConsoleConsumer")
            .args(["--bootstrap-server", self.bootstrap(), "--topic", topic, "--from-beginning"])
            .args(["--group", group])
            .args(["--max-messages", &count, "--timeout-ms", "10000"])
            .args(shown.iter().flat_map(|property| ["--property", property]))
            .limit(Duration::from_secs(120));
        let printed = self.run(tool).await?;
        printed.lines().filter(|line| !line.starts_with(WARNING)).map(read_line).collect()
    }
}

/// `Partition:0 Offset:5 key value`, separated by tabs.
fn read_line(line: &str) -> Result<ConsoleRecord, LaunchError> {
    let read = || {
        let mut cells = line.split('\t');
        let record = ConsoleRecord {
            partition: cells.next()?.strip_prefix("Partition:")?.parse().ok()?,
            offset: cells.next()?.strip_prefix("Offset:")?.parse().ok()?,
            key: cells.next()?.to_owned(),
            value: cells.next()?.to_owned(),
        };
        cells.next().is_none().then_some(record)
    };
    read().ok_or_else(|| LaunchError::Unreadable {
        what: "a line of the console consumer",
        text: line.to_owned(),
    })
}

/// Newer versions print it before the records, and older ones lack the option it recommends.
const WARNING: &str = "Option --property is deprecated";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read() {
        let record = read_line("Partition:3\tOffset:17\tk\tv w").unwrap();
        assert_eq!((record.partition, record.offset), (3, 17));
        assert_eq!((record.key.as_str(), record.value.as_str()), ("k", "v w"));
        for bad in ["", "Partition:3\tOffset:17\tk", "Partition:3\tOffset:x\tk\tv", "a\tb\tc\td"] {
            assert!(read_line(bad).is_err(), "{bad:?}");
        }
        assert!(read_line("Partition:3\tOffset:17\tk\tv\tw").is_err());
    }
}
