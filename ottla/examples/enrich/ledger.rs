//! What has been seen of the outputs, and what is wrong with it.

use std::collections::HashSet;

use crate::{item::Enriched, options::Options};

/// Fed with the outputs of each partition in the order of their offsets.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// How often each record of each key came.
    seen: Vec<Vec<u32>>,
    /// The highest sequence of each key so far, plus one.
    reached: Vec<u64>,
    /// The inputs whose outputs came.
    inputs: HashSet<(i32, i64)>,
    pub(crate) records: u64,
    pub(crate) repeated: u64,
    pub(crate) out_of_order: u64,
    pub(crate) foreign: u64,
}

impl Ledger {
    pub(crate) fn new(options: &Options) -> Self {
        let keys = 0..options.keys;
        let counts = keys.clone().map(|key| vec![0; options.records_of(key) as usize]);
        Self { seen: counts.collect(), reached: keys.map(|_| 0).collect(), ..Self::default() }
    }

    pub(crate) fn take(&mut self, key: Option<&[u8]>, value: Option<&[u8]>) {
        self.records += 1;
        let Some(enriched) = value.and_then(Enriched::read) else {
            self.foreign += 1;
            return;
        };
        let item = enriched.item;
        let (Some(seen), Some(reached)) =
            (self.seen.get_mut(item.key as usize), self.reached.get_mut(item.key as usize))
        else {
            self.foreign += 1;
            return;
        };
        let Some(times) = seen.get_mut(item.sequence as usize) else {
            self.foreign += 1;
            return;
        };
        if key != Some(item.key_text().as_bytes()) {
            self.foreign += 1;
        }
        *times += 1;
        self.inputs.insert((enriched.partition, enriched.offset));
        if *times > 1 {
            self.repeated += 1;
        } else if item.sequence < *reached {
            self.out_of_order += 1;
        }
        *reached = (*reached).max(item.sequence + 1);
    }

    /// Records whose output never came.
    pub(crate) fn lost(&self) -> u64 {
        self.seen.iter().flatten().filter(|times| **times == 0).count() as u64
    }

    /// Whether the output of this input came.
    pub(crate) fn has(&self, partition: i32, offset: i64) -> bool {
        self.inputs.contains(&(partition, offset))
    }
}
