//! What is measured.

use std::fmt;

use crate::arguments::Arguments;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    Produce,
    Consume,
}

/// How clients are set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Settings {
    Defaults,
    Tuned,
    NoLinger,
}

/// How fast records are sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Load {
    /// As fast as the client goes.
    Most,
    /// So many a second, and how long each takes.
    Rate(u64),
    /// Half of what the client can, and how long each takes.
    Half,
    /// Twice what a small buffer lets through.
    Overload,
}

/// One row of the matrix.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Case {
    pub mode: Mode,
    pub value_size: usize,
    pub partitions: usize,
    /// How late the broker answers.
    pub delay_ms: u64,
    pub settings: Settings,
    pub load: Load,
    /// What the batches are compressed with; then values are JSON and have keys.
    pub codec: Option<&'static str>,
    /// About how large the batches are that are consumed.
    pub batch_bytes: usize,
    pub real_kafka: bool,
}

pub const CODECS: [&str; 4] = ["lz4", "zstd", "snappy", "gzip"];

impl Case {
    const fn produce(value_size: usize, partitions: usize, delay_ms: u64) -> Self {
        Self {
            mode: Mode::Produce,
            value_size,
            partitions,
            delay_ms,
            settings: Settings::Defaults,
            load: Load::Most,
            codec: None,
            batch_bytes: 0,
            real_kafka: false,
        }
    }

    const fn consume(value_size: usize, partitions: usize, batch_kib: usize) -> Self {
        let produce = Self::produce(value_size, partitions, 0);
        Self { mode: Mode::Consume, batch_bytes: batch_kib << 10, ..produce }
    }

    const fn compressed(codec: &'static str) -> Self {
        Self { codec: Some(codec), ..Self::produce(1024, 12, 0) }
    }

    const fn latency(load: Load, settings: Settings) -> Self {
        Self { load, settings, ..Self::produce(100, 12, 0) }
    }

    /// A point of the sweep.
    pub const fn at(rate: u64, delay_ms: u64) -> Self {
        Self { delay_ms, ..Self::latency(Load::Rate(rate), Settings::Defaults) }
    }

    const fn overload() -> Self {
        Self { load: Load::Overload, ..Self::produce(100, 12, 20) }
    }

    const fn set(self, settings: Settings) -> Self {
        Self { settings, ..self }
    }

    const fn on_kafka(self) -> Self {
        Self { real_kafka: true, ..self }
    }

    /// Whether it is about how long a record takes.
    pub const fn is_timed(&self) -> bool {
        matches!(self.load, Load::Rate(_) | Load::Half)
    }

    /// The word that `--settings` has for it.
    pub const fn settings(&self) -> &'static str {
        match self.settings {
            Settings::Defaults => "defaults",
            Settings::Tuned => "tuned",
            Settings::NoLinger => "linger0",
        }
    }

    /// Records of a prepared batch.
    pub const fn batch_records(&self) -> usize {
        const AROUND_A_VALUE: usize = 10;
        let records = self.batch_bytes / (self.value_size + AROUND_A_VALUE);
        if records == 0 { 1 } else { records }
    }

    /// A number of records near this one that can be: what is consumed are whole batches in all partitions.
    pub const fn records(&self, near: u64) -> u64 {
        if self.batch_bytes == 0 || self.real_kafka {
            return near;
        }
        let unit = (self.batch_records() * self.partitions) as u64;
        if near <= unit { unit } else { near / unit * unit }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (value, partitions) = (self.value_size, self.partitions);
        match (self.mode, self.load) {
            (Mode::Produce, Load::Most) => write!(f, "produce")?,
            (Mode::Produce, Load::Overload) => write!(f, "overload")?,
            (Mode::Produce, _) => write!(f, "latency")?,
            (Mode::Consume, _) => write!(f, "consume")?,
        }
        match self.codec {
            None => write!(f, "-{value}B-{partitions}p")?,
            Some(codec) => write!(f, "-json-{value}B-{partitions}p-{codec}")?,
        }
        match self.mode {
            _ if self.real_kafka => write!(f, "-kafka")?,
            Mode::Produce => write!(f, "-{}ms", self.delay_ms)?,
            Mode::Consume => write!(f, "-{}KiB", self.batch_bytes >> 10)?,
        }
        match self.load {
            Load::Most | Load::Overload => {}
            Load::Rate(rate) => write!(f, "-{rate}/s")?,
            Load::Half => write!(f, "-half")?,
        }
        write!(f, "-{}", self.settings())
    }
}

/// The cases that the command line asks for.
pub fn wanted(arguments: &Arguments) -> Vec<Case> {
    let mut all = if arguments.kafka.is_some() {
        on_kafka()
    } else if arguments.full {
        everything()
    } else {
        essential()
    };
    if !arguments.cases.is_empty() {
        // What is asked for by name need not be essential.
        if arguments.kafka.is_none() {
            all = everything();
        }
        all.retain(|case| {
            let name = case.to_string();
            arguments.cases.iter().any(|word| name.contains(word.as_str()))
        });
    }
    if arguments.quick && arguments.cases.is_empty() {
        all.retain(|case| case.settings != Settings::Tuned && case.delay_ms <= 2);
    }
    all
}

/// What the README's table has.
fn essential() -> Vec<Case> {
    vec![
        Case::produce(100, 1, 0),
        Case::produce(100, 12, 0),
        Case::produce(100, 1000, 0),
        Case::produce(100, 12, 0).set(Settings::Tuned),
        Case::produce(100, 1, 2),
        Case::produce(100, 12, 20),
        Case::produce(1024, 12, 0),
        Case::compressed("lz4"),
        Case::compressed("zstd"),
        Case::latency(Load::Rate(1000), Settings::NoLinger),
        Case::latency(Load::Rate(1000), Settings::Defaults),
        Case::latency(Load::Half, Settings::Defaults),
        Case::overload(),
        Case::consume(100, 12, 16),
        Case::consume(1024, 12, 16),
    ]
}

fn everything() -> Vec<Case> {
    let mut all = Vec::new();
    for settings in [Settings::Defaults, Settings::Tuned] {
        for value in [100, 1024] {
            for partitions in [1, 12, 1000] {
                for delay in [0, 2, 20] {
                    all.push(Case::produce(value, partitions, delay).set(settings));
                }
            }
            for partitions in [1, 12] {
                for batch in [16, 1024] {
                    all.push(Case::consume(value, partitions, batch).set(settings));
                }
            }
        }
        all.extend(CODECS.map(|codec| Case::compressed(codec).set(settings)));
    }
    for settings in [Settings::NoLinger, Settings::Defaults] {
        all.push(Case::latency(Load::Rate(1000), settings));
        all.push(Case::latency(Load::Half, settings));
    }
    all.push(Case::overload());
    all
}

fn on_kafka() -> Vec<Case> {
    let mut all = Vec::new();
    for value in [100, 1024] {
        for partitions in [1, 12] {
            all.push(Case::produce(value, partitions, 0).on_kafka());
            all.push(Case::consume(value, partitions, 16).on_kafka());
        }
    }
    all.push(Case::latency(Load::Rate(1000), Settings::NoLinger).on_kafka());
    all.push(Case::latency(Load::Rate(1000), Settings::Defaults).on_kafka());
    all
}
