//! librdkafka through the `rdkafka` crate, by each of its producers and consumers.

mod base_consumer;
mod future_producer;
mod settings;
mod stream_consumer;
mod threaded_producer;

use measure::{Mode, Plan};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let plan = Plan::from_arguments()?;
    match plan.mode {
        Mode::Produce => match plan.api(&["threaded", "future"])? {
            "threaded" => threaded_producer::run(&plan),
            _ => tokio::spawn(async move { future_producer::run(&plan).await }).await?,
        },
        Mode::Consume => match plan.api(&["base", "stream"])? {
            "base" => base_consumer::run(&plan),
            _ => tokio::spawn(async move { stream_consumer::run(&plan).await }).await?,
        },
    }
}
