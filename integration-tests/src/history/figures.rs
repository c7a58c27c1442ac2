//! What a history amounts to.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::event::{Event, Occurrence, Outcome, Place};

/// Counts of what happened in a run.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Records given to producers.
    pub sent: u64,
    /// Records acknowledged.
    pub written: u64,
    /// Of those, how many without an offset.
    pub written_without_offset: u64,
    /// Records not written, by reason.
    pub not_written: BTreeMap<String, u64>,
    /// Records of which nobody knows, by reason.
    pub unknown: BTreeMap<String, u64>,
    /// Faults by kind.
    pub faults: BTreeMap<String, u64>,
    /// Records that readers got.
    pub handed: u64,
    /// How many of those somebody had got before.
    pub handed_again: u64,
    /// Marks that were accepted.
    pub marks: u64,
    /// Marks that were refused, because the partition had left.
    pub marks_refused: u64,
    /// Commits that were confirmed.
    pub commits: u64,
    /// Commits that were not.
    pub commits_failed: u64,
    /// Members by how they ended.
    pub members: BTreeMap<&'static str, u64>,
    /// Assignments of partitions.
    pub assignments: u64,
    /// Partitions that left without their member being asked.
    pub losses: u64,
    /// For each fault that was mended, how long it took until the producers had gone on.
    pub recoveries: Vec<Recovery>,
    /// From when everything was whole until all records had outcomes, in milliseconds.
    pub flushed_after: Option<u64>,
    /// From when everything was whole until all was committed, in milliseconds.
    pub drained_after: Option<u64>,
}

/// How long a fault had an effect after it had been mended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// The kind of fault.
    pub kind: String,
    /// From when it was mended until every partition had a record that was both sent and
    /// acknowledged after that, in milliseconds.
    pub after: u64,
}

impl Figures {
    /// Counts.
    #[must_use]
    pub fn of(events: &[Event]) -> Self {
        let mut figures = Self::default();
        let mut seen: HashSet<(Place, i64)> = HashSet::new();
        let mut healed = None;
        for event in events {
            let since = |from: Option<u64>| from.map(|from| event.at.saturating_sub(from));
            match &event.what {
                Occurrence::Sending { .. } => figures.sent += 1,
                Occurrence::Settled { outcome, .. } => figures.count(outcome),
                Occurrence::Handed { place, offset, .. } => {
                    figures.handed += 1;
                    figures.handed_again += u64::from(!seen.insert((*place, *offset)));
                }
                Occurrence::Marked { accepted: true, .. } => figures.marks += 1,
                Occurrence::Marked { .. } => figures.marks_refused += 1,
                Occurrence::Committed { confirmed: true, .. } => figures.commits += 1,
                Occurrence::Committed { .. } => figures.commits_failed += 1,
                Occurrence::Assigned { .. } => figures.assignments += 1,
                Occurrence::Lost { .. } => figures.losses += 1,
                Occurrence::Ended { how, .. } => {
                    let how = match how {
                        super::End::Clean => "clean",
                        super::End::Failed => "failed",
                        super::End::Crashed => "crashed",
                    };
                    *figures.members.entry(how).or_default() += 1;
                }
                Occurrence::FaultBegan { kind, .. } => {
                    *figures.faults.entry(kind.clone()).or_default() += 1;
                }
                Occurrence::Healed => healed = Some(event.at),
                Occurrence::Flushed => figures.flushed_after = since(healed),
                Occurrence::Drained => figures.drained_after = since(healed),
                _ => {}
            }
        }
        figures.recoveries = recoveries(events);
        figures
    }

    /// Records not written, for whatever reason.
    #[must_use]
    pub fn not_written_total(&self) -> u64 {
        self.not_written.values().sum()
    }

    /// Records of which nobody knows, for whatever reason.
    #[must_use]
    pub fn unknown_total(&self) -> u64 {
        self.unknown.values().sum()
    }

    /// Whether there was every kind of outcome.
    #[must_use]
    pub fn has_all_outcomes(&self) -> bool {
        self.written > 0 && self.not_written_total() > 0 && self.unknown_total() > 0
    }

    fn count(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Written { offset, .. } => {
                self.written += 1;
                self.written_without_offset += u64::from(offset.is_none());
            }
            Outcome::NotWritten { reason } => {
                *self.not_written.entry(kind(reason)).or_default() += 1;
            }
            Outcome::Unknown { reason } => *self.unknown.entry(kind(reason)).or_default() += 1,
        }
    }
}

fn kind(reason: &str) -> String {
    reason.split('|').next().unwrap_or_default().to_owned()
}

/// For each fault that was mended: when every partition went on.
fn recoveries(events: &[Event]) -> Vec<Recovery> {
    let mut sent: HashMap<_, u64> = HashMap::new();
    let mut partitions: HashSet<i32> = HashSet::new();
    let mut acknowledged = Vec::new();
    for event in events {
        match &event.what {
            Occurrence::Sending { id, .. } => {
                sent.insert(*id, event.at);
            }
            Occurrence::Settled { id, outcome: Outcome::Written { partition, .. } } => {
                partitions.insert(*partition);
                if let Some(sent) = sent.get(id) {
                    acknowledged.push((*sent, event.at, *partition));
                }
            }
            _ => {}
        }
    }
    // What was sent first is looked at first.
    acknowledged.sort_unstable();
    let mut kinds = HashMap::new();
    let mut recoveries = Vec::new();
    for event in events {
        match &event.what {
            Occurrence::FaultBegan { number, kind, .. } => {
                kinds.insert(*number, kind.clone());
            }
            Occurrence::FaultEnded { number } => {
                let from = acknowledged.partition_point(|(sent, ..)| *sent < event.at);
                let mut first: HashMap<i32, u64> = HashMap::new();
                for (sent, at, partition) in acknowledged.get(from..).unwrap_or_default() {
                    let last = first.values().max().copied().unwrap_or_default();
                    // What is sent later than that is not acknowledged earlier.
                    if first.len() == partitions.len() && *sent > last {
                        break;
                    }
                    let known = first.entry(*partition).or_insert(*at);
                    *known = (*known).min(*at);
                }
                if first.len() == partitions.len() {
                    let last = first.values().max().copied().unwrap_or(event.at);
                    let kind = kinds.get(number).cloned().unwrap_or_default();
                    let after = last.saturating_sub(event.at);
                    recoveries.push(Recovery { kind, after });
                }
            }
            _ => {}
        }
    }
    recoveries
}
