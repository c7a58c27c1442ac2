//! How surely and how long: acks, retries, timeouts.

use std::time::Duration;

use ottla_client::RetryPolicy;

use super::ProducerBuilder;
use crate::config::{Acks, ErrorStrategy};

impl ProducerBuilder {
    /// How many replicas must have a record before it counts as written (`acks`). Default: all.
    /// Anything less needs [`idempotence`](Self::idempotence) to be off.
    pub const fn acks(mut self, acks: Acks) -> Self {
        self.config.acks = acks;
        self
    }

    /// Whether the brokers recognise what is sent again (`enable.idempotence`, KIP-98), so that
    /// retries neither double nor reorder records. Default: on (KIP-679).
    ///
    /// Without it one batch of a partition is in flight at a time, to keep the order; a retry may
    /// double its records.
    pub const fn idempotence(mut self, on: bool) -> Self {
        self.config.idempotence = on;
        self
    }

    /// Whether what failed for now is sent again until its delivery timeout (`retries`). Default:
    /// yes. Idempotence needs it.
    ///
    /// | what came | meaning | why |
    /// |---|---|---|
    /// | `NOT_ENOUGH_REPLICAS`, `CORRUPT_MESSAGE`, `LEADER_NOT_AVAILABLE`, `UNKNOWN_TOPIC_ID`, `INCONSISTENT_TOPIC_ID`, `THROTTLING_QUOTA_EXCEEDED` | not written, sent again | the broker looks at it before it appends |
    /// | `CONCURRENT_TRANSACTIONS` and those of a coordinator | not written, sent again | the transaction is checked before anything is appended (KIP-890) |
    /// | `NOT_LEADER_OR_FOLLOWER`, `UNKNOWN_TOPIC_OR_PARTITION` | with acks=all unknown, else not written; sent again to the leader (KIP-951) | a leader may append, and lose its office while it waits for replicas |
    /// | `NOT_ENOUGH_REPLICAS_AFTER_APPEND`, `REQUEST_TIMED_OUT` | unknown, sent again | it is in the leader's log; kafka-sharp's `RetryIfNotEnoughReplicasAfterAppend` |
    /// | `KAFKA_STORAGE_ERROR`, `UNKNOWN_SERVER_ERROR`, and every code that Kafka calls retriable and that is not named here | unknown, sent again | the broker does not say how far it came |
    /// | a connection that broke, no answer in time | unknown, unless the request had not left; sent again | see [`error_strategy`](Self::error_strategy) |
    /// | `OUT_OF_ORDER_SEQUENCE_NUMBER`, `UNKNOWN_PRODUCER_ID`, `INVALID_PRODUCER_EPOCH` | not written by this try; sent again in the next epoch, unless an earlier try may have written it | KIP-360 |
    /// | `DUPLICATE_SEQUENCE_NUMBER` | written | an earlier try was |
    /// | `MESSAGE_TOO_LARGE` | not written | split and sent again where that helps (KIP-126) |
    /// | any other | not written, given up | it would be refused again |
    ///
    /// Where an earlier try of the same batch may have been written, a later refusal does not make
    /// that undone: only idempotence lets the broker recognise it.
    pub const fn retries(mut self, on: bool) -> Self {
        self.config.retries = on;
        self
    }

    /// How often a batch is sent at most (kafka-sharp's `MaxRetry`, 3 there, and one more). Default:
    /// as often as its delivery timeout allows; at least 1.
    ///
    /// Only tries count that failed by themselves: not the wait for a broker that cannot be
    /// reached, and not a batch that was refused because one in front of it was. A batch that is
    /// given up is not written ([`Reason::TooManyTries`](crate::Reason::TooManyTries)) if every try
    /// was clearly refused, else unknown ([`Unsure::TooManyTries`](crate::Unsure::TooManyTries)).
    /// With idempotence the partition then goes to its next epoch.
    pub const fn max_tries(mut self, tries: u32) -> Self {
        self.config.max_tries = Some(tries);
        self
    }

    /// What becomes of a batch that the network failed (kafka-sharp's `ErrorStrategy`, discard
    /// there). Default: it is sent again. Answers of brokers are not concerned.
    pub const fn error_strategy(mut self, strategy: ErrorStrategy) -> Self {
        self.config.error_strategy = strategy;
        self
    }

    /// The wait before a partition is tried again after an error (`retry.backoff.ms`,
    /// `retry.backoff.max.ms`, KIP-580). Default: 100 ms doubling to 1 s, with jitter.
    pub const fn retry_backoff(mut self, policy: RetryPolicy) -> Self {
        self.config.retry_backoff = policy;
        self
    }

    /// How long a record may take from `send` to its outcome (`delivery.timeout.ms`). Default:
    /// 120 s. A record that was not sent by then is not written; one that was sent without a clear
    /// answer is unknown (KIP-91).
    ///
    /// It is counted from the first record of a batch, which takes others for a sixteenth of this
    /// time at most: so a record is given up after 15 to 16 sixteenths of it, never later.
    pub const fn delivery_timeout(mut self, timeout: Duration) -> Self {
        self.config.delivery_timeout = timeout;
        self
    }

    /// How long a record is worth sending, counted from `send` (kafka-sharp's `MessageTtl`; other
    /// clients have nothing like it). Default: without end; more than zero. A
    /// [record's own](crate::Record::ttl) and [its topic's](crate::TopicSettings::ttl) go before it.
    ///
    /// A record expires only as long as its batch has not been taken to be sent: while it lingers,
    /// waits for room in flight, for a leader, for a broker that can be reached or for its topic to
    /// become known. It comes back with [`Reason::Expired`](crate::Reason::Expired) within
    /// a millisecond. Once it may have been written it never expires; then, and without a time to
    /// live, [`delivery_timeout`](Self::delivery_timeout) ends it.
    ///
    /// It costs a look at the clock for each record.
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.config.ttl = Some(ttl);
        self
    }

    /// How long a request waits for its answer (`request.timeout.ms`). Default: 30 s.
    pub const fn request_timeout(mut self, timeout: Duration) -> Self {
        self.config.request_timeout = timeout;
        self
    }

    /// How long records wait for their topic to become known (`max.block.ms`). Default: 60 s.
    pub const fn topic_timeout(mut self, timeout: Duration) -> Self {
        self.config.topic_timeout = timeout;
        self
    }
}
