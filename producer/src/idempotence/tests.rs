use std::collections::VecDeque;

use ottla_protocol::records::Sequence;

use super::{identity::advance, *};

const IDENTITY: Identity = Identity { id: 42, epoch: 0 };

fn named<B>() -> Sequencer<B> {
    let mut sequencer = Sequencer::idempotent();
    sequencer.adopt(IDENTITY);
    sequencer
}

#[test]
fn sequences_wrap_to_zero() {
    assert_eq!(advance(i32::MAX, 1), 0);
    assert_eq!(advance(i32::MAX - 1, 1), i32::MAX);
    assert_eq!(advance(i32::MAX - 1, 4), 2);
}

#[test]
fn nothing_is_drained_without_an_identity() {
    let mut sequencer: Sequencer<u32> = Sequencer::idempotent();
    assert!(!sequencer.may_drain() && sequencer.wants_identity());
    sequencer.adopt(IDENTITY);
    assert!(sequencer.may_drain() && !sequencer.wants_identity());
}

#[test]
fn one_in_flight_until_the_leader_has_proved_itself_then_five() {
    let mut sequencer = named();
    let (first, _) = sequencer.drain(1, 10);
    assert!(!sequencer.may_drain());
    assert!(matches!(sequencer.answered(first, Answer::Written), Settled::Written(1)));
    for batch in 2..7 {
        assert!(sequencer.may_drain());
        let (_, sequence) = sequencer.drain(batch, 10);
        assert_eq!(sequence.base_sequence, 10 * (batch - 1));
    }
    assert!(!sequencer.may_drain());
    sequencer.leader_changed();
    assert!(!sequencer.may_drain());
}

#[test]
fn a_refusal_for_good_goes_to_the_next_epoch_without_loss() {
    let mut sequencer = named();
    let (first, _) = sequencer.drain('a', 1);
    sequencer.answered(first, Answer::Written);
    let tickets = ['b', 'c', 'd'].map(|batch| sequencer.drain(batch, 1).0);
    let gone = sequencer.answered(tickets[0], Answer::RefusedForGood);
    assert!(matches!(gone, Settled::GivenUp(GivenUp { batch: 'b', possibly_written: false })));
    assert!(sequencer.renew().is_empty(), "others are in flight");
    sequencer.answered(tickets[1], Answer::OutOfSequence);
    sequencer.answered(tickets[2], Answer::OutOfSequence);
    assert_eq!(sequencer.renew(), ['c', 'd']);
    let (_, sequence) = sequencer.drain('c', 1);
    let expected = Sequence { producer_id: 42, producer_epoch: 1, base_sequence: 0 };
    assert_eq!(sequence, expected);
}

#[test]
fn the_old_epoch_lasts_while_a_batch_may_be_written() {
    let mut sequencer = named();
    let (first, _) = sequencer.drain('a', 1);
    sequencer.answered(first, Answer::Written);
    let tickets = ['b', 'c'].map(|batch| sequencer.drain(batch, 1).0);
    sequencer.answered(tickets[0], Answer::RefusedForGood);
    sequencer.answered(tickets[1], Answer::Unsure);
    assert!(sequencer.renew().is_empty());
    assert!(!sequencer.may_drain());
    let (_, sequence, batch) = sequencer.resend().unwrap();
    assert_eq!((sequence.producer_epoch, sequence.base_sequence, *batch), (0, 2, 'c'));
}

/// Found on real nodes: 'c' could not be sent again in the old epoch, the next epoch waited for
/// 'd', and 'd' for 'c': the partition stood still until the delivery timeout.
#[test]
fn what_may_be_written_behind_a_hole_does_not_hold_the_next_epoch_up() {
    for last in [Answer::OutOfSequence, Answer::Unsure] {
        let mut sequencer = named();
        let (first, _) = sequencer.drain('a', 1);
        sequencer.answered(first, Answer::Written);
        let tickets = ['b', 'c', 'd', 'e'].map(|batch| sequencer.drain(batch, 1).0);
        sequencer.answered(tickets[0], Answer::RefusedForGood);
        sequencer.answered(tickets[1], Answer::OutOfSequence);
        sequencer.answered(tickets[2], Answer::Unsure);
        assert!(sequencer.give_up_stranded().is_empty(), "one is in flight");
        sequencer.answered(tickets[3], last);
        let gone = sequencer.give_up_stranded();
        let gone: Vec<_> = gone.iter().map(|gone| (gone.batch, gone.possibly_written)).collect();
        let mut left = vec!['c'];
        if last == Answer::Unsure {
            assert_eq!(gone, [('d', true), ('e', true)]);
        } else {
            assert_eq!(gone, [('d', true)]);
            left.push('e');
        }
        assert_eq!(sequencer.renew(), left);
        let (_, sequence) = sequencer.drain('c', 1);
        assert_eq!((sequence.producer_epoch, sequence.base_sequence), (1, 0));
    }
}

#[test]
fn an_expired_batch_that_was_sent_is_possibly_written() {
    let mut sequencer = named();
    let (ticket, _) = sequencer.drain('a', 1);
    let expired = sequencer.expire(|_| true);
    assert!(matches!(expired[..], [GivenUp { batch: 'a', possibly_written: true }]));
    // Its answer comes late and settles nothing twice.
    assert!(matches!(sequencer.answered(ticket, Answer::Written), Settled::Nothing));
    assert!(sequencer.renew().is_empty());
    assert!(sequencer.may_drain());
    assert_eq!(sequencer.drain('b', 1).1.producer_epoch, 1);
}

#[test]
fn a_lost_sequence_does_not_double_what_may_be_written() {
    let mut sequencer = named();
    let (ticket, _) = sequencer.drain('a', 1);
    sequencer.answered(ticket, Answer::Unsure);
    let (ticket, ..) = sequencer.resend().unwrap();
    let gone = sequencer.answered(ticket, Answer::OutOfSequence);
    assert!(matches!(gone, Settled::GivenUp(GivenUp { batch: 'a', possibly_written: true })));
}

#[test]
fn epochs_run_out_and_a_new_id_takes_over() {
    let mut sequencer = Sequencer::idempotent();
    sequencer.adopt(Identity { id: 1, epoch: i16::MAX - 1 });
    let (ticket, _) = sequencer.drain('a', 1);
    sequencer.answered(ticket, Answer::RefusedForGood);
    assert!(sequencer.renew().is_empty());
    assert_eq!(sequencer.exhausted(), Some(1));
    sequencer.adopt(Identity { id: 1, epoch: i16::MAX - 1 });
    assert!(!sequencer.may_drain());
    sequencer.adopt(Identity { id: 2, epoch: 0 });
    assert_eq!(sequencer.drain('b', 1).1.producer_id, 2);
}

/// A partition's leader as far as sequences go: `ProducerAppendInfo` of Kafka in a few lines.
#[derive(Default)]
struct Leader {
    log: Vec<u32>,
    epoch: i16,
    next: Option<i32>,
    /// The last five batches: sequence and record.
    recent: VecDeque<(i16, i32, u32)>,
}

impl Leader {
    fn append(&mut self, sequence: Sequence, batch: u32, count: u32) -> Result<(), ()> {
        let this = (sequence.producer_epoch, sequence.base_sequence);
        if self.recent.iter().any(|&(epoch, base, _)| (epoch, base) == this) {
            return Ok(());
        }
        let fits = match self.next {
            None => true,
            Some(_) if sequence.producer_epoch > self.epoch => sequence.base_sequence == 0,
            Some(next) => sequence.producer_epoch == self.epoch && sequence.base_sequence == next,
        };
        if !fits {
            return Err(());
        }
        self.epoch = sequence.producer_epoch;
        self.next = Some(advance(sequence.base_sequence, count));
        self.recent.push_back((this.0, this.1, batch));
        if self.recent.len() > 5 {
            self.recent.pop_front();
        }
        self.log.push(batch);
        Ok(())
    }
}

/// Random faults against the model: nothing is lost, doubled or reordered that was not given up,
/// and what was given up as not written is not in the log.
#[test]
fn a_thousand_seeds_of_faults() {
    for seed in 0..1000 {
        simulate(seed);
    }
}

fn simulate(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut leader = Leader::default();
    let mut sequencer = named();
    let mut queue: VecDeque<u32> = (0..60).collect();
    let mut wire: VecDeque<(Ticket, Sequence, u32)> = VecDeque::new();
    let (mut written, mut not_written, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
    // Outside of it nothing goes wrong, and behind it everything has to come to its end. For half of
    // the seeds it is short: what is stuck must not wait for another fault to free it.
    let trouble = if random.bool() {
        let from = random.u32(20..150);
        from..from + random.u32(5..30)
    } else {
        0..random.u32(50..3000)
    };
    for step in 0..5000 {
        let calm = !trouble.contains(&step);
        let take = |settled, unknown: &mut Vec<u32>, not_written: &mut Vec<u32>| match settled {
            Settled::Nothing => None,
            Settled::Written(batch) => Some(batch),
            Settled::GivenUp(GivenUp { batch, possibly_written: true }) => {
                unknown.push(batch);
                None
            }
            Settled::GivenUp(GivenUp { batch, .. }) => {
                not_written.push(batch);
                None
            }
        };
        // Drained faster than answered, so that mostly as many are in flight as may be.
        match random.u8(..7) {
            0 | 1 => {
                if let Some((ticket, sequence, &batch)) = sequencer.resend() {
                    wire.push_back((ticket, sequence, batch));
                }
            }
            2..5 if sequencer.may_drain() => {
                if let Some(batch) = queue.pop_front() {
                    let (ticket, sequence) = sequencer.drain(batch, 1 + batch % 3);
                    wire.push_back((ticket, sequence, batch));
                }
            }
            5 if !calm && random.u8(..40) == 0 => {
                let chosen = random.u32(..60);
                for GivenUp { batch, possibly_written } in sequencer.expire(|&b| b == chosen) {
                    if possibly_written { unknown.push(batch) } else { not_written.push(batch) }
                }
            }
            _ => {
                let Some((ticket, sequence, batch)) = wire.pop_front() else { continue };
                let fault = if calm { 9 } else { random.u8(..10) };
                let answer = match fault {
                    // Not appended, and said so.
                    0 => Answer::RefusedForNow,
                    1 if random.bool() => Answer::RefusedForGood,
                    // Lost on the way there, or the answer on the way back.
                    2 => Answer::Unsure,
                    3 => {
                        let _ = leader.append(sequence, batch, 1 + batch % 3);
                        Answer::Unsure
                    }
                    _ => match leader.append(sequence, batch, 1 + batch % 3) {
                        Ok(()) => Answer::Written,
                        Err(()) => Answer::OutOfSequence,
                    },
                };
                let settled = sequencer.answered(ticket, answer);
                written.extend(take(settled, &mut unknown, &mut not_written));
            }
        }
        unknown.extend(sequencer.give_up_stranded().into_iter().map(|gone| gone.batch));
        for batch in sequencer.renew().into_iter().rev() {
            queue.push_front(batch);
        }
    }
    let left = sequencer.expire(|_| true);
    assert!(left.is_empty(), "seed {seed}: stands still: {left:?}");
    assert!(queue.is_empty(), "seed {seed}: {queue:?} never sent");
    assert!(leader.log.is_sorted(), "seed {seed}: reordered: {:?}", leader.log);
    let mut once = leader.log.clone();
    once.dedup();
    assert_eq!(once, leader.log, "seed {seed}: doubled");
    for batch in 0..60 {
        let told = written.iter().chain(&not_written).chain(&unknown);
        assert_eq!(told.filter(|&&b| b == batch).count(), 1, "seed {seed}: batch {batch} told");
        let logged = leader.log.contains(&batch);
        if written.contains(&batch) {
            assert!(logged, "seed {seed}: batch {batch} lost");
        }
        if not_written.contains(&batch) {
            assert!(!logged, "seed {seed}: batch {batch} written after all");
        }
    }
}

#[test]
fn a_new_leader_waits_for_what_is_in_flight_to_the_old_one() {
    let mut sequencer = named();
    let (first, _) = sequencer.drain('a', 1);
    sequencer.answered(first, Answer::Written);
    let tickets = ['b', 'c', 'd'].map(|batch| sequencer.drain(batch, 1).0);
    sequencer.leader_changed();
    // The old leader wrote one more before it lost its office: that proves nothing of the new one.
    sequencer.answered(tickets[0], Answer::Written);
    assert!(!sequencer.may_drain(), "two are in flight to the old leader");
    sequencer.answered(tickets[1], Answer::Unsure);
    assert!(sequencer.resend().is_none());
    sequencer.answered(tickets[2], Answer::Unsure);
    assert!(matches!(sequencer.resend(), Some((_, _, 'c'))));
    assert!(sequencer.resend().is_none(), "the new leader has not proved itself");
}

#[test]
fn a_topic_made_anew_gets_the_next_epoch_once_nothing_is_in_doubt() {
    let mut sequencer = named();
    let (first, _) = sequencer.drain('a', 1);
    sequencer.answered(first, Answer::Written);
    let (second, _) = sequencer.drain('b', 1);
    sequencer.topic_changed();
    sequencer.answered(second, Answer::Unsure);
    assert!(sequencer.renew().is_empty());
    let (again, sequence, _) = sequencer.resend().unwrap();
    assert_eq!((sequence.producer_epoch, sequence.base_sequence), (0, 1));
    sequencer.answered(again, Answer::Written);
    assert!(sequencer.renew().is_empty());
    let (_, sequence) = sequencer.drain('c', 1);
    assert_eq!((sequence.producer_epoch, sequence.base_sequence), (1, 0));
}

#[test]
fn without_sequences_none_is_lost() {
    let mut sequencer = Sequencer::plain(true);
    let (ticket, _) = sequencer.drain('a', 1);
    let gone = sequencer.answered(ticket, Answer::OutOfSequence);
    assert!(matches!(gone, Settled::GivenUp(GivenUp { batch: 'a', possibly_written: false })));
    assert!(sequencer.may_drain());
}

#[test]
fn nothing_is_drained_past_what_the_broker_recognises() {
    let mut sequencer = named();
    let (first, _) = sequencer.drain(0, 1);
    sequencer.answered(first, Answer::Written);
    let tickets = [1, 2, 3, 4].map(|batch| sequencer.drain(batch, 1).0);
    sequencer.answered(tickets[0], Answer::Unsure);
    for ticket in &tickets[1..] {
        sequencer.answered(*ticket, Answer::Written);
    }
    // Sent again, it is one of the last five with one more behind it, but not with two.
    assert!(matches!(sequencer.resend(), Some((_, _, 1))));
    assert!(sequencer.may_drain());
    sequencer.drain(5, 1);
    assert!(!sequencer.may_drain());
}

/// One partition through many transactions, some of which have to be aborted: nothing is numbered
/// outside of one or after something was given up, no epoch is raised by the partition itself, and
/// what was committed is in the log, once and in order.
#[test]
fn a_thousand_seeds_of_transactions() {
    for seed in 0..1000 {
        Transactional::new(seed).run();
    }
}

struct Transactional {
    seed: u64,
    random: fastrand::Rng,
    leader: Leader,
    sequencer: Sequencer<u32>,
    wire: VecDeque<(Ticket, Sequence, u32)>,
    written: Vec<u32>,
    not_written: Vec<u32>,
    unknown: Vec<u32>,
}

impl Transactional {
    fn new(seed: u64) -> Self {
        Self {
            seed,
            random: fastrand::Rng::with_seed(seed),
            leader: Leader::default(),
            sequencer: Sequencer::transactional(),
            wire: VecDeque::new(),
            written: Vec::new(),
            not_written: Vec::new(),
            unknown: Vec::new(),
        }
    }

    fn run(mut self) {
        let seed = self.seed;
        let resolve = self.random.bool();
        let mut identity = IDENTITY;
        let mut next = 0;
        for _ in 0..12 {
            assert!(!self.sequencer.may_drain(), "seed {seed}: it belongs to no transaction");
            self.sequencer.enlist(identity);
            let batches = next..next + self.random.u32(1..12);
            next = batches.end;
            let before = self.leader.log.len();
            let given_up = self.transaction(batches.clone(), identity, resolve);
            let log = &self.leader.log[before..];
            let expected: Vec<u32> = batches.collect();
            if given_up {
                assert!(log.is_sorted(), "seed {seed}: reordered: {log:?}");
            } else {
                assert_eq!(log, expected, "seed {seed}");
            }
            for batch in expected {
                let told = self.written.iter().chain(&self.not_written).chain(&self.unknown);
                assert_eq!(told.filter(|&&told| told == batch).count(), 1, "seed {seed}: {batch}");
                assert!(log.contains(&batch) || !self.written.contains(&batch), "seed {seed}");
                assert!(
                    !(log.contains(&batch) && self.not_written.contains(&batch)),
                    "seed {seed}"
                );
            }
            // As after an abort, or after any end of the second protocol.
            if given_up || self.random.bool() {
                identity.epoch += 1;
            }
        }
    }

    /// Returns whether something was given up.
    fn transaction(
        &mut self,
        batches: std::ops::Range<u32>,
        identity: Identity,
        resolve: bool,
    ) -> bool {
        let mut queue: VecDeque<u32> = batches.collect();
        let mut doomed = false;
        let trouble_until = self.random.u32(0..200);
        for step in 0..2000 {
            let calm = step > trouble_until;
            let mut failed = Vec::new();
            match self.random.u8(..4) {
                0 => {
                    if let Some((ticket, sequence, &batch)) = self.sequencer.resend() {
                        self.wire.push_back((ticket, sequence, batch));
                    }
                }
                1 if self.sequencer.may_drain() => {
                    if let Some(batch) = queue.pop_front() {
                        let (ticket, sequence) = self.sequencer.drain(batch, 1 + batch % 3);
                        let told = (sequence.producer_id, sequence.producer_epoch);
                        assert_eq!(told, (identity.id, identity.epoch), "seed {}", self.seed);
                        self.wire.push_back((ticket, sequence, batch));
                    }
                }
                2 if !calm && self.random.u8(..100) == 0 => {
                    let front = self.sequencer.front().copied();
                    failed.extend(self.sequencer.expire(|&batch| Some(batch) == front));
                }
                _ => failed.extend(self.answer(calm)),
            }
            failed.extend(self.sequencer.give_up_stranded());
            assert!(self.sequencer.renew().is_empty(), "seed {}: raised by itself", self.seed);
            if !failed.is_empty() && !doomed {
                doomed = true;
                self.not_written.extend(queue.drain(..));
                failed.extend(self.sequencer.doom(resolve));
            }
            for GivenUp { batch, possibly_written } in failed {
                let told = if possibly_written { &mut self.unknown } else { &mut self.not_written };
                told.push(batch);
            }
            if queue.is_empty() && self.sequencer.front().is_none() && self.wire.is_empty() {
                self.sequencer.dismiss();
                return doomed;
            }
        }
        panic!("seed {}: stands still: {:?} {queue:?}", self.seed, self.sequencer);
    }

    fn answer(&mut self, calm: bool) -> Option<GivenUp<u32>> {
        let (ticket, sequence, batch) = self.wire.pop_front()?;
        let count = 1 + batch % 3;
        let fault = if calm { 9 } else { self.random.u8(..12) };
        let answer = match fault {
            0 => Answer::RefusedForNow,
            1 if self.random.u8(..6) == 0 => Answer::RefusedForGood,
            2 => Answer::Unsure,
            3 => {
                let _ = self.leader.append(sequence, batch, count);
                Answer::Unsure
            }
            _ => match self.leader.append(sequence, batch, count) {
                Ok(()) => Answer::Written,
                Err(()) => Answer::OutOfSequence,
            },
        };
        match self.sequencer.answered(ticket, answer) {
            Settled::Nothing => None,
            Settled::Written(batch) => {
                self.written.push(batch);
                None
            }
            Settled::GivenUp(gone) => Some(gone),
        }
    }
}

#[test]
fn a_broken_sequence_is_not_begun_again_under_its_own_epoch() {
    let mut sequencer: Sequencer<char> = Sequencer::transactional();
    sequencer.enlist(IDENTITY);
    let (ticket, _) = sequencer.drain('a', 1);
    sequencer.answered(ticket, Answer::RefusedForGood);
    assert!(sequencer.is_broken());
    sequencer.dismiss();
    sequencer.enlist(IDENTITY);
    assert!(!sequencer.may_drain(), "its records would be taken for those before");
    sequencer.dismiss();
    sequencer.enlist(Identity { epoch: 1, ..IDENTITY });
    assert_eq!(sequencer.drain('b', 1).1.base_sequence, 0);
}
