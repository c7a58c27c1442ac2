//! A cluster, producers and groups that do everything right, in miniature.

use std::collections::{BTreeMap, HashMap};

use fastrand::Rng;

use super::History;
use crate::history::{
    Batch, Commit, Content, End, Event, Group, Logged, Logs, Occurrence, Outcome, Place, RecordId,
    Topic,
};

pub(super) struct World {
    rng: Rng,
    now: u64,
    events: Vec<Event>,
    logs: Logs,
    streams: Vec<Stream>,
    members: Vec<Member>,
    started: u32,
    epochs: u64,
    generation: i32,
    ticket: u64,
    /// What each copier partition has done, and committed.
    copied: HashMap<Place, i64>,
}

/// A producer with an identity for each partition, as it would be after giving batches up.
#[derive(Default)]
struct Stream {
    number: u32,
    sequences: HashMap<Place, (i16, i32)>,
}

struct Member {
    id: u32,
    stays: BTreeMap<Place, Stay>,
}

struct Stay {
    epoch: u64,
    position: i64,
    marked: Option<i64>,
}

impl World {
    /// All of a history; the same seed gives the same one.
    pub(super) fn history(seed: u64) -> History {
        let mut world = Self {
            rng: Rng::with_seed(seed),
            now: 1_000_000,
            events: Vec::new(),
            logs: Logs::default(),
            streams: (0..3).map(|_| Stream::default()).collect(),
            members: Vec::new(),
            started: 0,
            epochs: 0,
            generation: 0,
            ticket: 0,
            copied: HashMap::new(),
        };
        for place in loads().into_iter().chain(copies()) {
            world.logs.records.insert(place, Vec::new());
            world.logs.batches.insert(place, Vec::new());
        }
        world.play();
        (world.events, world.logs)
    }

    fn play(&mut self) {
        self.join();
        self.rebalance(None);
        for step in 0..120 {
            match self.rng.u8(0..20) {
                0..=6 => self.send(step),
                7..=12 => self.poll(),
                13 | 14 => self.commit(),
                15..=17 => self.copy(),
                18 => {
                    if self.members.len() < 3 {
                        self.join();
                    }
                    self.rebalance(None);
                }
                _ => self.leave(),
            }
        }
        // Outcomes that chance did not bring.
        self.send_as(Some(0));
        self.send_as(Some(5));
        self.send_as(Some(9));
        self.note(Occurrence::Healed);
        while self.members.is_empty() {
            self.join();
        }
        self.rebalance(None);
        for _ in 0..200 {
            self.poll();
            self.copy();
        }
        self.finish();
    }

    fn note(&mut self, what: Occurrence) {
        self.now += self.rng.u64(1..4);
        self.events.push(Event { at: self.now, what });
    }

    /// A batch of records of one stream, and what becomes of it.
    fn send(&mut self, step: u32) {
        if step % 10 == 3 {
            self.note(Occurrence::FaultBegan {
                number: step,
                kind: "kill".into(),
                target: "1".into(),
            });
            self.note(Occurrence::FaultEnded { number: step });
        }
        self.send_as(None);
    }

    fn send_as(&mut self, fate: Option<u8>) {
        let stream = self.rng.usize(0..self.streams.len());
        let place = *self.rng.choice(&loads()).unwrap();
        let explicit = self.rng.bool();
        let key = (!explicit).then(|| self.rng.u32(0..4) * 4 + place.partition.unsigned_abs());
        let first = self.streams[stream].number;
        let count = self.rng.u32(1..6);
        self.streams[stream].number += count;
        let ids: Vec<_> = (first..first + count)
            .map(|number| RecordId { stream: u32::try_from(stream).unwrap(), number })
            .collect();
        for id in &ids {
            let partition = explicit.then_some(place.partition);
            self.note(Occurrence::Sending { id: *id, partition, key });
        }
        let fate = fate.unwrap_or_else(|| self.rng.u8(0..40));
        let mut base = None;
        if !(3..8).contains(&fate) {
            base = Some(self.append(stream, place, &ids, key));
        } else if fate < 5 {
            // Numbered and given up: what comes next is of the next epoch.
            let (epoch, _) = self.streams[stream].sequences.get(&place).copied().unwrap_or((0, 0));
            self.streams[stream].sequences.insert(place, (epoch + 1, 0));
        }
        for (index, id) in (0..).zip(ids) {
            let outcome = match fate {
                0..5 => Outcome::Unknown { reason: "timed-out".into() },
                5..8 => Outcome::NotWritten { reason: "timed-out".into() },
                _ => Outcome::Written {
                    partition: place.partition,
                    offset: (fate != 8).then(|| base.unwrap() + index),
                },
            };
            self.note(Occurrence::Settled { id, outcome });
        }
    }

    fn append(&mut self, stream: usize, place: Place, ids: &[RecordId], key: Option<u32>) -> i64 {
        let base = self.logs.end(place);
        let count = i32::try_from(ids.len()).unwrap();
        let state = self.streams[stream].sequences.entry(place).or_default();
        self.logs.batches.get_mut(&place).unwrap().push(Batch {
            base_offset: base,
            count,
            producer_id: i64::try_from(stream).unwrap(),
            producer_epoch: state.0,
            base_sequence: state.1,
        });
        state.1 += count;
        let timestamp = self.now;
        let records = (base..).zip(ids).map(|(offset, id)| {
            let content = Content::Record(*id);
            Logged { offset, timestamp, key, content }
        });
        self.logs.records.get_mut(&place).unwrap().extend(records);
        base
    }

    fn join(&mut self) {
        let id = self.started;
        self.started += 1;
        self.note(Occurrence::Joining { member: id, group: Group::Readers });
        self.members.push(Member { id, stays: BTreeMap::new() });
    }

    /// A member goes: in good order, or without a word.
    fn leave(&mut self) {
        if self.members.len() < 2 {
            return;
        }
        let index = self.rng.usize(0..self.members.len());
        let crashed = self.rng.bool();
        if !crashed {
            self.give_up(index);
        }
        let member = self.members.swap_remove(index).id;
        let how = if crashed { End::Crashed } else { End::Clean };
        self.note(Occurrence::Ended { member, how });
        let unasked = self.rng.usize(0..self.members.len() * 3);
        self.rebalance((unasked < self.members.len()).then_some(unasked));
    }

    /// A member commits and gives all its partitions up.
    fn give_up(&mut self, index: usize) {
        self.commit_of(index, true);
        let member = &mut self.members[index];
        let id = member.id;
        for (place, stay) in std::mem::take(&mut member.stays) {
            self.note(Occurrence::Revoked { member: id, place, epoch: stay.epoch });
        }
    }

    /// A new generation; one member may have been thrown out before it could give anything up.
    fn rebalance(&mut self, unasked: Option<usize>) {
        for index in 0..self.members.len() {
            if Some(index) == unasked {
                let id = self.members[index].id;
                for (place, stay) in std::mem::take(&mut self.members[index].stays) {
                    self.note(Occurrence::Lost { member: id, place, epoch: stay.epoch });
                }
            } else {
                self.give_up(index);
            }
        }
        self.generation += 1;
        for (turn, place) in loads().into_iter().enumerate() {
            let index = (turn + self.rng.usize(0..2)) % self.members.len();
            self.epochs += 1;
            let (member, epoch) = (self.members[index].id, self.epochs);
            self.note(Occurrence::Assigned { member, place, epoch, generation: self.generation });
            let position = self.logs.committed.get(&(Group::Readers, place)).copied();
            let stay = Stay { epoch, position: position.unwrap_or(0), marked: None };
            self.members[index].stays.insert(place, stay);
        }
    }

    /// A member gets some records and marks most of them.
    fn poll(&mut self) {
        let index = self.rng.usize(0..self.members.len());
        let places: Vec<_> = self.members[index].stays.keys().copied().collect();
        let Some(place) = self.rng.choice(places) else { return };
        let stay = &self.members[index].stays[&place];
        let (member, epoch, from) = (self.members[index].id, stay.epoch, stay.position);
        let to = self.logs.end(place).min(from + self.rng.i64(1..8));
        for offset in from..to {
            let Some(Content::Record(id)) = self.logs.at(place, offset).map(|at| at.content) else {
                panic!("{place} {offset}");
            };
            self.note(Occurrence::Handed { member, place, epoch, offset, id: Some(id) });
        }
        self.members[index].stays.get_mut(&place).unwrap().position = to;
        if to > from && self.rng.u8(0..5) > 0 {
            self.mark(index, place, to);
        }
    }

    fn mark(&mut self, index: usize, place: Place, next: i64) {
        let member = self.members[index].id;
        let stay = self.members[index].stays.get_mut(&place).unwrap();
        stay.marked = Some(next);
        let (epoch, began) = (stay.epoch, self.now);
        self.note(Occurrence::Marked { member, place, epoch, next, began, accepted: true });
    }

    fn commit(&mut self) {
        let index = self.rng.usize(0..self.members.len());
        let confirmed = self.rng.u8(0..4) > 0;
        self.commit_of(index, confirmed);
    }

    /// What is not confirmed may have been committed all the same.
    fn commit_of(&mut self, index: usize, confirmed: bool) {
        let (member, ticket) = (self.members[index].id, self.ticket);
        self.ticket += 1;
        self.note(Occurrence::Committing { member, ticket });
        let marks: Vec<_> = self.members[index]
            .stays
            .iter()
            .filter_map(|(place, stay)| Some((*place, stay.marked?)))
            .collect();
        for (place, offset) in marks {
            if confirmed || self.rng.bool() {
                self.commit_at(Group::Readers, place, offset);
            }
        }
        self.note(Occurrence::Committed { member, ticket, confirmed });
    }

    fn commit_at(&mut self, group: Group, place: Place, offset: i64) {
        self.now += 1;
        self.logs.commits.push(Commit { group, place, offset, at: self.now });
        self.logs.committed.insert((group, place), offset);
    }

    /// A processor copies some records, and commits some of what it copied; now and then it
    /// crashes, and goes on from what was committed.
    fn copy(&mut self) {
        let place = *self.rng.choice(&loads()).unwrap();
        let committed = self.logs.committed.get(&(Group::Copiers, place)).copied().unwrap_or(0);
        let from = *self.copied.entry(place).or_default();
        let from = if self.rng.u8(0..10) == 0 { committed } else { from };
        let to = self.logs.end(place).min(from + self.rng.i64(1..8));
        for offset in from..to {
            self.copy_one(place, offset);
        }
        self.copied.insert(place, to);
        if to > committed && self.rng.bool() {
            let offset = self.rng.i64(committed..=to);
            self.commit_at(Group::Copiers, place, offset);
        }
    }

    fn copy_one(&mut self, place: Place, offset: i64) {
        let input = *self.logs.at(place, offset).unwrap();
        let Content::Record(id) = input.content else { panic!("{input:?}") };
        let at = Place { topic: Topic::Copies, partition: place.partition };
        self.now += 1;
        let content = Content::Copy(place, offset, id);
        let (end, timestamp) = (self.logs.end(at), self.now);
        let copy = Logged { offset: end, timestamp, key: input.key, content };
        self.logs.records.get_mut(&at).unwrap().push(copy);
    }

    /// Everything is read, marked, copied and committed.
    fn finish(&mut self) {
        for index in 0..self.members.len() {
            let places: Vec<_> = self.members[index].stays.keys().copied().collect();
            for place in places {
                let end = self.logs.end(place);
                let stay = &self.members[index].stays[&place];
                assert_eq!(stay.position, end, "200 polls were not enough");
                if end > 0 {
                    self.mark(index, place, end);
                }
            }
            self.give_up(index);
            let member = self.members[index].id;
            self.note(Occurrence::Ended { member, how: End::Clean });
        }
        for place in loads() {
            let end = self.logs.end(place);
            for offset in self.copied.get(&place).copied().unwrap_or(0)..end {
                self.copy_one(place, offset);
            }
            if end > 0 {
                self.commit_at(Group::Copiers, place, end);
            }
        }
        self.note(Occurrence::Drained);
    }
}

fn loads() -> Vec<Place> {
    (0..4).map(|partition| Place { topic: Topic::Load, partition }).collect()
}

fn copies() -> Vec<Place> {
    (0..4).map(|partition| Place { topic: Topic::Copies, partition }).collect()
}
