//! The table against a model of its brokers and its application, in random order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ottla_client::{BrokerId, Client, TopicPartition};
use ottla_protocol::api::{FetchResponse, FetchableTopicResponse, PartitionData};
use ottla_protocol::compression::{Codecs, Compression};
use ottla_protocol::records::{
    BatchBuilder, BatchKind, Batches, ChunkPool, RecordParts, Records, SealedBatch, Sequence,
};
use ottla_protocol::{ErrorCode, Uuid};
use tokio::time::Instant;

use super::*;
use crate::config::{ConsumerConfig, OffsetReset, Start};
use crate::fetch::{Budget, digest};

const BROKERS: i32 = 2;
const PARTITIONS: i32 = 4;
const TOPIC_ID: Uuid = Uuid([7; 16]);

fn client() -> Client {
    Client::builder().bootstrap(["nowhere:1"]).seed(1).build().unwrap()
}

fn batch(base: i64, count: i64, compression: Compression) -> Bytes {
    let mut builder = BatchBuilder::new();
    for offset in base..base + count {
        let value = offset.to_be_bytes();
        let record = RecordParts { value: Some(&value), ..RecordParts::default() };
        builder.append(offset, &record, &ChunkPool::new(0)).unwrap();
    }
    let raw = builder.seal();
    let sealed = match Codecs::default().get(compression) {
        Ok(codec) if compression != Compression::None => {
            SealedBatch::compress(raw, codec, None).ok().unwrap()
        }
        _ => raw.into(),
    };
    let nobody = Sequence { producer_id: -1, producer_epoch: -1, base_sequence: -1 };
    let bytes = sealed.freeze(nobody, BatchKind::Plain).into_bytes();
    Batches::new(bytes).next().unwrap().unwrap().with_base_offset(base, 3)
}

/// A fetch on its way, with what the broker will say.
struct Flight {
    plan: Plan,
    lane: Lane,
    response: FetchResponse,
}

struct World {
    random: fastrand::Rng,
    table: PartitionTable,
    budget: Arc<Budget>,
    config: ConsumerConfig,
    now: Instant,
    topic: ottla_client::Topic,
    /// Per partition its batches as base, end and bytes.
    logs: BTreeMap<i32, Vec<(i64, i64, Bytes)>>,
    leaders: BTreeMap<i32, i32>,
    flights: Vec<Flight>,
    jobs: Vec<crate::fetch::Job>,
    /// What the application has to get next, by partition; none while it is not assigned.
    expected: BTreeMap<i32, i64>,
    paused: BTreeMap<i32, bool>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let logs = (0..PARTITIONS).map(|partition| {
            let mut log = Vec::new();
            let mut base = 0;
            for _ in 0..random.usize(0..30) {
                let count = random.i64(1..8);
                let compression = random.choice([Compression::None, Compression::Lz4]).unwrap();
                log.push((base, base + count, batch(base, count, compression)));
                // Compaction leaves gaps.
                base += count + i64::from(random.u8(0..4) == 0);
            }
            (partition, log)
        });
        let logs = logs.collect();
        let limits = Limits {
            low_water_bytes: random.usize(1..2000),
            partition_fetch_bytes: random.usize(1..1500),
            max_wait: Duration::from_millis(500),
            offset_reset: OffsetReset::Earliest,
            has_group: false,
            seed,
        };
        Self {
            table: PartitionTable::new(limits),
            budget: Budget::new(1 << 30),
            config: ConsumerConfig::default(),
            now: Instant::now(),
            topic: client().topic("t"),
            logs,
            leaders: (0..PARTITIONS).map(|p| (p, p % BROKERS)).collect(),
            flights: Vec::new(),
            jobs: Vec::new(),
            expected: BTreeMap::new(),
            paused: BTreeMap::new(),
            random,
        }
    }

    fn at(&self, partition: i32) -> TopicPartition {
        TopicPartition::new(self.topic.clone(), partition)
    }

    fn end(&self, partition: i32) -> i64 {
        self.logs[&partition].last().map_or(0, |(_, end, _)| *end)
    }

    fn set_leaders(&mut self) {
        let slots: Vec<_> =
            self.table.leaders().map(|(slot, at, _)| (slot, at.partition)).collect();
        for (slot, partition) in slots {
            let broker = BrokerId(self.leaders[&partition]);
            let leader = Leader { broker, epoch: 0, topic_id: TOPIC_ID };
            self.table.set_leader(slot, Some(leader));
        }
    }

    /// What a broker answers at the time it is asked.
    fn answer(&mut self, broker: i32, plan: &Plan) -> FetchResponse {
        let mut partitions = Vec::new();
        for wanted in &plan.wanted {
            let partition = wanted.at.partition;
            let mut data = PartitionData {
                partition_index: partition,
                high_watermark: self.end(partition),
                ..PartitionData::default()
            };
            if self.leaders[&partition] != broker || self.random.u8(0..30) == 0 {
                data.error_code = ErrorCode::NOT_LEADER_OR_FOLLOWER;
            } else {
                let mut records = Vec::new();
                let mut left = wanted.max_bytes;
                for (_, end, bytes) in &self.logs[&partition] {
                    if *end <= wanted.offset {
                        continue;
                    }
                    if bytes.len() > left && !records.is_empty() {
                        records.extend_from_slice(&bytes[..left]);
                        break;
                    }
                    left = left.saturating_sub(bytes.len());
                    records.extend_from_slice(bytes);
                }
                data.records = Some(Records::from(Bytes::from(records)));
            }
            partitions.push(data);
        }
        let topic_id = TOPIC_ID;
        let responses = vec![FetchableTopicResponse { topic_id, partitions, ..Default::default() }];
        FetchResponse { responses, ..FetchResponse::default() }
    }

    fn step(&mut self) {
        let partition = self.random.i32(0..PARTITIONS);
        let at = self.at(partition);
        match self.random.u8(0..24) {
            0..7 => self.send(),
            7..11 if !self.flights.is_empty() => self.land(),
            11..15 => {
                let slot = self.table.slot_of(&at);
                self.jobs.extend(slot.and_then(|slot| self.table.next_job(slot)));
            }
            15..18 if !self.jobs.is_empty() => {
                let job = self.jobs.swap_remove(self.random.usize(0..self.jobs.len()));
                let prepared = job.run(&Codecs::default(), 1 << 20, &self.budget);
                self.table.job_done(prepared);
            }
            18..21 => self.take(),
            21 => {
                let paused = self.random.bool();
                if self.expected.contains_key(&partition) {
                    self.table.pause(&at, paused);
                    self.paused.insert(partition, paused);
                }
            }
            22 => {
                let offset = self.random.i64(0..=self.end(partition));
                if self.table.seek(&at, Start::Offset(offset)).is_ok() {
                    self.expected.insert(partition, offset);
                }
            }
            _ => match self.random.u8(0..4) {
                0 if self.expected.contains_key(&partition) => {
                    let stays = self.table.stays();
                    let stay = stays.into_iter().find(|stay| stay.at == at).unwrap();
                    self.table.begin_revoking(std::slice::from_ref(&stay));
                    if let Some(Taken::Records { slot, batch }) = self.table.take(1) {
                        assert_ne!(slot, stay.slot, "handed out though it is being given up");
                        self.table.put_back(batch.into_messages());
                    }
                    self.table.unassign(&[stay]);
                    self.expected.remove(&partition);
                    self.paused.remove(&partition);
                }
                1 if self.expected.contains_key(&partition) => {
                    let leader = self.random.i32(0..BROKERS);
                    self.leaders.insert(partition, leader);
                    self.set_leaders();
                }
                _ if !self.expected.contains_key(&partition) => {
                    let offset = self.random.i64(0..=self.end(partition));
                    self.table.assign(&at, Start::Offset(offset), false);
                    self.expected.insert(partition, offset);
                    self.set_leaders();
                }
                _ => {}
            },
        }
        self.now += Duration::from_millis(self.random.u64(0..30));
    }

    fn send(&mut self) {
        let broker = self.random.i32(0..BROKERS);
        let lane = if self.random.bool() { Lane::Regular } else { Lane::Spare };
        if let Ok(plan) = self.table.plan_fetch(BrokerId(broker), lane, self.now) {
            for wanted in &plan.wanted {
                let partition = wanted.at.partition;
                assert!(self.expected.contains_key(&partition), "fetched without an assignment");
                assert_ne!(self.paused.get(&partition), Some(&true), "fetched though paused");
            }
            self.table.fetch_sent(&plan);
            let response = self.answer(broker, &plan);
            self.flights.push(Flight { plan, lane, response });
        }
    }

    fn land(&mut self) {
        let flight = self.flights.swap_remove(self.random.usize(0..self.flights.len()));
        let Flight { plan, lane, response } = flight;
        if self.random.u8(0..10) == 0 {
            self.table.fetch_failed(&plan, self.now);
        } else {
            digest(&mut self.table, &plan, lane, response, &self.config, &self.budget, self.now);
        }
    }

    fn take(&mut self) {
        let max = self.random.usize(1..12);
        match self.table.take(max) {
            Some(Taken::Records { batch, .. }) => {
                assert!(batch.len() <= max);
                let partition = batch.partition().partition;
                let mut next = self.expected[&partition];
                assert_ne!(self.paused.get(&partition), Some(&true), "handed out though paused");
                for record in &batch {
                    // What lies between is a gap in the log.
                    let log = &self.logs[&partition];
                    let first = log
                        .iter()
                        .find(|(_, end, _)| *end > next)
                        .map(|(base, ..)| next.max(*base));
                    assert_eq!(Some(record.offset()), first, "of partition {partition}");
                    assert_eq!(record.value().unwrap(), record.offset().to_be_bytes());
                    next = record.offset() + 1;
                }
                assert!(batch.next_offset() >= next);
                self.expected.insert(partition, batch.next_offset());
                if self.random.u8(0..5) == 0 {
                    let mut messages = batch.into_messages();
                    let yielded = self.random.usize(0..=messages.len());
                    let last = messages.by_ref().take(yielded).last();
                    if messages.len() > 0 {
                        let next = last.map(|message| message.offset() + 1);
                        let rest = messages.source().map(|_| ());
                        assert!(rest.is_some());
                        self.table.put_back(messages);
                        let at = self.at(partition);
                        let position = self.table.position(&at).unwrap();
                        assert!(next.is_none_or(|next| next <= position));
                        self.expected.insert(partition, position);
                    }
                }
            }
            Some(Taken::Failed { error, .. }) => panic!("{error}"),
            None => {}
        }
    }

    /// Everybody does what they should: everything has to arrive.
    fn settle(&mut self) {
        self.flights.clear();
        for at in (0..PARTITIONS).map(|partition| self.at(partition)).collect::<Vec<_>>() {
            self.table.pause(&at, false);
        }
        self.paused.clear();
        for job in std::mem::take(&mut self.jobs) {
            let prepared = job.run(&Codecs::default(), 1 << 20, &self.budget);
            self.table.job_done(prepared);
        }
        for round in 0.. {
            let ends = |world: &Self, partition: &i32, next: &i64| *next >= world.end(*partition);
            if self.expected.iter().all(|(partition, next)| ends(self, partition, next)) {
                break;
            }
            assert!(round < 2000, "stuck: {:?}, {:?}", self.expected, self.table);
            self.now += Duration::from_millis(100);
            // What was in flight when the network went away is over.
            let stays = self.table.stays();
            for broker in 0..BROKERS {
                while let Ok(plan) =
                    self.table.plan_fetch(BrokerId(broker), Lane::Regular, self.now)
                {
                    self.table.fetch_sent(&plan);
                    let response = self.answer(broker, &plan);
                    self.flights.push(Flight { plan, lane: Lane::Regular, response });
                    self.land();
                    self.now += Duration::from_millis(1);
                    if self.random.u8(0..4) == 0 {
                        break;
                    }
                }
            }
            for stay in stays {
                while let Some(job) = self.table.next_job(stay.slot) {
                    let prepared = job.run(&Codecs::default(), 1 << 20, &self.budget);
                    self.table.job_done(prepared);
                }
            }
            while !self.table.is_dry() {
                self.take();
            }
        }
    }
}

#[test]
fn everything_comes_once_in_order_and_nothing_stale() {
    for seed in 0..300 {
        let mut world = World::new(seed);
        let run = std::panic::AssertUnwindSafe(|| {
            for _ in 0..400 {
                world.step();
            }
            // A fetch that is given up on is over.
            for flight in std::mem::take(&mut world.flights) {
                world.table.fetch_failed(&flight.plan, world.now);
            }
            world.settle();
            // All bytes are given back once nobody has them.
            let budget = Arc::clone(&world.budget);
            world.table = PartitionTable::new(world.table.limits.clone());
            world.jobs.clear();
            assert_eq!(budget.used(), 0);
        });
        if let Err(panic) = std::panic::catch_unwind(run) {
            println!("seed {seed}");
            std::panic::resume_unwind(panic);
        }
    }
}

fn small(limits: impl FnOnce(&mut Limits)) -> (PartitionTable, TopicPartition, TopicPartition) {
    let mut settings = Limits {
        low_water_bytes: 1000,
        partition_fetch_bytes: 1000,
        max_wait: Duration::from_millis(500),
        offset_reset: OffsetReset::Latest,
        has_group: true,
        seed: 1,
    };
    limits(&mut settings);
    let topic = client().topic("t");
    let at = |partition| TopicPartition::new(topic.clone(), partition);
    (PartitionTable::new(settings), at(0), at(1))
}

fn lead(table: &mut PartitionTable, slot: Slot) {
    let leader = Leader { broker: BrokerId(0), epoch: 5, topic_id: TOPIC_ID };
    assert!(table.set_leader(slot, Some(leader)));
}

#[test]
fn a_start_is_looked_up_in_the_group_and_then_in_the_log() {
    let now = Instant::now();
    let (mut table, at, _) = small(|_| {});
    let stay = table.assign(&at, Start::Committed, true);
    assert!(table.take_lookups(now).committed.is_empty(), "the application does not know yet");
    table.release(std::slice::from_ref(&stay));
    let lookups = table.take_lookups(now);
    assert_eq!((lookups.committed.len(), lookups.ends.len()), (1, 0));
    assert!(table.take_lookups(now).committed.is_empty(), "under way");
    table.start_failed(&lookups.committed[0], None, now);
    let wait = table.take_lookups(now).wake_at.unwrap();
    let lookups = table.take_lookups(wait);
    table.start_found(&lookups.committed[0], None);
    assert!(table.take_lookups(wait).ends.is_empty(), "no leader yet");
    lead(&mut table, stay.slot);
    let lookups = table.take_lookups(wait);
    assert_eq!(lookups.ends[0].1, -1, "latest");
    table.start_found(&lookups.ends[0].0, Some(44));
    assert_eq!(table.position(&at), Some(44));
    let plan = table.plan_fetch(BrokerId(0), Lane::Regular, now).unwrap();
    assert_eq!((plan.wanted[0].offset, plan.wanted[0].leader_epoch), (44, 5));
}

#[test]
fn look_ups_that_fail_are_repeated_together() {
    let mut now = Instant::now();
    let (mut table, at, _) = small(|_| {});
    for partition in 0..500 {
        let at = TopicPartition::new(at.topic.clone(), partition);
        table.assign(&at, Start::Committed, false);
    }
    let until = now + Duration::from_secs(10);
    let mut requests = 0;
    while now < until {
        let lookups = table.take_lookups(now);
        requests += u32::from(!lookups.committed.is_empty());
        for lookup in &lookups.committed {
            table.start_failed(lookup, None, now);
        }
        now = table.take_lookups(now).wake_at.unwrap().max(now + Duration::from_micros(1));
    }
    assert!(requests <= 200, "{requests} requests in ten seconds");
}

#[test]
fn an_offset_that_is_found_and_is_not_there_is_not_asked_for_at_once() {
    let mut now = Instant::now();
    let (mut table, at, _) = small(|_| {});
    let stay = table.assign(&at, Start::End, false);
    lead(&mut table, stay.slot);
    let begun = now;
    let mut rounds = 0;
    while now < begun + Duration::from_secs(10) {
        let lookups = table.take_lookups(now);
        let Some((lookup, _)) = lookups.ends.first() else {
            now = lookups.wake_at.unwrap();
            continue;
        };
        table.start_found(lookup, Some(1 << 40));
        let plan = table.plan_fetch(BrokerId(0), Lane::Regular, now).unwrap();
        table.fetch_sent(&plan);
        table.fetch_ended(&plan);
        table.fault(&plan.wanted[0], FetchFault::OutOfRange, now);
        rounds += 1;
        assert!(rounds < 100, "{rounds} resets within {:?}", now - begun);
    }
}

#[test]
fn nothing_is_fetched_before_the_application_knows() {
    let now = Instant::now();
    let (mut table, at, _) = small(|_| {});
    let stay = table.assign(&at, Start::Committed, true);
    lead(&mut table, stay.slot);
    table.seek(&at, Start::Offset(7)).unwrap();
    assert!(table.plan_fetch(BrokerId(0), Lane::Regular, now).is_err());
    table.release(&[stay]);
    assert!(table.plan_fetch(BrokerId(0), Lane::Regular, now).is_ok());
}

#[test]
fn an_answer_to_a_look_up_from_before_a_seek_is_stale() {
    let now = Instant::now();
    let (mut table, at, _) = small(|_| {});
    table.assign(&at, Start::Committed, false);
    let lookups = table.take_lookups(now);
    table.seek(&at, Start::Offset(7)).unwrap();
    table.start_found(&lookups.committed[0], Some(99));
    table.start_failed(&lookups.committed[0], None, now);
    assert_eq!(table.position(&at), Some(7));
}

#[test]
fn without_a_policy_there_is_no_start() {
    let now = Instant::now();
    let (mut table, at, other) = small(|limits| limits.offset_reset = OffsetReset::None);
    table.assign(&at, Start::Committed, false);
    let lookups = table.take_lookups(now);
    table.start_found(&lookups.committed[0], None);
    let Some(Taken::Failed { at: failed, .. }) = table.take(1) else { panic!() };
    assert_eq!(failed, at);
    assert!(table.take(1).is_none(), "told once");
    table.assign(&other, Start::Beginning, false);
    assert!(table.take(1).is_none());
}

#[test]
fn only_a_fetch_that_lists_everything_may_be_parked() {
    let now = Instant::now();
    let (mut table, first, second) = small(|limits| limits.low_water_bytes = 1);
    for at in [&first, &second] {
        let stay = table.assign(at, Start::Offset(0), false);
        lead(&mut table, stay.slot);
    }
    let plan = table.plan_fetch(BrokerId(0), Lane::Regular, now).unwrap();
    assert_eq!((plan.wanted.len(), plan.max_wait), (2, Duration::from_millis(500)));
    let batch = Batches::new(batch(0, 3, Compression::None)).next().unwrap().unwrap();
    let budget = Budget::new(1 << 20);
    let entry = |from| RawEntry { charge: budget.charge(100), batch: batch.clone(), from };
    let wanted = plan.wanted.iter().find(|wanted| wanted.at == first).unwrap();
    assert!(table.accept(wanted, std::iter::once(entry(0)), 3, 3, 0).is_some());
    assert!(table.accept(wanted, std::iter::once(entry(0)), 3, 3, 0).is_none(), "twice");
    let plan = table.plan_fetch(BrokerId(0), Lane::Regular, now).unwrap();
    assert_eq!((plan.wanted.len(), plan.max_wait), (1, Duration::ZERO), "the first one is full");
    table.pause(&first, true);
    let plan = table.plan_fetch(BrokerId(0), Lane::Regular, now).unwrap();
    assert_eq!(plan.max_wait, Duration::from_millis(500), "who is paused does not count");
    table.pause(&first, false);
    let plan = table.plan_fetch(BrokerId(0), Lane::Spare, now).unwrap();
    assert_eq!(plan.max_wait, Duration::ZERO, "the spare connection is never parked");
    table.wait_for_regular(&plan.wanted[0]);
    assert!(table.plan_fetch(BrokerId(0), Lane::Spare, now).is_err());
    assert!(table.plan_fetch(BrokerId(0), Lane::Regular, now).is_ok());
}

/// Were the table looked through for each of them, this would take minutes.
#[test]
fn very_many_partitions_come_and_go() {
    let (mut table, first, _) = small(|_| {});
    let at = |partition| TopicPartition::new(first.topic.clone(), partition);
    let many = 0..200_000;
    let stays: Vec<_> =
        many.clone().map(|partition| table.assign(&at(partition), Start::End, false)).collect();
    assert_eq!(table.assignment().len(), stays.len());
    table.unassign(&stays);
    assert!(table.assignment().is_empty());
    for partition in many {
        table.assign(&at(partition), Start::End, false);
    }
    assert_eq!(table.assignment().len(), stays.len());
}
