//! Runs every client in turn on every case, checks each run, and writes the table.
//!
//! Called by `run.sh`, which builds what it needs.

mod arguments;
mod case;
mod client;
mod figures;
mod json;
mod kafka;
mod machine;
mod null_broker;
mod pinning;
mod readme;
mod run;
mod schedule;
mod sweep;
mod table;

use anyhow::ensure;

fn main() -> anyhow::Result<()> {
    let arguments = arguments::Arguments::read()?;
    let pinning = pinning::Pinning::choose(arguments.pinned);
    let machine = machine::Machine::look(&arguments);
    println!("{}", machine.in_words(&pinning));
    if arguments.sweep {
        let text = sweep::run(&arguments, &machine, &pinning)?;
        std::fs::write(&arguments.output, text)?;
        println!("written to {}", arguments.output.display());
        return Ok(());
    }
    let outcome = schedule::run(&arguments, &pinning)?;
    let text = table::table(&arguments, &machine, &pinning, &outcome);
    std::fs::write(&arguments.output, text)?;
    println!("written to {}", arguments.output.display());
    if let Some(file) = &arguments.readme {
        readme::replace(file, &table::for_readme(&machine, &outcome))?;
        println!("and in short to {}", file.display());
    }
    let failures = outcome.failures_of("ottla");
    ensure!(failures.is_empty(), "ottla failed: {failures:#?}");
    Ok(())
}
