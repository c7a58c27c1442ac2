//! What can happen in a workload.

use std::fmt;

/// A topic of the workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// What producers write, and both groups read.
    Load,
    /// Where processors write one record for each of [`Topic::Load`]. Its timestamps are the
    /// broker's, of when a record was appended.
    Copies,
}

impl Topic {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Load, Self::Copies];

    /// Its name in Kafka.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Copies => "copies",
        }
    }
}

/// A consumer group of the workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Consumers that mark what they have processed.
    Readers,
    /// Processors that copy every record of [`Topic::Load`] to [`Topic::Copies`].
    Copiers,
}

impl Group {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Readers, Self::Copiers];

    /// Its name in Kafka.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Readers => "readers",
            Self::Copiers => "copiers",
        }
    }
}

/// A partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Its topic.
    pub topic: Topic,
    /// Its number.
    pub partition: i32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic.name(), self.partition)
    }
}

/// A record that a producer was given: no other has the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId {
    /// The stream it belongs to: all that one task sends, one after the other, with one producer.
    pub stream: u32,
    /// Its number in the stream, in the order of sending.
    pub number: u32,
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.stream, self.number)
    }
}

/// What a producer said of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the log.
    Written {
        /// The partition.
        partition: i32,
        /// The offset, if the producer knows it.
        offset: Option<i64>,
    },
    /// It is not in the log and will not be; also of a record that the producer did not take.
    NotWritten {
        /// In a few words; behind a `|` what went wrong last.
        reason: String,
    },
    /// It may be either.
    Unknown {
        /// In a few words; behind a `|` what went wrong last.
        reason: String,
    },
}

/// How a member of a group ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It left in good order, everything committed.
    Clean,
    /// It left, and said that something had not worked out.
    Failed,
    /// It was torn down without being asked.
    Crashed,
}

/// Something that happened, with the time: milliseconds since the epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When it was written down.
    pub at: u64,
    /// What it was.
    pub what: Occurrence,
}

/// Something that happened. Fields that all have: `member` is one consumer or processor that ran
/// once, `epoch` tells one assignment of a partition from all others.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are explained above and with their types")]
pub enum Occurrence {
    /// A record is about to be given to a producer; `partition` if the producer may not choose.
    Sending { id: RecordId, partition: Option<i32>, key: Option<u32> },
    /// The producer told what became of it.
    Settled { id: RecordId, outcome: Outcome },
    /// A member is about to join.
    Joining { member: u32, group: Group },
    /// A member was told that it has a partition now; a processor, which is not told, noticed it
    /// by its first record, and does not know the generation, which is -1 then.
    Assigned { member: u32, place: Place, epoch: u64, generation: i32 },
    /// A member is told that a partition is about to leave.
    Revoked { member: u32, place: Place, epoch: u64 },
    /// A member is told that a partition has left without it.
    Lost { member: u32, place: Place, epoch: u64 },
    /// A member got a record; `id` is what its value said, `None` if it was garbled.
    Handed { member: u32, place: Place, epoch: u64, offset: i64, id: Option<RecordId> },
    /// A member said that everything before `next` is processed, from `began` on; whether the
    /// client accepted that.
    Marked { member: u32, place: Place, epoch: u64, next: i64, began: u64, accepted: bool },
    /// A member asks for a commit of its marks.
    Committing { member: u32, ticket: u64 },
    /// That commit was confirmed, or not.
    Committed { member: u32, ticket: u64, confirmed: bool },
    /// A member ended.
    Ended { member: u32, how: End },
    /// Something is broken on purpose.
    FaultBegan { number: u32, kind: String, target: String },
    /// It has been mended.
    FaultEnded { number: u32 },
    /// Everything is whole again, and nothing will be broken any more.
    Healed,
    /// All records have outcomes.
    Flushed,
    /// Both groups have committed everything.
    Drained,
}
