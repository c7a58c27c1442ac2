//! rskafka, as an application would use it.

mod batch_producer;
mod consume;
mod own_batches;

use measure::{Mode, Plan};

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
