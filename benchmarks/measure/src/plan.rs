use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::{Payload, WINDOW};

/// Which way the records go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    Produce,
    Consume,
}

/// How the client is set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Settings {
    /// As it comes, but for `acks=all` and idempotence, if it has that.
    Defaults,
    /// All clients alike, as far as they can be.
    Tuned,
    /// As it comes, but that nothing waits for more to send along.
    NoLinger,
}

/// What the batches are compressed with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Codec {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

impl Codec {
    const ALL: [(&'static str, Self); 5] = [
        ("none", Self::None),
        ("gzip", Self::Gzip),
        ("snappy", Self::Snappy),
        ("lz4", Self::Lz4),
        ("zstd", Self::Zstd),
    ];

    /// As Kafka's settings call it.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, codec)| *codec == self).map_or("none", |(name, _)| name)
    }
}

/// The settings of [`Settings::Tuned`].
pub mod tuned {
    use std::time::Duration;

    pub const LINGER: Duration = Duration::from_millis(5);
    pub const BATCH_BYTES: usize = 1_000_000;
    pub const REQUEST_BYTES: usize = 1 << 20;
    pub const IN_FLIGHT: usize = 5;
    pub const BUFFER_BYTES: usize = 64 << 20;
    pub const PARTITION_FETCH_BYTES: usize = 1 << 20;
    pub const FETCH_BYTES: usize = 50 << 20;
}

/// What the command line asks for.
#[derive(Clone, Debug)]
pub struct Plan {
    pub mode: Mode,
    /// Which of the client's interfaces, if it has several.
    pub api: Option<String>,
    pub bootstrap: String,
    /// The topic that is measured.
    pub topic: String,
    /// The topic to warm up on.
    pub warm_topic: String,
    pub partitions: i32,
    pub records: u64,
    pub value_size: usize,
    pub settings: Settings,
    pub codec: Codec,
    /// Values of JSON, with keys.
    pub json: Option<PathBuf>,
    /// Records a second, and how long each takes; or as many as possible.
    pub rate: Option<u64>,
    /// How many records may be without an outcome.
    pub window: usize,
    /// Other words, for a client that can do what others cannot.
    pub extra: Vec<(String, String)>,
    /// Records to warm up with.
    pub warm: u64,
    /// After which the run counts as stuck.
    pub within: Duration,
}

impl Plan {
    /// Reads the command line, and arranges that this process ends when it is stuck.
    pub fn from_arguments() -> anyhow::Result<Self> {
        use lexopt::prelude::*;
        let (mut mode, mut api, mut bootstrap) = (None, None, None);
        let (mut partitions, mut records, mut value_size, mut warm) = (1, 0, 100, 0);
        let (mut settings, mut codec) = (Settings::Defaults, Codec::None);
        let (mut json, mut rate, mut window, mut extra) = (None, None, WINDOW, Vec::new());
        let (mut topic, mut warm_topic) = ("bench".to_owned(), "warm".to_owned());
        let mut within = Duration::from_secs(120);
        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                Value(word) if word == "produce" => mode = Some(Mode::Produce),
                Value(word) if word == "consume" => mode = Some(Mode::Consume),
                Long("api") => api = Some(parser.value()?.string()?),
                Long("bootstrap") => bootstrap = Some(parser.value()?.string()?),
                Long("topic") => topic = parser.value()?.string()?,
                Long("warm-topic") => warm_topic = parser.value()?.string()?,
                Long("partitions") => partitions = parser.value()?.parse()?,
                Long("records") => records = parser.value()?.parse()?,
                Long("value-size") => value_size = parser.value()?.parse()?,
                Long("warm") => warm = parser.value()?.parse()?,
                Long("within") => within = Duration::from_secs(parser.value()?.parse()?),
                Long("settings") => {
                    settings = match parser.value()?.string()?.as_str() {
                        "defaults" => Settings::Defaults,
                        "tuned" => Settings::Tuned,
                        "linger0" => Settings::NoLinger,
                        other => anyhow::bail!("no settings are called `{other}`"),
                    }
                }
                Long("codec") => {
                    let word = parser.value()?.string()?;
                    let known = Codec::ALL.iter().find(|(name, _)| *name == word);
                    codec = known.with_context(|| format!("no codec is called `{word}`"))?.1;
                }
                Long("json") => json = Some(parser.value()?.into()),
                Long("rate") => rate = Some(parser.value()?.parse()?),
                Long("window") => window = parser.value()?.parse()?,
                Long(word) if word.starts_with("x-") => {
                    let word = word.to_owned();
                    extra.push((word, parser.value()?.string()?));
                }
                other => return Err(other.unexpected().into()),
            }
        }
        ensure!(value_size >= 8, "a value has to hold its number: 8 bytes");
        ensure!(records > 0 && partitions > 0, "nothing to do");
        std::thread::spawn(move || {
            std::thread::sleep(within);
            eprintln!("stuck: not done after {within:?}");
            std::process::exit(3);
        });
        Ok(Self {
            mode: mode.context("`produce` or `consume`?")?,
            api,
            bootstrap: bootstrap.context("--bootstrap is missing")?,
            topic,
            warm_topic,
            partitions,
            records,
            value_size,
            settings,
            codec,
            json,
            rate,
            window,
            extra,
            warm,
            within,
        })
    }

    pub fn is_tuned(&self) -> bool {
        self.settings == Settings::Tuned
    }

    /// How long to wait for more records, if the client's default is not meant.
    pub fn linger(&self) -> Option<Duration> {
        match self.settings {
            Settings::Defaults => None,
            Settings::Tuned => Some(tuned::LINGER),
            Settings::NoLinger => Some(Duration::ZERO),
        }
    }

    /// So many records of the kind that was asked for.
    pub fn payload(&self, count: u64) -> anyhow::Result<Payload> {
        match &self.json {
            None => Ok(Payload::new(count, self.value_size)),
            Some(file) => Payload::json(count, self.value_size, file),
        }
    }

    /// What was said with the word `--x-NAME`.
    pub fn extra(&self, name: &str) -> Option<&str> {
        let named = |(word, _): &&(String, String)| word.strip_prefix("x-") == Some(name);
        self.extra.iter().find(named).map(|(_, value)| value.as_str())
    }

    /// The interface that was asked for, or the first of these.
    pub fn api<'a>(&'a self, all: &[&'a str]) -> anyhow::Result<&'a str> {
        match &self.api {
            None => Ok(all[0]),
            Some(api) => {
                let known = all.contains(&api.as_str());
                ensure!(known, "`{api}` is not one of {all:?}");
                Ok(api)
            }
        }
    }
}
