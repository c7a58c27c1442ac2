//! Scorecard 18: histories that are as they should be pass, and each known flaw is found in all.

mod flaws;
mod world;

use super::{Event, Figures, Logs, check, java_hash, payload, record_id};
use flaws::{FLAWS, Flaw};
use world::World;

#[test]
fn histories_without_a_flaw_pass() {
    for seed in 0..SEEDS {
        let (events, logs) = World::history(seed);
        let verdicts = check(&events, &logs);
        assert!(verdicts.is_empty(), "seed {seed}: {verdicts:?}");
        let figures = Figures::of(&events);
        assert!(figures.has_all_outcomes(), "seed {seed}: {figures:?}");
    }
}

/// Each flaw is planted into as many histories, and each time named with its partition and offset
/// or its record.
#[test]
fn every_planted_flaw_is_found() {
    let mut planted = vec![0_u64; FLAWS.len()];
    let mut missed = Vec::new();
    // Not every history has room for every flaw.
    for seed in 0..4 * SEEDS {
        if planted.iter().all(|planted| *planted == SEEDS) {
            break;
        }
        let (events, logs) = World::history(seed);
        for (Flaw { name, anomaly, plant }, planted) in FLAWS.iter().zip(&mut planted) {
            let (mut events, mut logs) = (events.clone(), logs.clone());
            let mut rng = fastrand::Rng::with_seed(seed);
            if *planted == SEEDS {
                continue;
            }
            let Some(found) = plant(&mut rng, &mut events, &mut logs) else { continue };
            *planted += 1;
            let verdicts = check(&events, &logs);
            let named = verdicts.iter().any(|verdict| {
                verdict.anomaly == *anomaly
                    && match found {
                        flaws::Found::Record(id) => verdict.record == Some(id),
                        flaws::Found::Offset(place, offset) => {
                            (verdict.place, verdict.offset) == (Some(place), Some(offset))
                        }
                    }
            });
            if !named {
                missed.push((name, seed, found, verdicts));
            }
        }
    }
    assert!(missed.is_empty(), "missed {}: {:?}", missed.len(), missed.first());
    let rare: Vec<_> =
        FLAWS.iter().zip(&planted).filter(|(_, planted)| **planted < SEEDS).collect();
    assert!(rare.is_empty(), "planted too seldom: {rare:?}");
}

/// A commit whose answer was lost may arrive behind a newer one: Kafka cannot tell, nor any client.
#[test]
fn a_commit_that_comes_late_is_blamed_on_nobody_while_things_are_broken() {
    for seed in 0..50 {
        let (mut events, mut logs) = World::history(seed);
        let began = super::Occurrence::FaultBegan {
            number: 1_000,
            kind: "cut".to_owned(),
            target: "all".to_owned(),
        };
        events.insert(0, Event { at: 0, what: began });
        let index = logs.commits.len() / 2;
        let commit = logs.commits[index];
        let late = super::Commit { offset: commit.offset - 1, ..commit };
        logs.commits.insert(index + 1, late);
        let verdicts = check(&events, &logs);
        assert!(verdicts.is_empty(), "seed {seed}: {verdicts:?}");
    }
}

#[test]
fn events_are_read_as_they_were_written() {
    for seed in 0..20 {
        for event in World::history(seed).0 {
            assert_eq!(event.to_string().parse(), Ok(event));
        }
    }
    for line in ["", "x 1", "s 1 2", "s 1 2 3 - - -", "H", "m 1 2 load 3 4 5 6 2", "j 1 2 others"] {
        assert!(line.parse::<Event>().is_err(), "{line}");
    }
}

#[test]
fn values_show_every_byte_that_is_not_theirs() {
    let id = super::RecordId { stream: 7, number: 65_536 };
    for length in [0, 8, 9, 100, 10_000] {
        let value = payload(id, length);
        assert_eq!(record_id(&value), Some(id));
        for at in [0, value.len() / 2, value.len() - 1] {
            let mut wrong = value.clone();
            wrong[at] ^= 1;
            assert_ne!(record_id(&wrong), Some(id), "{at} of {length}");
        }
    }
    // As `jshell` says.
    assert_eq!(java_hash(b""), 1);
    assert_eq!(java_hash(&[1, 2, 0xff]), 29_791 + 961 + 2 * 31 - 1);
}

/// How many histories each flaw is planted in.
const SEEDS: u64 = 200;

type History = (Vec<Event>, Logs);
