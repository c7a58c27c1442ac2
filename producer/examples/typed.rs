//! Objects instead of bytes: serialized at once, kept until they are written, or serialized late.
//!
//! `cargo run -p ottla-producer --example typed`; with `BOOTSTRAP_SERVERS` on your own cluster.

#![expect(clippy::print_stdout, reason = "a program that talks to a person")]

mod stage;

use std::time::Duration;

use bytes::BytesMut;
use ottla_producer::{
    Producer,
    typed::{ByItself, Encode, EncodeError, KeepingProducer, LateProducer, TypedProducer},
};
use stage::{BoxError, Stage};

/// A type that knows its own bytes.
#[derive(Clone, Debug)]
struct Reading {
    celsius: f64,
}

impl Encode for Reading {
    fn encode(&self, out: &mut BytesMut) -> Result<(), EncodeError> {
        if !self.celsius.is_finite() {
            return Err(EncodeError::new("a temperature is finite"));
        }
        self.celsius.encode(out)
    }
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), BoxError> {
    let stage = Stage::set().await?;
    let producer = Producer::builder(&stage.client).build()?;
    // Text for the keys of this topic alone; everywhere else keys and values write themselves.
    let as_text = |key: &u64, out: &mut BytesMut| key.to_string().as_str().encode(out);
    let typed = TypedProducer::builder(&producer, ByItself, ByItself)
        .topic(&stage.topic, as_text, ByItself)
        .build();
    let delivery = typed.send(&stage.topic, &1, &Reading { celsius: 21.5 }).await?;
    println!("{:?}", delivery.await?);

    // The objects come back with a failure, and with a refusal.
    let keeping = KeepingProducer::new(typed.clone());
    match keeping.send(&stage.topic, 2, Reading { celsius: f64::NAN }).await {
        Ok(kept) => match kept.await {
            Ok(written) => println!("{written:?}"),
            Err(returned) => println!("{} {:?}: {}", returned.key, returned.value, returned.why),
        },
        Err(refused) => println!("{} {:?}: {}", refused.key, refused.value, refused.refused),
    }

    // Objects wait as such while there is no room, for a second at most.
    let late = LateProducer::builder(typed)
        .capacity(1000)
        .max_wait(Duration::from_secs(1))
        .returned(|back| println!("{}: {}", back.key, back.why))
        .build();
    for number in 0..100 {
        drop(late.send(&stage.topic, number, Reading { celsius: 20.0 }).await?);
    }
    late.flush().await;
    late.close(Duration::from_secs(10)).await;
    println!("{:?}", producer.statistics().records);
    producer.close(Duration::from_secs(10)).await;
    Ok(())
}
