//! What becomes of a record when the buffer is full: wait for room, be refused, be dropped, or push
//! out the oldest.
//!
//! `cargo run -p ottla-producer --example overflow`; with `BOOTSTRAP_SERVERS` on your own cluster.

#![expect(clippy::print_stdout, reason = "a program that talks to a person")]

mod stage;

use std::time::Duration;

use ottla_producer::{Overflow, Producer, Record, Refused};
use stage::{BoxError, Stage};

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), BoxError> {
    let stage = Stage::set().await?;
    for overflow in [Overflow::Wait, Overflow::Fail, Overflow::DropNewest, Overflow::DropOldest] {
        let producer = Producer::builder(&stage.client)
            .overflow(overflow)
            .max_batch_size(16 << 10)
            .buffer_memory(64 << 10)
            .build()?;
        let (mut deliveries, mut refused) = (Vec::new(), 0);
        for _ in 0..1000 {
            match producer.send(&stage.topic, Record::value(&[7; 1000])).await {
                Ok(delivery) => deliveries.push(delivery),
                Err(Refused::Full { .. }) => refused += 1,
                Err(other) => return Err(other.into()),
            }
        }
        let (mut written, mut dropped) = (0, 0);
        for delivery in deliveries {
            match delivery.await {
                Ok(_) => written += 1,
                // The record is in the error, to be sent again or kept elsewhere.
                Err(error) => {
                    dropped += 1;
                    drop(error.into_record());
                }
            }
        }
        println!("{overflow:?}: {written} written, {refused} refused, {dropped} dropped");
        producer.close(Duration::from_secs(10)).await;
    }
    Ok(())
}
