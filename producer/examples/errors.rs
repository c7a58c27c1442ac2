//! How hard a record is tried, and how to tell what became of it: retried or not, for how long, and
//! given back with the reason.
//!
//! `cargo run -p ottla-producer --example errors`; with `BOOTSTRAP_SERVERS` on your own cluster.

#![expect(clippy::print_stdout, reason = "a program that talks to a person")]

mod stage;

use std::time::Duration;

use ottla_producer::{Producer, Record, SendError};
use stage::{BoxError, Stage};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), BoxError> {
    let stage = Stage::set().await?;
    // Retried for a minute in all, and not sent at all if that would begin later than in 5 s.
    let patient = Producer::builder(&stage.client)
        .delivery_timeout(60 * SECOND)
        .ttl(5 * SECOND)
        .topic_timeout(SECOND)
        .build()?;
    // Sent once, as kafka-sharp discards by default: brokers then cannot be asked to recognise it.
    let hasty = Producer::builder(&stage.client)
        .idempotence(false)
        .retries(false)
        .topic_timeout(SECOND)
        .build()?;
    let nowhere = stage.client.topic("a-topic-that-nobody-made");
    for (name, producer) in [("patient", patient), ("hasty", hasty)] {
        for topic in [&stage.topic, &nowhere] {
            // A single record may be worth less time than the others.
            let record = Record::value(b"hello").ttl(2 * SECOND);
            match producer.send(topic, record).await?.await {
                Ok(written) => println!("{name}: written at {:?}", written.offset),
                Err(SendError::NotWritten { reason, record }) => {
                    println!("{name}: {reason}; sending {record:?} again is safe");
                }
                Err(SendError::Unknown { reason, record }) => {
                    println!("{name}: {reason}; sending {record:?} again might double it");
                }
                Err(other) => return Err(other.into()),
            }
        }
        producer.close(SECOND).await;
    }
    Ok(())
}
