use std::time::Duration;

use proptest::prelude::*;

use super::*;

const LIFE: Life = Life(3);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct At(i64);

impl Mark for At {
    fn next_offset(&self) -> i64 {
        self.0
    }
}

fn at(next: i64) -> Option<At> {
    Some(At(next))
}

fn batch(tracker: &mut Tracker<At>, offsets: &[i64], next: i64) -> Vec<Ticket> {
    tracker.begin_batch(Instant::now());
    let tickets = offsets.iter().map(|&offset| tracker.receive(offset, At(offset + 1))).collect();
    tracker.end_batch(At(next));
    tickets
}

#[test]
fn nothing_done_is_no_position() {
    let mut tracker = Tracker::new(LIFE);
    assert_eq!(tracker.position(), None);
    batch(&mut tracker, &[5, 6], 7);
    assert_eq!(tracker.position(), None);
    assert_eq!(tracker.outstanding(), 2);
}

#[test]
fn the_position_is_one_past_the_last_done_record() {
    let mut tracker = Tracker::new(LIFE);
    let tickets = batch(&mut tracker, &[5, 6, 7], 8);
    assert_eq!(tracker.done(tickets[0]), Completion::Done { released: 1 });
    assert_eq!(tracker.position(), at(6));
}

#[test]
fn done_out_of_order_waits_for_the_oldest() {
    let mut tracker = Tracker::new(LIFE);
    let tickets = batch(&mut tracker, &[5, 6, 7], 8);
    assert_eq!(tracker.done(tickets[2]), Completion::Done { released: 0 });
    assert_eq!(tracker.done(tickets[1]), Completion::Done { released: 0 });
    assert_eq!(tracker.position(), None);
    assert_eq!(tracker.oldest().map(|(offset, _)| offset), Some(5));
    assert_eq!(tracker.done(tickets[0]), Completion::Done { released: 3 });
    assert_eq!(tracker.position(), at(8));
    assert_eq!(tracker.oldest(), None);
}

#[test]
fn gaps_between_records_do_not_hold_the_position() {
    let mut tracker = Tracker::new(LIFE);
    let tickets = batch(&mut tracker, &[5, 9], 14);
    tracker.done(tickets[0]);
    // Not 9: the offsets between belong to no record of ours, and maybe to another leader epoch.
    assert_eq!(tracker.position(), at(6));
    tracker.done(tickets[1]);
    // The tail of the batch (a transaction marker, compacted records) is passed over.
    assert_eq!(tracker.position(), at(14));
}

#[test]
fn a_batch_without_records_moves_the_position() {
    let mut tracker = Tracker::new(LIFE);
    assert!(batch(&mut tracker, &[], 4).is_empty());
    assert_eq!(tracker.position(), at(4));
    let tickets = batch(&mut tracker, &[4], 5);
    batch(&mut tracker, &[], 9);
    assert_eq!(tracker.position(), at(4));
    tracker.done(tickets[0]);
    assert_eq!(tracker.position(), at(9));
}

#[test]
fn tickets_of_another_life_and_repeats_change_nothing() {
    let mut old = Tracker::new(Life(2));
    let stale = batch(&mut old, &[5], 6);
    let mut tracker = Tracker::new(LIFE);
    let tickets = batch(&mut tracker, &[5], 6);
    assert_eq!(tracker.done(stale[0]), Completion::Stale);
    assert_eq!(tracker.position(), None);
    assert_eq!(tracker.done(tickets[0]), Completion::Done { released: 1 });
    assert_eq!(tracker.done(tickets[0]), Completion::Stale);
    assert_eq!(tracker.position(), at(6));
}

#[test]
fn the_oldest_is_as_old_as_its_batch() {
    let mut tracker = Tracker::new(LIFE);
    let start = Instant::now();
    tracker.begin_batch(start);
    let first = tracker.receive(0, At(1));
    tracker.end_batch(At(1));
    tracker.begin_batch(start + Duration::from_secs(1));
    tracker.end_batch(At(1));
    tracker.begin_batch(start + Duration::from_secs(2));
    let second = tracker.receive(1, At(2));
    let third = tracker.receive(2, At(3));
    tracker.end_batch(At(3));
    assert_eq!(tracker.oldest(), Some((0, start)));
    tracker.done(first);
    assert_eq!(tracker.oldest(), Some((1, start + Duration::from_secs(2))));
    tracker.done(second);
    assert_eq!(tracker.oldest(), Some((2, start + Duration::from_secs(2))));
    tracker.done(third);
    assert_eq!(tracker.oldest(), None);
}

/// The obvious way: every offset ever received, in a list.
#[derive(Default)]
struct Naive {
    received: Vec<(i64, i64, bool)>, // offset, position after it, done
    floor: Option<i64>,              // from batches without records at the very start
}

impl Naive {
    fn position(&self) -> Option<i64> {
        let done = self.received.iter().take_while(|(_, _, done)| *done);
        done.last().map(|&(_, after, _)| after).or(self.floor)
    }
}

#[derive(Clone, Debug)]
enum Step {
    Batch { gaps: Vec<i64>, tail: i64 },
    Done(prop::sample::Index),
    Stale(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => (prop::collection::vec(prop_oneof![4 => Just(0i64), 1 => 1..50i64], 0..8), 0..3i64)
            .prop_map(|(gaps, tail)| Step::Batch { gaps, tail }),
        4 => any::<prop::sample::Index>().prop_map(Step::Done),
        1 => (0..64u64).prop_map(Step::Stale),
    ]
}

proptest! {
    #[test]
    fn agrees_with_a_list_of_all_offsets(steps in prop::collection::vec(step(), 1..200)) {
        let mut tracker = Tracker::new(LIFE);
        let mut naive = Naive::default();
        let mut next = 0i64;
        let mut tickets = Vec::new();
        for step in steps {
            match step {
                Step::Batch { gaps, tail } => {
                    let mut offsets = Vec::new();
                    for gap in gaps {
                        next += gap;
                        offsets.push(next);
                        next += 1;
                    }
                    next += tail;
                    tickets.extend(batch(&mut tracker, &offsets, next));
                    naive.received.extend(offsets.iter().map(|&offset| (offset, offset + 1, false)));
                    match naive.received.last_mut() {
                        Some(last) => last.1 = next,
                        None => naive.floor = Some(next),
                    }
                    // What is behind the position already has moved on with the empty batch.
                }
                Step::Done(index) if !tickets.is_empty() => {
                    let index = index.index(tickets.len());
                    let was = std::mem::replace(&mut naive.received[index].2, true);
                    let completion = tracker.done(tickets[index]);
                    prop_assert_eq!(completion == Completion::Stale, was);
                }
                Step::Done(_) => {}
                Step::Stale(seq) => {
                    let completion = tracker.done(Ticket { life: Life(2), seq });
                    prop_assert_eq!(completion, Completion::Stale);
                }
            }
            prop_assert_eq!(tracker.position().map(|At(next)| next), naive.position());
            let undone = naive.received.iter().position(|(_, _, done)| !done);
            prop_assert_eq!(
                tracker.oldest().map(|(offset, _)| offset),
                undone.map(|index| naive.received[index].0)
            );
            let outstanding = undone.map_or(0, |index| naive.received.len() - index);
            prop_assert_eq!(tracker.outstanding(), outstanding);
        }
    }
}
