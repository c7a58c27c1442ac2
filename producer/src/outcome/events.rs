//! What a producer tells of whole batches, to whoever wants to know.

use std::time::Duration;

use ottla_client::{BrokerId, Outcome, Topic};

use super::cell::{Collected, Why};
use crate::{
    error::{Reason, Unsure},
    record::OwnedRecord,
};

/// Is told what became of records, batch by batch, whether or not anybody awaits their
/// [`Delivery`](crate::Delivery); given to [`ProducerBuilder::events`](crate::ProducerBuilder::events).
///
/// Every accepted record occurs in exactly one call: in [`acknowledged`](Self::acknowledged) if it
/// is written, else in one of [`expired`](Self::expired), [`discarded`](Self::discarded) and
/// [`unknown`](Self::unknown), together with the record itself. The deliveries are told all the
/// same: dropping them all and listening here, or the reverse, loses nothing.
///
/// Each method has a default. Those for records that are not known to be written call
/// [`failed`](Self::failed), so that one method is enough for who does not tell them apart.
///
/// # Where it is called
/// From one place at a time and in the order in which things happened, by the producer's own tasks,
/// or by that of a [`flush`](crate::Producer::flush) or [`close`](crate::Producer::close), which
/// return after everything before them has been told. No lock is held meanwhile, so that records
/// may be sent from here with [`try_send`](crate::Producer::try_send). It must not block: while it
/// does, the producer does not send to that broker. A panic in it is logged and goes no further.
///
/// While it lags behind, failed records take memory for at most the producer's `buffer_memory`
/// once more; those that come on top are told without the records themselves.
///
/// kafka-sharp: `ProduceAcknowledged`, `MessageExpired`, `MessageDiscarded`, `ProduceThrottled`.
/// librdkafka: `dr_msg_cb`, `throttle_cb`.
///
/// ```
/// use ottla_producer::{Acknowledged, FailedRecords, ProducerEvents};
///
/// struct Log;
///
/// impl ProducerEvents for Log {
///     fn acknowledged(&self, batch: &Acknowledged) {
///         println!("{} records are in {}", batch.count, batch.topic.name());
///     }
///
///     fn failed(&self, records: &FailedRecords) {
///         for record in records.records() {
///             eprintln!("{}: {record:?}", records.cause());
///         }
///     }
/// }
/// ```
pub trait ProducerEvents: Send + Sync + 'static {
    /// A batch is written.
    fn acknowledged(&self, batch: &Acknowledged) {
        let _ = batch;
    }

    /// Records did not get through in their time; they are not written.
    fn expired(&self, records: &FailedRecords) {
        self.failed(records);
    }

    /// Records were given up for any other reason; they are not written.
    fn discarded(&self, records: &FailedRecords) {
        self.failed(records);
    }

    /// Records were sent, and nobody knows whether they are written.
    fn unknown(&self, records: &FailedRecords) {
        self.failed(records);
    }

    /// Records are not known to be written: all that the three methods above leave to it.
    fn failed(&self, records: &FailedRecords) {
        let _ = records;
    }

    /// A broker asked for a pause because a quota is used up (KIP-219); the producer keeps it.
    fn throttled(&self, broker: BrokerId, pause: Duration) {
        let _ = (broker, pause);
    }
}

/// A batch that is written.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Acknowledged {
    /// The topic.
    pub topic: Topic,
    /// The partition.
    pub partition: i32,
    /// How many records.
    pub count: u32,
    /// The offset of the first, the others following it without a gap. `None` if the broker did
    /// not tell: with `acks=0`, or for a batch that it had already and no longer knows where.
    pub base_offset: Option<i64>,
    /// The broker's time in milliseconds since the epoch if the topic uses it (`LogAppendTime`).
    pub timestamp: Option<i64>,
}

/// Records of one batch that are not known to be written, all for the same reason.
#[derive(Clone, Debug)]
pub struct FailedRecords {
    collected: Collected,
    /// Whether the records could not be kept.
    bare: bool,
}

impl FailedRecords {
    pub(crate) fn new(collected: Collected, bare: bool) -> Self {
        let collected = if bare { collected.bare() } else { collected };
        Self { collected, bare }
    }

    /// Their topic.
    #[must_use]
    pub const fn topic(&self) -> &Topic {
        &self.collected.topic
    }

    /// The partition they were to go to, if that had been decided.
    #[must_use]
    pub fn partition(&self) -> Option<i32> {
        self.collected.failure.partition
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.collected.records.len() as u64
    }

    /// What is known of the write: not written, or unknown.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self.why() {
            Why::NotWritten(_) => Outcome::NotWritten,
            Why::Unknown(_) => Outcome::Unknown,
        }
    }

    /// Why they are not written, if they are not.
    #[must_use]
    pub fn reason(&self) -> Option<&Reason> {
        match self.why() {
            Why::NotWritten(reason) => Some(reason),
            Why::Unknown(_) => None,
        }
    }

    /// Why nobody knows whether they are written, if nobody does.
    #[must_use]
    pub fn unsure(&self) -> Option<&Unsure> {
        match self.why() {
            Why::NotWritten(_) => None,
            Why::Unknown(unsure) => Some(unsure),
        }
    }

    /// Why, for people.
    #[must_use]
    pub fn cause(&self) -> String {
        match self.why() {
            Why::NotWritten(reason) => reason.to_string(),
            Why::Unknown(unsure) => unsure.to_string(),
        }
    }

    /// The records in the order sent, each decoded from its batch when it is asked for.
    pub fn records(&self) -> impl Iterator<Item = OwnedRecord> + '_ {
        self.collected.owned()
    }

    /// Whether [`records`](Self::records) gives none because too many were waiting to be told.
    #[must_use]
    pub const fn is_without_records(&self) -> bool {
        self.bare
    }

    pub(super) fn why(&self) -> &Why {
        &self.collected.failure.why
    }

    /// Bytes that it keeps.
    pub(super) fn held(&self) -> usize {
        if self.bare { 0 } else { self.collected.held() }
    }
}
