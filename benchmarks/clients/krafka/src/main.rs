//! krafka, as an application would use it.

mod consume;
mod produce;

use measure::{Mode, Plan};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let plan = Plan::from_arguments()?;
    tokio::spawn(async move {
        match plan.mode {
            Mode::Produce => produce::run(&plan).await,
            Mode::Consume => consume::run(&plan).await,
        }
    })
    .await?
}
