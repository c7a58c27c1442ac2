use std::collections::VecDeque;
use std::ops::Range;

use ottla_protocol::records::Sequence;

use super::super::{Answer, GivenUp, MAX_IN_FLIGHT, Settled};
use super::*;
use crate::idempotence::Identity;

/// A batch, as the numbers of its records.
type Batch = Range<u32>;

fn named() -> Sequencer<Batch> {
    let mut sequencer = Sequencer::idempotent();
    sequencer.adopt(Identity { id: 42, epoch: 0 });
    let (first, _) = sequencer.drain(0..1, 1);
    sequencer.answered(first, Answer::Written);
    sequencer
}

fn count(batch: &Batch) -> u32 {
    batch.end - batch.start
}

fn cut(batch: &Batch, at: u32) -> Vec<(Batch, u32)> {
    [batch.start..at, at..batch.end].map(|piece| (piece.clone(), count(&piece))).into()
}

fn halves(batch: &Batch) -> Vec<(Batch, u32)> {
    cut(batch, batch.start + count(batch) / 2)
}

#[test]
fn pieces_take_the_numbers_of_the_whole_and_those_behind_keep_theirs() {
    let mut sequencer = named();
    let tickets = [1..11, 11..14].map(|batch| sequencer.drain(batch.clone(), count(&batch)).0);
    assert!(matches!(sequencer.answered(tickets[0], Answer::TooLarge), Settled::Nothing));
    assert_eq!(sequencer.to_split(|_| true), None, "one is in flight");
    sequencer.answered(tickets[1], Answer::OutOfSequence);
    let (ticket, whole) = sequencer.to_split(|_| false).unwrap();
    assert_eq!((ticket, whole), (tickets[0], &(1..11)));
    assert_eq!(sequencer.split(ticket, |whole| cut(whole, 4)), Some(1..11));
    assert!(sequencer.renew().is_empty(), "the epoch is as good as before");
    let sent: Vec<_> = std::iter::from_fn(|| {
        let (_, sequence, batch) = sequencer.resend()?;
        Some((sequence.producer_epoch, sequence.base_sequence, batch.clone()))
    })
    .collect();
    assert_eq!(sent, [(0, 1, 1..4), (0, 4, 4..11), (0, 11, 11..14)]);
    assert_eq!(sequencer.drain(14..15, 1).1.base_sequence, 14);
}

#[test]
fn numbers_wrap_within_a_batch_that_is_split() {
    let mut sequencer = named();
    sequencer.next = i32::MAX - 2;
    let (ticket, _) = sequencer.drain(0..10, 10);
    sequencer.answered(ticket, Answer::TooLarge);
    sequencer.split(ticket, |whole| cut(whole, 5)).unwrap();
    let bases = [0; 2].map(|_| sequencer.resend().unwrap().1.base_sequence);
    assert_eq!(bases, [i32::MAX - 2, 2]);
    assert_eq!(sequencer.drain(10..11, 1).1.base_sequence, 7);
}

#[test]
fn what_is_possibly_written_stays_whole() {
    let mut sequencer = named();
    let (ticket, _) = sequencer.drain(1..9, 8);
    sequencer.answered(ticket, Answer::Unsure);
    assert_eq!(sequencer.to_split(|_| true), None);
    assert_eq!(sequencer.split(ticket, halves), None);
    let (ticket, ..) = sequencer.resend().unwrap();
    let gone = sequencer.answered(ticket, Answer::TooLarge);
    assert!(matches!(gone, Settled::GivenUp(GivenUp { possibly_written: true, .. })));
}

#[test]
fn those_behind_a_batch_that_was_refused_can_be_split_before_they_are_sent_again() {
    let mut sequencer = named();
    let tickets = [1..9, 9..17].map(|batch| sequencer.drain(batch.clone(), count(&batch)).0);
    sequencer.answered(tickets[0], Answer::TooLarge);
    sequencer.answered(tickets[1], Answer::OutOfSequence);
    sequencer.split(tickets[0], halves).unwrap();
    assert_eq!(sequencer.to_split(|batch| count(batch) > 4), None, "the pieces come first");
    sequencer.resend().unwrap();
    sequencer.resend().unwrap();
    let (ticket, _) = sequencer.to_split(|batch| count(batch) > 4).unwrap();
    sequencer.split(ticket, halves).unwrap();
    assert_eq!(sequencer.resend().unwrap().1.base_sequence, 9);
    assert_eq!(sequencer.resend().unwrap().1.base_sequence, 13);
}

#[test]
fn no_more_is_sent_behind_pieces_than_the_broker_recognises() {
    let mut sequencer = named();
    let tickets: Vec<_> = (1..6).map(|n| sequencer.drain(n * 10..n * 10 + 10, 10).0).collect();
    sequencer.answered(tickets[0], Answer::TooLarge);
    for ticket in &tickets[1..] {
        sequencer.answered(*ticket, Answer::OutOfSequence);
    }
    sequencer.split(tickets[0], halves).unwrap();
    let pieces: Vec<_> = std::iter::from_fn(|| Some(sequencer.resend()?.0)).collect();
    assert_eq!(pieces.len(), MAX_IN_FLIGHT);
    // Another's answer makes room on the wire, but not in the broker's memory.
    sequencer.answered(pieces[1], Answer::Written);
    assert!(!sequencer.may_resend() && sequencer.has_resend());
    sequencer.answered(pieces[0], Answer::Written);
    assert!(sequencer.may_resend());
}

#[test]
fn without_retries_nothing_is_sent_twice() {
    let mut sequencer = Sequencer::plain(false);
    let (ticket, _) = sequencer.drain(0..4, 4);
    let gone = sequencer.answered(ticket, Answer::TooLarge);
    assert!(matches!(gone, Settled::GivenUp(GivenUp { possibly_written: false, .. })));
}

/// A partition's leader that takes batches of so many records at most.
struct Leader {
    log: Vec<u32>,
    most: u32,
    next: (i16, i32),
    recent: VecDeque<(i16, i32, u32)>,
}

impl Leader {
    /// As Kafka's `UnifiedLog`: the size first, then whether it is known, then whether it fits.
    fn append(&mut self, sequence: Sequence, batch: &Batch) -> Answer {
        let count = count(batch);
        let this = (sequence.producer_epoch, sequence.base_sequence, count);
        if count > self.most {
            return Answer::TooLarge;
        }
        if self.recent.contains(&this) {
            return Answer::Written;
        }
        let begins = this.0 > self.next.0 && this.1 == 0;
        if !begins && (this.0, this.1) != self.next {
            return Answer::OutOfSequence;
        }
        self.next = (this.0, super::super::advance(this.1, count));
        self.recent.push_back(this);
        if self.recent.len() > MAX_IN_FLIGHT {
            self.recent.pop_front();
        }
        self.log.extend(batch.clone());
        Answer::Written
    }
}

/// Records of one partition, what became of them, and a wire that loses things.
struct World {
    random: fastrand::Rng,
    sequencer: Sequencer<Batch>,
    leader: Leader,
    queue: VecDeque<Batch>,
    wire: VecDeque<(Ticket, Sequence, Batch)>,
    written: Vec<u32>,
    not_written: Vec<u32>,
    unknown: Vec<u32>,
}

const RECORDS: u32 = 200;

impl World {
    fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut sequencer = Sequencer::idempotent();
        sequencer.adopt(Identity { id: 42, epoch: 0 });
        let (mut queue, mut from) = (VecDeque::new(), 0);
        while from < RECORDS {
            let until = (from + random.u32(1..12)).min(RECORDS);
            queue.push_back(from..until);
            from = until;
        }
        let most = random.u32(1..8);
        let leader = Leader { log: Vec::new(), most, next: (0, 0), recent: VecDeque::new() };
        let (wire, (written, not_written, unknown)) = (VecDeque::new(), Default::default());
        Self { random, sequencer, leader, queue, wire, written, not_written, unknown }
    }

    fn send(&mut self) {
        // Sometimes the limit is known by now, sometimes only a refusal tells.
        let (most, knows) = (self.leader.most, self.random.bool());
        let large = |batch: &Batch| knows && count(batch) > most && count(batch) > 1;
        let to_split = self.sequencer.to_split(large).map(|(ticket, _)| ticket);
        if let Some(ticket) = to_split {
            let at = self.random.u32(1..1000);
            let pieces = |whole: &Batch| cut(whole, whole.start + 1 + at % (count(whole) - 1));
            assert!(self.sequencer.split(ticket, pieces).is_some());
        } else if let Some((ticket, sequence, batch)) = self.sequencer.resend() {
            self.wire.push_back((ticket, sequence, batch.clone()));
        } else if self.sequencer.may_drain() {
            if let Some(batch) = self.queue.pop_front() {
                let (ticket, sequence) = self.sequencer.drain(batch.clone(), count(&batch));
                self.wire.push_back((ticket, sequence, batch));
            }
        }
        let recognisable = self.wire.len() <= MAX_IN_FLIGHT;
        assert!(recognisable, "more in flight than the broker recognises");
    }

    fn answer(&mut self, calm: bool) {
        let Some((ticket, sequence, batch)) = self.wire.pop_front() else { return };
        let answer = match if calm { 9 } else { self.random.u8(..10) } {
            0 => Answer::RefusedForNow,
            1 => Answer::Unsure,
            2 => {
                self.leader.append(sequence, &batch);
                Answer::Unsure
            }
            _ => self.leader.append(sequence, &batch),
        };
        // What cannot be split is refused for good.
        let single = answer == Answer::TooLarge && count(&batch) == 1;
        let answer = if single { Answer::RefusedForGood } else { answer };
        match self.sequencer.answered(ticket, answer) {
            Settled::Nothing => {}
            Settled::Written(batch) => self.written.extend(batch),
            Settled::GivenUp(gone) => self.gone(gone),
        }
    }

    fn gone(&mut self, gone: GivenUp<Batch>) {
        let told = if gone.possibly_written { &mut self.unknown } else { &mut self.not_written };
        told.extend(gone.batch);
    }

    fn step(&mut self, calm: bool) {
        match self.random.u8(..5) {
            0..=1 => self.send(),
            2 if !calm && self.random.u8(..40) == 0 => {
                let chosen = self.random.u32(..RECORDS);
                for gone in self.sequencer.expire(|batch| batch.contains(&chosen)) {
                    self.gone(gone);
                }
            }
            _ => self.answer(calm),
        }
        for gone in self.sequencer.give_up_stranded() {
            self.gone(gone);
        }
        for batch in self.sequencer.renew().into_iter().rev() {
            self.queue.push_front(batch);
        }
    }
}

/// Random limits, splits and faults: no record is lost, doubled or reordered that was not given
/// up, and what was given up as not written is not in the log.
#[test]
fn a_thousand_seeds_of_splits_and_faults() {
    for seed in 0..1000 {
        let mut world = World::new(seed);
        let trouble_until = world.random.u32(50..3000);
        for step in 0..8000 {
            world.step(step > trouble_until);
        }
        assert!(world.sequencer.front().is_none(), "seed {seed}: stands still");
        assert!(world.queue.is_empty(), "seed {seed}: {:?} never sent", world.queue);
        let log = &world.leader.log;
        assert!(log.is_sorted_by(|a, b| a < b), "seed {seed}: reordered or doubled: {log:?}");
        for record in 0..RECORDS {
            let told = [&world.written, &world.not_written, &world.unknown];
            let times = told.map(|told| told.iter().filter(|&&other| other == record).count());
            assert_eq!(times.iter().sum::<usize>(), 1, "seed {seed}: record {record}: {times:?}");
            let logged = log.contains(&record);
            assert!(logged || times[0] == 0, "seed {seed}: record {record} lost");
            assert!(!logged || times[1] == 0, "seed {seed}: record {record} written after all");
        }
    }
}
