//! Records that are written together or not at all.
//!
//! `cargo run -p ottla-producer --example transactions`; with `BOOTSTRAP_SERVERS` on your own
//! cluster.

#![expect(clippy::print_stdout, reason = "a program that talks to a person")]

mod stage;

use std::time::Duration;

use ottla_producer::{CommitError, Producer, Record};
use stage::{BoxError, Stage};

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), BoxError> {
    let stage = Stage::set().await?;
    let mut producer = Producer::builder(&stage.client).transactional("transfers-1").build()?;
    for amount in [10i64, -3, 25] {
        let transfer = producer.begin().await?;
        let (from, to) = (amount.to_be_bytes(), (-amount).to_be_bytes());
        // Nobody needs to await these: the commit waits for them.
        drop(transfer.send(&stage.topic, Record::value(&from).key(b"alice")).await?);
        drop(transfer.send(&stage.topic, Record::value(&to).key(b"bob")).await?);
        if amount < 0 {
            transfer.abort().await?;
            println!("{amount}: thought better of it");
            continue;
        }
        match transfer.commit().await {
            Ok(()) => println!("{amount}: done"),
            // Not committed: to be tried again in the next transaction.
            Err(CommitError::Abortable { cause }) => println!("{amount}: not done, {cause}"),
            // Not committed, and another instance has taken over.
            Err(CommitError::Fatal { cause }) => return Err(cause.into()),
            // Nobody knows: look at what readers see before doing it again.
            Err(CommitError::Unknown { cause }) => println!("{amount}: maybe done, {cause}"),
            Err(other) => return Err(other.into()),
        }
    }
    producer.close(Duration::from_secs(10)).await;
    Ok(())
}
