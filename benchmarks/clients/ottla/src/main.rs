//! ottla, as an application would use it.

mod consume;
mod overload;
mod produce;

use measure::{Mode, Plan};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let plan = Plan::from_arguments()?;
    // On a worker: the future that is given to `main` runs outside of the pool.
    tokio::spawn(async move {
        match plan.mode {
            Mode::Produce => match plan.api(&APIS)? {
                "producer" => produce::run(&plan).await,
                strategy => overload::run(&plan, strategy).await,
            },
            Mode::Consume => consume::run(&plan).await,
        }
    })
    .await?
}

const APIS: [&str; 5] =
    ["producer", "overload-wait", "overload-fail", "overload-drop-newest", "overload-drop-oldest"];
