//! The main job, end to end: an async function applied to every record of a topic by two members
//! of a consumer group, its results produced to another topic, offsets committed only when the
//! results are acknowledged; and then everything checked.
//!
//! `cargo run --release -p ottla --example enrich` runs it on the test broker, which it starts
//! itself. With `BOOTSTRAP_SERVERS=host:port` it runs on that cluster, in fresh topics that are
//! removed at the end.
//!
//! Exit code: 0 if every check is true, 1 if one is not, 2 for a wrong command line, 3 if the job
//! could not be run.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that talks to a person")]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of records and partitions that its own command line bounds"
)]

mod audit;
mod check;
mod fault;
mod fill;
mod item;
mod ledger;
mod options;
mod stage;
mod work;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use ottla::{BoxError, Client};

use options::{Asked, Options};
use stage::Stage;

fn main() -> ExitCode {
    let options = match Options::parse() {
        Ok(Asked::Run(options)) => options,
        Ok(Asked::Help) => {
            print!("{}", options::HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("{error}\n\n{}", options::HELP);
            return ExitCode::from(2);
        }
    };
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("no runtime: {error}");
            return ExitCode::from(3);
        }
    };
    match runtime.block_on(run(&options)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("enrich could not run: {error}");
            ExitCode::from(3)
        }
    }
}

/// Runs the job and says whether every check is true.
async fn run(options: &Options) -> Result<bool, BoxError> {
    let stage = Stage::set(options).await?;
    let outcome = job(options, &stage).await;
    stage.clear(options.keep).await;
    outcome
}

async fn job(options: &Options, stage: &Stage) -> Result<bool, BoxError> {
    let client: &Client = &stage.client;
    println!("input  {}\noutput {}\ngroup  {}", stage.input, stage.output, stage.group);
    fill::fill(client, stage, options).await?;

    let began = Instant::now();
    let workers = work::start(client, stage, options)?;
    let audit = audit::watch(client, stage, options).await;
    let took = began.elapsed();
    let reports = work::finish(workers).await?;
    let audit = audit?;

    let checked = check::read_back(client, stage, options).await?;
    Ok(check::print(options, &checked, &audit, &reports, took))
}

/// How long nothing may happen before the job counts as stuck.
const PATIENCE: Duration = Duration::from_secs(30);
