//! A workload on three real nodes while things go wrong, and what the logs say of it afterwards.
//!
//! ```text
//! producers ─┐                        ┌─ nemesis: kills, pauses, moves leaders …
//! readers ───┼─ wire: cuts, stalls, ──┴─► Kafka, three nodes ──► Java reads the logs ─┐
//! copiers ───┘   swallows replies                                                      ▼
//!     └────────────── events ──► journal ─────────────────────────────────────────► checker
//! ```
//!
//! `faults --help` prints the usage.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "invariant: a program for a terminal"
)]

mod arguments;
mod copiers;
mod faults;
mod members;
mod nemesis;
mod producers;
mod readers;
mod report;
mod run;
mod wire;
mod world;

use std::{env, process::ExitCode};

use arguments::{Arguments, USAGE};

fn main() -> ExitCode {
    let arguments = match Arguments::read(env::args_os().skip(1)) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(mistake) => {
            eprintln!("faults: {mistake}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = runtime.map_err(Into::into).and_then(|runtime| {
        let done = runtime.block_on(run::run(&arguments));
        // Whatever hangs must not keep the program.
        runtime.shutdown_background();
        done
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("faults: {error}");
            ExitCode::from(3)
        }
    }
}
