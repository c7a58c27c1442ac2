//! Topics and what they can be configured with.

use std::collections::BTreeMap;
use std::sync::Arc;

use ottla_protocol::Uuid;

use super::Partition;

/// What a topic can be configured with.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopicConfig {
    /// The largest batch in bytes (`max.message.bytes`, default 1 MiB + 12).
    pub max_message_bytes: usize,
    /// Whether the broker's time replaces the producer's (`message.timestamp.type`, default no).
    pub log_append_time: bool,
    /// How many replicas have to be in sync for a write with acks=all (`min.insync.replicas`,
    /// default 1).
    pub min_insync_replicas: usize,
    /// What was given besides, and means nothing here.
    pub(crate) others: BTreeMap<&'static str, String>,
}

impl Default for TopicConfig {
    fn default() -> Self {
        Self {
            max_message_bytes: (1 << 20) + 12,
            log_append_time: false,
            min_insync_replicas: 1,
            others: BTreeMap::new(),
        }
    }
}

impl TopicConfig {
    /// Sets a property by its name in Kafka. Those that mean nothing to a log in memory are only
    /// kept.
    ///
    /// # Errors
    /// What is wrong with the name or the value.
    pub(crate) fn set(&mut self, name: &str, value: Option<&str>) -> Result<(), String> {
        let value =
            value.ok_or_else(|| format!("Null value not supported for topic configs: {name}"))?;
        match name {
            "max.message.bytes" => {
                self.max_message_bytes = value
                    .parse()
                    .map_err(|_| format!("Invalid value {value} for configuration {name}"))?;
            }
            "message.timestamp.type" => {
                self.log_append_time = match value {
                    "LogAppendTime" => true,
                    "CreateTime" => false,
                    _ => return Err(format!("Invalid value {value} for configuration {name}")),
                };
            }
            "min.insync.replicas" => {
                self.min_insync_replicas = value
                    .parse()
                    .map_err(|_| format!("Invalid value {value} for configuration {name}"))?;
            }
            _ => {
                let known = IGNORED.iter().find(|known| **known == name);
                let known = known.ok_or_else(|| format!("Unknown topic config name: {name}"))?;
                self.others.insert(known, value.to_owned());
            }
        }
        Ok(())
    }
}

impl TopicConfig {
    /// What is set, by name in Kafka.
    pub(crate) fn entries(&self) -> Vec<(&'static str, String)> {
        let time = if self.log_append_time { "LogAppendTime" } else { "CreateTime" };
        let mut entries = vec![
            ("max.message.bytes", self.max_message_bytes.to_string()),
            ("message.timestamp.type", time.to_owned()),
            ("min.insync.replicas", self.min_insync_replicas.to_string()),
        ];
        entries.extend(self.others.iter().map(|(name, value)| (*name, value.clone())));
        entries
    }
}

/// Properties without a meaning here.
const IGNORED: &[&str] = &[
    "cleanup.policy",
    "compression.type",
    "delete.retention.ms",
    "file.delete.delay.ms",
    "flush.messages",
    "flush.ms",
    "index.interval.bytes",
    "max.compaction.lag.ms",
    "message.timestamp.after.max.ms",
    "message.timestamp.before.max.ms",
    "min.cleanable.dirty.ratio",
    "min.compaction.lag.ms",
    "preallocate",
    "retention.bytes",
    "retention.ms",
    "segment.bytes",
    "segment.index.bytes",
    "segment.jitter.ms",
    "segment.ms",
    "unclean.leader.election.enable",
];

/// A topic to be created.
#[derive(Debug, Clone)]
pub(crate) struct NewTopic {
    pub(crate) name: Arc<str>,
    /// The replicas of each partition, the preferred leader first.
    pub(crate) assignment: Vec<Vec<i32>>,
    pub(crate) config: TopicConfig,
}

#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) name: Arc<str>,
    pub(crate) id: Uuid,
    pub(crate) config: TopicConfig,
    pub(crate) partitions: Vec<Partition>,
}

impl Topic {
    pub(crate) fn partition(&self, index: i32) -> Option<&Partition> {
        self.partitions.get(usize::try_from(index).ok()?)
    }

    pub(crate) fn partition_mut(&mut self, index: i32) -> Option<&mut Partition> {
        self.partitions.get_mut(usize::try_from(index).ok()?)
    }
}

/// What Kafka accepts as a topic's name (`Topic.validate`).
///
/// # Errors
/// Why it does not.
pub(crate) fn validate_name(name: &str) -> Result<(), String> {
    const LONGEST: usize = 249;
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() || name == "." || name == ".." {
        return Err(format!("Topic name is invalid: '{name}'"));
    }
    if name.len() > LONGEST {
        return Err(format!("Topic name is longer than {LONGEST} characters"));
    }
    if !name.chars().all(allowed) {
        return Err(
            "Topic name contains characters other than ASCII alphanumerics, '.', '_' and '-'"
                .to_owned(),
        );
    }
    Ok(())
}
