//! The command line.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// What is to be run.
#[derive(Debug)]
pub struct Arguments {
    /// Where the clients were built.
    pub programs: PathBuf,
    /// The class path of the Java client; without one it is left out.
    pub class_path: Option<String>,
    /// What could not be built, and why.
    pub missing: BTreeMap<String, String>,
    pub rounds: usize,
    /// Minutes that all of it should take.
    pub minutes: f64,
    /// Few records, to see that everything works.
    pub quick: bool,
    /// All cases, not the essential ones.
    pub full: bool,
    /// Words, one of which a client's name must have in it.
    pub clients: Vec<String>,
    /// The same of a case's name.
    pub cases: Vec<String>,
    pub pinned: bool,
    /// A real broker instead of the null broker.
    pub kafka: Option<String>,
    pub output: PathBuf,
    /// A file in which the short table is put between its marks.
    pub readme: Option<PathBuf>,
    /// Nothing but ottla, over `linger` and `min_request_spacing`.
    pub sweep: bool,
    /// What the versions are, as `run.sh` found them.
    pub versions: Vec<String>,
}

impl Arguments {
    /// As they are when nothing is said.
    pub fn plain() -> Self {
        Self {
            programs: PathBuf::from("target/release"),
            class_path: None,
            missing: BTreeMap::new(),
            rounds: 7,
            minutes: 15.0,
            quick: false,
            full: false,
            clients: Vec::new(),
            cases: Vec::new(),
            pinned: true,
            kafka: None,
            output: PathBuf::from("RESULTS.md"),
            readme: None,
            sweep: false,
            versions: Vec::new(),
        }
    }

    pub fn read() -> anyhow::Result<Self> {
        use lexopt::prelude::*;
        let mut this = Self::plain();
        let words = |list: String| list.split(',').map(str::to_owned).collect::<Vec<_>>();
        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                Long("programs") => this.programs = parser.value()?.into(),
                Long("class-path") => this.class_path = Some(parser.value()?.string()?),
                Long("missing") => {
                    let given = parser.value()?.string()?;
                    let (name, why) = given.split_once('=').unwrap_or((&given, "not built"));
                    this.missing.insert(name.to_owned(), why.to_owned());
                }
                Long("rounds") => this.rounds = parser.value()?.parse()?,
                Long("minutes") => this.minutes = parser.value()?.parse()?,
                Long("quick") => this.quick = true,
                Long("full") => this.full = true,
                Long("clients") => this.clients = words(parser.value()?.string()?),
                Long("cases") => this.cases = words(parser.value()?.string()?),
                Long("unpinned") => this.pinned = false,
                Long("kafka") => this.kafka = Some(parser.value()?.string()?),
                Long("readme") => this.readme = Some(parser.value()?.into()),
                Long("sweep") => this.sweep = true,
                Long("output") => this.output = parser.value()?.into(),
                Long("version") => this.versions.push(parser.value()?.string()?),
                other => return Err(other.unexpected().into()),
            }
        }
        if this.quick {
            this.rounds = 1;
        }
        anyhow::ensure!(this.rounds > 0, "at least one round");
        Ok(this)
    }
}
