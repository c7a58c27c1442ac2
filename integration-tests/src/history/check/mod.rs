//! Compares a history with the logs.
//!
//! | part | what it finds |
//! |---|---|
//! | `producing` | lost, wrong offset, duplicate, reordered, not written yet present, invented, unsettled |
//! | `sequences` | reused sequence |
//! | `reading` | skipped, non-monotonic, misread, processed again |
//! | `ownership` | two owners |
//! | `commits` | early commit, commit went back, unseen, contradictory evidence |
//! | `copying` | no output, output reordered, early commit of processors |

mod commits;
mod copying;
mod ownership;
mod producing;
mod reading;
mod sequences;
mod stays;

use super::{event::Event, logs::Logs, verdict::Verdict};

/// Everything in which the history and the logs do not fit together; nothing if all is well.
///
/// `events` are all events of a run in the order in which they were written down, and `logs` is
/// what was read when nothing ran any more.
#[must_use]
pub fn check(events: &[Event], logs: &Logs) -> Vec<Verdict> {
    let stays = stays::Stays::of(events);
    let mut verdicts = producing::check(events, logs);
    verdicts.extend(sequences::check(logs));
    verdicts.extend(reading::check(events, &stays, logs));
    verdicts.extend(ownership::check(events, &stays));
    verdicts.extend(commits::check(events, &stays, logs));
    verdicts.extend(copying::check(logs));
    verdicts
}
