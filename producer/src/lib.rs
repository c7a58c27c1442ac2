//! A batching Kafka producer that says what happened to every record.
//!
//! ```text
//! send(topic, record) ─ partition ─► lock partition queue ─ encode into open batch ─► Delivery
//!                                          │ request full / linger over / nothing in flight
//!                      per-broker sink: take ready partitions ─► one ProduceRequest ─► connection
//!                                          │ response, in order
//!                      outcome cell settled once ─► its deliveries wake
//! ```
//!
//! No task, no channel and no allocation for a record: it is encoded into its batch before `send`
//! returns, and its [`Delivery`] is an index into the outcomes of that batch.
//!
//! | task | owns | fed by | gives |
//! |---|---|---|---|
//! | sink, one per broker | requests in flight there | partitions with something to send | answers to their sequencers |
//! | router | routes, deadlines, the producer's identity | metadata, alarms | leaders to partitions |
//! | coordinator, of a transactional producer | its transaction, its identity | its handle, partitions | ends of transactions |
//!
//! # When may a batch fail?
//! Before it is numbered: when its delivery timeout passes, when its topic turns out unusable, when
//! it cannot be compressed, or when the producer closes. It is then not written.
//!
//! Once a try of it may have reached the log it is never cancelled: it is sent again, under the
//! same number, until a broker says yes, or until its delivery timeout; then its outcome is
//! unknown. A clear refusal of a batch that was never in doubt makes it not written at once.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use ottla_client::Client;
//! use ottla_producer::{Producer, Record};
//!
//! let client = Client::builder().bootstrap(["localhost:9092"]).build()?;
//! let producer = Producer::builder(&client).build()?;
//! let topic = client.topic("greetings");
//! let delivery = producer.send(&topic, Record::value(b"hello").key(b"world")).await?;
//! let written = delivery.await?;
//! println!("partition {} offset {:?}", written.partition, written.offset);
//! # Ok(())
//! # }
//! ```

//! # More
//! - [`settings`]: what kafka-sharp, Java and librdkafka call the settings.
//! - [`typed`]: objects instead of bytes; [`blocking`]: threads without a runtime;
//!   [`Producer::sink`]: streams; [`Transaction`]: all or nothing.
//! - [`ProducerEvents`], [`Delivery::on_outcome`] and [`Producer::statistics`] tell what goes on.
//! - Examples, each to be run as it is or with `BOOTSTRAP_SERVERS`: `overflow`, `errors`,
//!   `callbacks`, `typed`, `blocking`, `transactions`.
//!
//! # Features
//! | feature | default | what it adds |
//! |---|---|---|
//! | `json` | no | serializers for whatever serde can write |

mod accumulator;
mod alarms;
pub mod blocking;
mod builder;
mod clock;
mod config;
mod core;
mod error;
mod idempotence;
mod outcome;
mod partitioner;
mod producer;
mod record;
mod record_sink;
mod router;
pub mod settings;
mod sink;
mod statistics;
mod transaction;
pub mod typed;

pub use builder::ProducerBuilder;
pub use config::{Acks, ErrorStrategy, Gathering, Overflow, ProducerConfig, TopicSettings};
pub use error::{BufferUnit, FlushError, Reason, Refused, SendError, Unsure};
pub use ottla_protocol::{compression::Compression, records::Header};
pub use outcome::{Acknowledged, Delivery, FailedRecords, ProducerEvents, Written};
pub use partitioner::{
    ChoosePartition, HashedKeys, KeyHash, Keyless, Partition, Partitioner, Partitions,
};
pub use producer::{Closed, Left, Producer};
pub use record::{OwnedRecord, Record};
pub use record_sink::{RecordSink, SinkError};
pub use statistics::{
    BrokerStatistics, Distribution, PartitionStatistics, ProducerStatistics, RecordStatistics,
    TopicStatistics,
};
pub use transaction::{
    AbortCause, CommitError, Doubt, FatalCause, Transaction, TransactionError,
    TransactionalBuilder, TransactionalProducer,
};
