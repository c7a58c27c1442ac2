//! Outcomes without awaiting them: an event for each batch, or a function for a single record; and
//! what has been counted.
//!
//! `cargo run -p ottla-producer --example callbacks`; with `BOOTSTRAP_SERVERS` on your own cluster.

#![expect(clippy::print_stdout, reason = "a program that talks to a person")]

mod stage;

use std::sync::Arc;
use std::time::Duration;

use ottla_client::BrokerId;
use ottla_producer::{Acknowledged, FailedRecords, Producer, ProducerEvents, Record};
use stage::{BoxError, Stage};

struct Log;

impl ProducerEvents for Log {
    fn acknowledged(&self, batch: &Acknowledged) {
        println!("{} records from {:?} on", batch.count, batch.base_offset);
    }

    fn failed(&self, records: &FailedRecords) {
        for record in records.records() {
            println!("{}: {record:?}", records.cause());
        }
    }

    fn throttled(&self, broker: BrokerId, pause: Duration) {
        println!("broker {broker} asks for {pause:?}");
    }
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), BoxError> {
    let stage = Stage::set().await?;
    let producer = Producer::builder(&stage.client).events(Arc::new(Log)).build()?;
    for number in 0..1000u32 {
        let delivery = producer.send(&stage.topic, Record::value(&number.to_be_bytes())).await?;
        // Every record has its event; one in a hundred has a function of its own as well.
        if number % 100 == 0 {
            delivery.on_outcome(move |outcome| println!("{number}: {outcome:?}"));
        }
    }
    producer.flush().await?;
    let statistics = producer.statistics();
    println!("{:?}\nin the queue, in µs: {:?}", statistics.records, statistics.queue_time);
    println!("{:?}", producer.statistics_of(&stage.topic));
    producer.close(Duration::from_secs(10)).await;
    Ok(())
}
