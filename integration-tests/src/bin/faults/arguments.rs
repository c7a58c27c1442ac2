//! The command line.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use lexopt::{Arg, Parser, ValueExt};

pub(crate) const USAGE: &str = "\
faults: a workload on real Kafka while nodes and connections fail, checked against the logs

  --seconds N    how long things go wrong; 60 unless given
  --seed N       decides what goes wrong; by the clock unless given
  --nodes N      3 to 9; 3 unless given
  --report DIR   writes a dated report into this folder
  --keep         keeps the history also when all is well
  --check FILE   only reads a history again and prints its figures

It ends with 0 if the run counts and nothing is wrong, 1 if not, 3 if it could not be made.";

/// What is wanted.
#[derive(Clone, Debug)]
pub(crate) struct Arguments {
    pub(crate) lasting: Duration,
    pub(crate) seed: u64,
    pub(crate) nodes: usize,
    pub(crate) report: Option<PathBuf>,
    pub(crate) keep: bool,
    pub(crate) check: Option<PathBuf>,
}

impl Arguments {
    /// `None` if only the usage is asked for.
    pub(crate) fn read(
        words: impl IntoIterator<Item = OsString>,
    ) -> Result<Option<Self>, lexopt::Error> {
        let mut parser = Parser::from_args(words);
        let mut read = Self {
            lasting: Duration::from_secs(60),
            seed: fastrand::u64(0..1_000_000),
            nodes: 3,
            report: None,
            keep: false,
            check: None,
        };
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("seconds") => {
                    read.lasting = Duration::from_secs(parser.value()?.parse()?);
                }
                Arg::Long("seed") => read.seed = parser.value()?.parse()?,
                Arg::Long("nodes") => read.nodes = parser.value()?.parse()?,
                Arg::Long("report") => read.report = Some(parser.value()?.into()),
                Arg::Long("keep") => read.keep = true,
                Arg::Long("check") => read.check = Some(parser.value()?.into()),
                Arg::Long("help") | Arg::Short('h') => return Ok(None),
                other => return Err(other.unexpected()),
            }
        }
        if !(3..=9).contains(&read.nodes) {
            return Err("3 to 9 nodes are possible".into());
        }
        Ok(Some(read))
    }
}
