//! What can be wrong, and where it was.

use std::fmt;

use super::event::{Place, RecordId};

/// A kind of wrong. The names are those of Jepsen's Kafka tests where these have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Anomaly {
    /// A record was acknowledged and is not in the log.
    Lost,
    /// Another record is at the offset that was acknowledged, or it is in another partition.
    WrongOffset,
    /// A record is in the log more than once, although its producer is idempotent.
    Duplicate,
    /// Records of a stream are in a partition in another order than they were sent in.
    Reordered,
    /// A record is in the log of which the producer said that it is not.
    NotWrittenPresent,
    /// A record is in the log that nobody sent, or with other bytes.
    Invented,
    /// A record never got an outcome, or more than one.
    Unsettled,
    /// Batches of a producer overlap, leave a gap or go back in their sequences or epochs.
    ReusedSequence,
    /// A record was committed and never handed out, or never committed in the end.
    Unseen,
    /// A reader got a record and before it not all that come before (poll-skip).
    Skipped,
    /// A reader got records of one assignment not in the order of their offsets.
    NonMonotonic,
    /// A reader got something else than what is at that offset.
    Misread,
    /// Two members worked on a partition at the same time, and nothing stopped one of them.
    TwoOwners,
    /// An offset was committed before everything below it was processed.
    EarlyCommit,
    /// A later commit has a lower offset.
    CommitWentBack,
    /// A record was handed out again although a commit beyond it had been confirmed.
    ProcessedAgain,
    /// An input was committed and has no output.
    NoOutput,
    /// The outputs of a key are not in the order of its inputs.
    OutputReordered,
    /// What was read from the logs contradicts itself.
    Evidence,
}

impl Anomaly {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::Lost,
        Self::WrongOffset,
        Self::Duplicate,
        Self::Reordered,
        Self::NotWrittenPresent,
        Self::Invented,
        Self::Unsettled,
        Self::ReusedSequence,
        Self::Unseen,
        Self::Skipped,
        Self::NonMonotonic,
        Self::Misread,
        Self::TwoOwners,
        Self::EarlyCommit,
        Self::CommitWentBack,
        Self::ProcessedAgain,
        Self::NoOutput,
        Self::OutputReordered,
        Self::Evidence,
    ];
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lost => "lost",
            Self::WrongOffset => "wrong offset",
            Self::Duplicate => "duplicate",
            Self::Reordered => "reordered",
            Self::NotWrittenPresent => "not written, yet present",
            Self::Invented => "invented",
            Self::Unsettled => "without outcome",
            Self::ReusedSequence => "reused sequence",
            Self::Unseen => "unseen",
            Self::Skipped => "skipped",
            Self::NonMonotonic => "non-monotonic",
            Self::Misread => "misread",
            Self::TwoOwners => "two owners",
            Self::EarlyCommit => "early commit",
            Self::CommitWentBack => "commit went back",
            Self::ProcessedAgain => "processed again",
            Self::NoOutput => "no output",
            Self::OutputReordered => "output reordered",
            Self::Evidence => "contradictory evidence",
        })
    }
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// How.
    pub anomaly: Anomaly,
    /// The partition, if it is one's.
    pub place: Option<Place>,
    /// The offset, if it is about one.
    pub offset: Option<i64>,
    /// The record, if it is about one.
    pub record: Option<RecordId>,
    /// What happened, in words.
    pub detail: String,
}

impl Verdict {
    pub(super) fn new(anomaly: Anomaly, detail: String) -> Self {
        Self { anomaly, place: None, offset: None, record: None, detail }
    }

    pub(super) fn at(mut self, place: Place, offset: i64) -> Self {
        (self.place, self.offset) = (Some(place), Some(offset));
        self
    }

    pub(super) fn of(mut self, record: RecordId) -> Self {
        self.record = Some(record);
        self
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.anomaly)?;
        if let Some(record) = self.record {
            write!(f, " record {record}")?;
        }
        if let (Some(place), Some(offset)) = (self.place, self.offset) {
            write!(f, " {place} offset {offset}")?;
        }
        write!(f, " {}", self.detail)
    }
}
