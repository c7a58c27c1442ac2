//! A Kafka client in pure Rust: no C compiler, static musl binaries, and an outcome for every
//! record.
//!
//! ```text
//!   Processor   an async function over topics: ordered by key, committed when its output is safe
//!   ├─ Consumer   background fetching, groups, marks and commits
//!   └─ Producer   batches, sequences, deliveries
//!        └─ Client   connections, metadata, routing, retries
//!             └─ protocol   messages, record batches, codecs
//! ```
//!
//! One [`Client`] serves any number of producers, consumers and processors.
//!
//! ```no_run
//! use std::time::Duration;
//! use ottla::{BoxError, Client, Fetched, OffsetReset, Producer, Consumer, Record};
//!
//! # async fn example() -> Result<(), BoxError> {
//! let client = Client::builder().bootstrap(["localhost:9092"]).build()?;
//! let topic = client.topic("greetings");
//!
//! let producer = Producer::builder(&client).build()?;
//! let delivery = producer.send(&topic, Record::value(b"hello").key(b"world")).await?;
//! println!("written at {:?}", delivery.await?.offset);
//!
//! let mut consumer = Consumer::builder(&client)
//!     .group("readers")
//!     .topics(["greetings"])
//!     .offset_reset(OffsetReset::Earliest)
//!     .build()?;
//! if let Fetched::Records(batch) = consumer.poll(500).await? {
//!     for record in batch.iter() {
//!         println!("{} {:?}", record.offset(), record.value());
//!     }
//!     consumer.control().mark(batch.mark())?;
//! }
//! consumer.close(Duration::from_secs(5)).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//! | feature | default | what it adds |
//! |---|---|---|
//! | `producer` | yes | [`Producer`] |
//! | `consumer-group` | yes | [`Consumer`] |
//! | `processor` | yes | [`Processor`]; brings both of the above |
//! | `gzip`, `snappy`, `lz4`, `zstd` | yes | that codec |
//! | `json` | no | with `producer`: serializers for whatever serde can write |
//!
//! No feature compiles C, and all of them build with the minimum Rust version.

pub use ottla_client as client;
#[cfg(feature = "consumer-group")]
pub use ottla_consumer_group as consumer_group;
#[cfg(feature = "processor")]
pub use ottla_processor as processor;
#[cfg(feature = "producer")]
pub use ottla_producer as producer;
pub use ottla_protocol as protocol;

pub use ottla_client::{Client, ConfigErrors, Outcome, Topic, TopicPartition};
#[cfg(feature = "consumer-group")]
pub use ottla_consumer_group::{
    Consumer, ConsumerControl, Fetched, Mark, Message, OffsetReset, RecordBatch, Start,
};
#[cfg(feature = "processor")]
pub use ottla_processor::{
    Attempt, BoxError, Emit, Failure, Handler, Order, Output, OutputOrder, Processor,
    ProcessorHandle, Report,
};
#[cfg(feature = "producer")]
pub use ottla_producer::{
    Acks, Closed, Delivery, Overflow, OwnedRecord, Partitioner, Producer, ProducerEvents,
    ProducerStatistics, Record, SendError, TopicSettings, Transaction, TransactionalProducer,
    Written, typed,
};
pub use ottla_protocol::{compression::Compression, records::Header};
