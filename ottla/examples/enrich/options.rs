//! The command line.

use lexopt::prelude::*;

use crate::fault::Fault;

pub(crate) const HELP: &str = "\
Applies an async function of 5 ms to every record of a topic, by two members of a consumer group,
and checks that nothing is lost, repeated, out of order or committed too early.

Usage: enrich [--records N] [--keys N] [--partitions N] [--concurrency N] [--keep]
              [--break drop|dup|swap|early-commit]

  --records N      records in the input topic (100000)
  --keys N         different keys (1000)
  --partitions N   partitions of either topic (12)
  --concurrency N  handlers that run at a time in each of the two processors (1000)
  --keep           leave the topics on the cluster
  --break FAULT    plant a fault, which the checks must find: the exit code is then not 0

BOOTSTRAP_SERVERS=host:port[,host:port] names a cluster to run on; without it a test broker is
started in this process.
";

/// What to run.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) records: u64,
    pub(crate) keys: u64,
    pub(crate) partitions: i32,
    pub(crate) concurrency: usize,
    pub(crate) keep: bool,
    pub(crate) fault: Option<Fault>,
    /// `BOOTSTRAP_SERVERS`.
    pub(crate) bootstrap: Option<String>,
}

pub(crate) enum Asked {
    Run(Options),
    Help,
}

impl Options {
    pub(crate) fn parse() -> Result<Asked, lexopt::Error> {
        let mut options = Self {
            records: 100_000,
            keys: 1000,
            partitions: 12,
            concurrency: 1000,
            keep: false,
            fault: None,
            bootstrap: std::env::var("BOOTSTRAP_SERVERS").ok().filter(|value| !value.is_empty()),
        };
        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                Long("records") => options.records = parser.value()?.parse()?,
                Long("keys") => options.keys = parser.value()?.parse()?,
                Long("partitions") => options.partitions = parser.value()?.parse()?,
                Long("concurrency") => options.concurrency = parser.value()?.parse()?,
                Long("keep") => options.keep = true,
                Long("break") => options.fault = Some(parser.value()?.parse()?),
                Long("help") | Short('h') => return Ok(Asked::Help),
                other => return Err(other.unexpected()),
            }
        }
        if options.records == 0 || options.keys == 0 || options.partitions < 1 {
            return Err("--records, --keys and --partitions must be at least 1".into());
        }
        // Every key gets as many records as every other, so that the last one of each is known.
        options.keys = options.keys.min(options.records);
        Ok(Asked::Run(options))
    }

    /// How many records the key has.
    pub(crate) fn records_of(&self, key: u64) -> u64 {
        self.records / self.keys + u64::from(key < self.records % self.keys)
    }
}
