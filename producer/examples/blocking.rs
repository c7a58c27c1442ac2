//! A producer for threads that know nothing of async.
//!
//! `cargo run -p ottla-producer --example blocking`; with `BOOTSTRAP_SERVERS` on your own cluster.

#![expect(clippy::print_stdout, reason = "a program that talks to a person")]

mod stage;

use std::time::Duration;

use ottla_producer::{Record, blocking::Producer};
use stage::{BoxError, Stage};

pub(crate) fn main() -> Result<(), BoxError> {
    // Only the test broker needs this runtime; the producer starts one for itself.
    let runtime = tokio::runtime::Runtime::new()?;
    let stage = runtime.block_on(Stage::set())?;
    let async_producer = {
        let _entered = runtime.enter();
        ottla_producer::Producer::builder(&stage.client).build()?
    };
    // A view of a producer that runs elsewhere; `Producer::start` runs one on a thread of its own.
    let producer = Producer::of(async_producer);
    let threads: Vec<_> = (0..4u32)
        .map(|number| {
            let (producer, topic) = (producer.clone(), stage.topic.clone());
            std::thread::spawn(move || -> Result<_, BoxError> {
                let mut delivery = producer.send(&topic, Record::value(&number.to_be_bytes()))?;
                Ok(delivery.wait()?)
            })
        })
        .collect();
    for thread in threads {
        println!("{:?}", thread.join().map_err(|_| "a thread panicked")??);
    }
    producer.flush()?;
    println!("left: {:?}", producer.close(Duration::from_secs(10))?);
    Ok(())
}
