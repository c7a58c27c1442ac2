//! A broker that keeps nothing.
//!
//! It acknowledges what is produced, after checking it, and serves prepared batches to consumers. It is written from
//! the protocol's documentation alone and shares no code with any client, so that it cannot share their mistakes.
//!
//! ```text
//! null-broker [--delay-ms D] [--partitions P] [--end-offset E] [--value-size V] [--batch-records R] [--ring-bytes B]
//! ```
//!
//! It prints `listening HOST:PORT`, runs until its standard input ends, and prints what it saw as one line of JSON.

mod api;
mod connection;
mod inflate;
mod ledger;
mod prepared;
mod produced;
mod wire;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use ledger::Ledger;
use prepared::Prepared;

/// What the command line says.
#[derive(Debug)]
pub struct Settings {
    /// How late a Produce or Fetch is answered.
    delay: Duration,
    /// Partitions of every topic.
    partitions: i32,
    /// Records in every partition, to be consumed.
    end_offset: i64,
    /// Bytes of a prepared record's value.
    value_size: usize,
    /// Records of a prepared batch.
    batch_records: usize,
    /// About how many bytes of distinct batches are prepared; the log repeats them.
    ring_bytes: usize,
    /// Where it listens.
    port: u16,
}

/// What all connections share.
#[derive(Debug)]
pub struct Broker {
    settings: Settings,
    port: u16,
    prepared: Prepared,
    ledger: Ledger,
}

fn settings() -> anyhow::Result<Settings> {
    use lexopt::prelude::*;
    let mut settings = Settings {
        delay: Duration::ZERO,
        partitions: 1,
        end_offset: 0,
        value_size: 100,
        batch_records: 144,
        ring_bytes: 16 << 20,
        port: 0,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("delay-ms") => settings.delay = Duration::from_millis(parser.value()?.parse()?),
            Long("partitions") => settings.partitions = parser.value()?.parse()?,
            Long("end-offset") => settings.end_offset = parser.value()?.parse()?,
            Long("value-size") => settings.value_size = parser.value()?.parse()?,
            Long("batch-records") => settings.batch_records = parser.value()?.parse()?,
            Long("ring-bytes") => settings.ring_bytes = parser.value()?.parse()?,
            Long("port") => settings.port = parser.value()?.parse()?,
            other => return Err(other.unexpected().into()),
        }
    }
    anyhow::ensure!(settings.value_size >= 8, "a value has to hold its number: 8 bytes");
    anyhow::ensure!(settings.partitions > 0 && settings.batch_records > 0, "nothing to serve");
    let whole = settings.end_offset % settings.batch_records as i64 == 0;
    anyhow::ensure!(whole, "the log has to end with a whole batch");
    Ok(settings)
}

fn main() -> anyhow::Result<()> {
    let settings = settings()?;
    let prepared = if settings.end_offset > 0 {
        Prepared::new(settings.value_size, settings.batch_records, settings.ring_bytes)
    } else {
        Prepared::nothing()
    };
    let listener = TcpListener::bind(("127.0.0.1", settings.port))?;
    let port = listener.local_addr()?.port();
    let broker = Arc::new(Broker { settings, port, prepared, ledger: Ledger::default() });

    println!("listening 127.0.0.1:{port}");
    std::io::stdout().flush()?;
    {
        let broker = Arc::clone(&broker);
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let broker = Arc::clone(&broker);
                std::thread::spawn(move || {
                    if let Err(error) = connection::serve(&broker, socket) {
                        eprintln!("null-broker: {error:#}");
                        broker.ledger.fault(format!("{error:#}"));
                    }
                });
            }
        });
    }
    std::io::stdin().read_to_end(&mut Vec::new())?;
    println!("{}", broker.ledger.report(&broker.prepared)?);
    Ok(())
}
