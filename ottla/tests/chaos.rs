//! The main job under everything that goes wrong at once: members that join, leave and crash,
//! leaders and coordinators that move, brokers that stop, replies that are lost.
//!
//! A seed decides what goes wrong and when, and time is tokio's paused time. Everything follows from
//! it, to the last byte of every request, so that a seed that fails will fail in the same way again.
//! What is checked is read from the logs of the test broker, not from what the job says of itself:
//! every input has an output, no offset is ever committed before the outputs of all records below
//! it are in the log, and the first outputs of a key are in the order of its inputs.
//!
//! | variable | meaning | unless given |
//! |---|---|---|
//! | `OTTLA_CHAOS_SEEDS` | how many seeds each test runs | 10 |
//! | `OTTLA_CHAOS_FIRST` | the first of them; with one seed, to repeat a failure | 0 |

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what goes wrong here is a failed test"
)]

#[path = "chaos/audit.rs"]
mod audit;
#[path = "chaos/run.rs"]
mod run;
#[path = "chaos/trouble.rs"]
mod trouble;
#[path = "chaos/wire.rs"]
mod wire;

use std::panic::{AssertUnwindSafe, catch_unwind};

use run::{Kind, Trace, run};

fn seeds() -> std::ops::Range<u64> {
    let read = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let first = read("OTTLA_CHAOS_FIRST").unwrap_or(0);
    first..first + read("OTTLA_CHAOS_SEEDS").unwrap_or(10)
}

/// Runs every seed, and names all those that fail.
fn run_all(kind: Kind) -> Vec<Trace> {
    let (mut traces, mut failed) = (Vec::new(), Vec::new());
    for seed in seeds() {
        match catch_unwind(AssertUnwindSafe(|| run(kind, seed))) {
            Ok(trace) => traces.push(trace),
            Err(_) => failed.push(seed),
        }
    }
    assert!(failed.is_empty(), "{kind:?}: failing seeds: {failed:?}");
    traces
}

#[test]
fn members_that_come_and_go_in_good_order_repeat_nothing() {
    for trace in run_all(Kind::Calm) {
        assert_eq!(trace.repeated, 0);
    }
}

#[test]
fn lost_replies_and_moving_leaders_repeat_nothing() {
    for trace in run_all(Kind::Data) {
        assert_eq!(trace.repeated, 0);
    }
}

#[test]
fn crashes_and_faults_of_every_kind_lose_nothing() {
    let traces = run_all(Kind::Hostile);
    // Else there was no trouble to speak of, and the test tests nothing.
    assert!(traces.len() < 10 || traces.iter().any(|trace| trace.repeated > 0));
}

/// Every request, with its bytes and when it was sent.
#[test]
fn the_same_seed_gives_the_same_trace() {
    for kind in [Kind::Calm, Kind::Data, Kind::Hostile] {
        for seed in seeds() {
            let (one, two) = (run(kind, seed), run(kind, seed));
            if let Some(at) = one.sent.iter().zip(&two.sent).position(|(one, two)| one != two) {
                let before = at.saturating_sub(3);
                panic!(
                    "{kind:?}, seed {seed}: request {at} of {} and {} differs:\n{:#?}\nand\n{:#?}",
                    one.sent.len(),
                    two.sent.len(),
                    &one.sent[before..=at],
                    &two.sent[before..=at],
                );
            }
            assert!(!one.sent.is_empty());
            assert_eq!(one.sent.len(), two.sent.len(), "{kind:?}, seed {seed}: requests");
            assert_eq!(one.took, two.took, "{kind:?}, seed {seed}");
            assert_eq!(one.outputs, two.outputs, "{kind:?}, seed {seed}");
        }
    }
}
