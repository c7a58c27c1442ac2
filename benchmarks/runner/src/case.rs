//! What is measured.

use std::fmt;

use crate::arguments::Arguments;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    Produce,
    Consume,
}

/// One row of the matrix.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Case {
    pub mode: Mode,
    pub value_size: usize,
    pub partitions: usize,
    /// How late the broker answers.
    pub delay_ms: u64,
    pub tuned: bool,
    /// About how large the batches are that are consumed.
    pub batch_bytes: usize,
    pub real_kafka: bool,
}

impl Case {
    const fn produce(value_size: usize, partitions: usize, delay_ms: u64, tuned: bool) -> Self {
        let mode = Mode::Produce;
        Self { mode, value_size, partitions, delay_ms, tuned, batch_bytes: 0, real_kafka: false }
    }

    const fn consume(value_size: usize, partitions: usize, batch_kib: usize, tuned: bool) -> Self {
        let (mode, batch_bytes) = (Mode::Consume, batch_kib << 10);
        Self { mode, value_size, partitions, delay_ms: 0, tuned, batch_bytes, real_kafka: false }
    }

    /// The word that `--settings` has for it.
    pub const fn settings(&self) -> &'static str {
        if self.tuned { "tuned" } else { "defaults" }
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

    const fn on_kafka(mut self) -> Self {
        self.real_kafka = true;
        self
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (value, partitions) = (self.value_size, self.partitions);
        let settings = self.settings();
        match self.mode {
            Mode::Produce => write!(f, "produce-{value}B-{partitions}p")?,
            Mode::Consume => write!(f, "consume-{value}B-{partitions}p")?,
        }
        match self.mode {
            _ if self.real_kafka => write!(f, "-kafka")?,
            Mode::Produce => write!(f, "-{}ms", self.delay_ms)?,
            Mode::Consume => write!(f, "-{}KiB", self.batch_bytes >> 10)?,
        }
        write!(f, "-{settings}")
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
        all.retain(|case| {
            let name = case.to_string();
            arguments.cases.iter().any(|word| name.contains(word.as_str()))
        });
    }
    if arguments.quick {
        all.retain(|case| !case.tuned && case.delay_ms <= 2);
    }
    all
}

fn essential() -> Vec<Case> {
    vec![
        Case::produce(100, 1, 0, false),
        Case::produce(100, 12, 0, false),
        Case::produce(1024, 1, 0, false),
        Case::produce(1024, 12, 0, false),
        Case::produce(100, 12, 2, false),
        Case::produce(100, 12, 20, false),
        Case::produce(100, 12, 0, true),
        Case::produce(1024, 12, 0, true),
        Case::consume(100, 1, 16, false),
        Case::consume(100, 12, 16, false),
        Case::consume(1024, 12, 16, false),
        Case::consume(100, 12, 16, true),
    ]
}

fn everything() -> Vec<Case> {
    let mut all = Vec::new();
    for tuned in [false, true] {
        for value in [100, 1024] {
            for partitions in [1, 12] {
                for delay in [0, 2, 20] {
                    all.push(Case::produce(value, partitions, delay, tuned));
                }
                for batch in [16, 1024] {
                    all.push(Case::consume(value, partitions, batch, tuned));
                }
            }
        }
    }
    all
}

fn on_kafka() -> Vec<Case> {
    let mut all = Vec::new();
    for value in [100, 1024] {
        for partitions in [1, 12] {
            all.push(Case::produce(value, partitions, 0, false).on_kafka());
            all.push(Case::consume(value, partitions, 16, false).on_kafka());
        }
    }
    all
}
