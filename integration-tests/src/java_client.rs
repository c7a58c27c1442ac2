//! The Java client: the programs of `java/`, which produce and read records byte for byte.

use std::{fmt, time::Duration};

use crate::{
    JavaRecord, Kafka, LaunchError, ReadRecord,
    records::{read_line, write_line},
    tool::Tool,
};

/// How the Java client compresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Compression {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

impl Compression {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::None, Self::Gzip, Self::Snappy, Self::Lz4, Self::Zstd];
}

impl fmt::Display for Compression {
    /// As the property `compression.type` names it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        })
    }
}

impl Kafka {
    /// Produces `records` with the Java client and returns them with their places, in the same
    /// order. Small records share batches.
    ///
    /// # Errors
    /// [`LaunchError::ToolFailed`] if one record is refused; [`LaunchError::ToolTimedOut`].
    pub async fn java_produce(
        &self,
        topic: &str,
        compression: Compression,
        records: &[JavaRecord],
    ) -> Result<Vec<ReadRecord>, LaunchError> {
        let tool = Tool::new(program("ProduceRecords"))
            .args([self.bootstrap(), topic, &compression.to_string()])
            .input(records.iter().map(write_line).collect())
            .limit(LIMIT);
        self.run(tool).await?.lines().map(read_line).collect()
    }

    /// Reads a topic with the Java client, checksums checked, from its beginning to what its end
    /// is at the start; ordered by partition and offset. Aborted records are left out.
    ///
    /// # Errors
    /// [`LaunchError::ToolFailed`] if nothing arrives for 30 seconds, or the client refuses what
    /// it reads; [`LaunchError::ToolTimedOut`].
    pub async fn java_consume(&self, topic: &str) -> Result<Vec<ReadRecord>, LaunchError> {
        let tool =
            Tool::new(program("ConsumeRecords")).args([self.bootstrap(), topic]).limit(LIMIT);
        let records: Result<Vec<_>, _> = self.run(tool).await?.lines().map(read_line).collect();
        let mut records = records?;
        records.sort_by_key(|record| (record.partition, record.offset));
        Ok(records)
    }
}

/// The path of a program of ours.
pub(crate) fn program(name: &str) -> String {
    format!("{}/java/{name}.java", env!("CARGO_MANIFEST_DIR"))
}

const LIMIT: Duration = Duration::from_secs(120);
