//! Sequences: the batches of a producer's epoch follow each other without gap or overlap.

use std::collections::HashMap;

use super::super::{
    batch::Batch,
    event::Place,
    logs::Logs,
    verdict::{Anomaly, Verdict},
};

pub(super) fn check(logs: &Logs) -> Vec<Verdict> {
    logs.batches.iter().flat_map(|(place, batches)| of(*place, batches)).collect()
}

fn of(place: Place, batches: &[Batch]) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    // By producer: its newest epoch, and the sequence that comes next.
    let mut next: HashMap<i64, (i16, i32)> = HashMap::new();
    for batch in batches {
        let mut wrong = |detail: String| {
            let verdict = Verdict::new(Anomaly::ReusedSequence, detail);
            verdicts.push(verdict.at(place, batch.base_offset));
        };
        let Batch { producer_id: id, producer_epoch: epoch, base_sequence: base, count, .. } =
            *batch;
        if id < 0 {
            wrong("is of a producer without an identity".to_owned());
            continue;
        }
        let expected = match next.get(&id) {
            Some((newest, _)) if *newest > epoch => {
                wrong(format!("producer {id} went back from epoch {newest} to {epoch}"));
                continue;
            }
            Some((newest, expected)) if *newest == epoch => *expected,
            _ => 0,
        };
        if base != expected {
            let how = if base < expected { "again" } else { "too early" };
            wrong(format!("producer {id} epoch {epoch} uses {base} {how}, {expected} is next"));
        }
        // Kafka counts up to the largest number and goes on from 0.
        let after = base.checked_add(count).unwrap_or_else(|| base.wrapping_add(count) & i32::MAX);
        next.insert(id, (epoch, after));
    }
    verdicts
}
