//! rskafka, as an application would use it.

mod batch_producer;
mod consume;
mod own_batches;

use measure::{Codec, Mode, Plan};
use rskafka::client::partition::Compression;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let plan = Plan::from_arguments()?;
    tokio::spawn(async move {
        match (plan.mode, plan.api(&["batch-producer", "own-batches"])?) {
            (Mode::Consume, _) => consume::run(&plan).await,
            (Mode::Produce, "batch-producer") => batch_producer::run(&plan).await,
            (Mode::Produce, _) => own_batches::run(&plan).await,
        }
    })
    .await?
}

fn compression(plan: &Plan) -> Compression {
    match plan.codec {
        Codec::None => Compression::NoCompression,
        Codec::Gzip => Compression::Gzip,
        Codec::Snappy => Compression::Snappy,
        Codec::Lz4 => Compression::Lz4,
        Codec::Zstd => Compression::Zstd,
    }
}
