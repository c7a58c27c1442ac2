//! Runs every client in turn on every case, checks each run, and writes the table.
//!
//! Called by `run.sh`, which builds what it needs.

mod arguments;
mod case;
mod client;
mod figures;
mod kafka;
mod machine;
mod null_broker;
mod pinning;
mod run;
mod schedule;
mod table;

use anyhow::ensure;

fn main() -> anyhow::Result<()> {
    let arguments = arguments::Arguments::read()?;
    let pinning = pinning::Pinning::choose(arguments.pinned);
    let machine = machine::Machine::look(&arguments);
    println!("{}", machine.in_words(&pinning));
    let outcome = schedule::run(&arguments, &pinning)?;
    let text = table::table(&arguments, &machine, &pinning, &outcome);
    std::fs::write(&arguments.output, text)?;
    println!("written to {}", arguments.output.display());
    let failures = outcome.failures_of("ottla");
    ensure!(failures.is_empty(), "ottla failed: {failures:#?}");
    Ok(())
}
