//! A whole transactional producer under seeded faults: work that is told as not committed, or found
//! not to be, is done again, and in the end each piece of it is there once.

use std::time::Duration;

use ottla_client::{GroupMetadata, Outcome};
use ottla_producer::{Record, Transaction, TransactionalProducer};
use ottla_protocol::{ApiKey, ErrorCode};
use ottla_test_broker::{TestCluster, TransactionPhase, TransactionVersion};

use super::support::*;
use crate::support::{LONG, World};

const PIECES: u32 = 25;

#[tokio::test(start_paused = true)]
async fn each_piece_of_work_is_committed_once_whatever_happens() {
    let (mut doubts, mut aborts) = (0, 0);
    for seed in 0..25 {
        for version in BOTH {
            let run = Run::new(seed, version);
            let (doubtful, aborted) = tokio::time::timeout(20 * LONG, run.run())
                .await
                .unwrap_or_else(|_| panic!("seed {seed}, {version:?}: stands still"));
            doubts += doubtful;
            aborts += aborted;
        }
    }
    assert!(doubts > 10 && aborts > 100, "too little happened: {doubts} {aborts}");
}

struct Run {
    world: World,
    random: fastrand::Rng,
    seed: u64,
    version: TransactionVersion,
}

/// What came of one try.
enum Step {
    Committed,
    Aborted,
    Doubtful,
    /// The producer has come to its end.
    Over,
    /// There is nothing left to do.
    Finished,
}

impl Run {
    fn new(seed: u64, version: TransactionVersion) -> Self {
        let cluster = TestCluster::builder()
            .brokers(3)
            .topic("in", 3)
            .seed(seed)
            .marker_delay(Duration::from_millis(seed % 4 * 30))
            .transaction_version(version);
        let world = World::on(cluster);
        Self { world, random: fastrand::Rng::with_seed(seed), seed, version }
    }

    fn producer(&self) -> TransactionalProducer {
        self.world
            .builder()
            .request_timeout(Duration::from_secs(3))
            .delivery_timeout(Duration::from_secs(20))
            .transactional(ID)
            .transaction_timeout(Duration::from_secs(600))
            .completion_timeout(Duration::from_secs(4))
            .build()
            .unwrap()
    }

    /// How many commits were in doubt, and how many transactions failed.
    async fn run(mut self) -> (u32, u32) {
        self.arm();
        let (mut doubts, mut aborts) = (0, 0);
        let mut producer = self.producer();
        loop {
            self.disturb();
            match self.try_piece(&mut producer).await {
                Step::Finished => break,
                Step::Committed => {}
                Step::Doubtful => doubts += 1,
                Step::Aborted => aborts += 1,
                Step::Over => producer = self.producer(),
            }
        }
        self.world.cluster.faults().clear();
        producer.close(LONG).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        let expected: Vec<u32> = (0..PIECES).collect();
        for partition in 0..3 {
            let found = committed(&self.world, partition);
            assert_eq!(found, expected, "seed {}, {:?}: {partition}", self.seed, self.version);
        }
        (doubts, aborts)
    }

    async fn try_piece(&mut self, producer: &mut TransactionalProducer) -> Step {
        let transaction = match producer.begin().await {
            Ok(transaction) => transaction,
            Err(error) if error.is_fatal() => {
                // Only under the first protocol, where a request that comes late may look like a
                // successor.
                assert_eq!(self.version, TransactionVersion::V1, "seed {}: {error}", self.seed);
                return Step::Over;
            }
            Err(_) => return Step::Aborted,
        };
        // What was in doubt is settled now, so the offset tells; once it is stable, as those see to
        // who ask for offsets (KIP-447).
        while self.is_ending() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let done = self.world.cluster.committed("group", "in", 0).unwrap_or(0);
        let piece = u32::try_from(done).unwrap();
        if piece == PIECES {
            return Step::Finished;
        }
        if piece == PIECES - 3 {
            self.world.cluster.faults().clear();
        }
        if self.send(&transaction, piece).await.is_none() {
            return Step::Aborted;
        }
        if self.random.u8(..8) == 0 {
            // Whatever comes of it: it is not committed.
            let _ = transaction.abort().await;
            return Step::Aborted;
        }
        match transaction.commit().await {
            Ok(()) => Step::Committed,
            Err(error) if error.outcome() == Outcome::Unknown => Step::Doubtful,
            Err(_) => Step::Aborted,
        }
    }

    /// Whether markers are on their way.
    fn is_ending(&self) -> bool {
        let phase = self.world.cluster.transaction(ID);
        matches!(phase, Some(TransactionPhase::PrepareCommit | TransactionPhase::PrepareAbort))
    }

    async fn send(&mut self, transaction: &Transaction<'_>, piece: u32) -> Option<()> {
        let value = piece.to_be_bytes();
        for partition in 0..3 {
            let record = Record::value(&value).partition(partition);
            drop(transaction.send(&self.world.topic, record).await.ok()?);
            if self.random.u8(..4) == 0 {
                tokio::time::sleep(Duration::from_millis(self.random.u64(..30))).await;
                self.disturb();
            }
        }
        let group = GroupMetadata::standalone("group");
        let next = i64::from(piece) + 1;
        transaction.send_offsets([(at(&self.world, 0), next)], &group).await.ok()
    }

    /// Something moves.
    fn disturb(&mut self) {
        let broker = self.random.i32(..3);
        match self.random.u8(..12) {
            0 => _ = self.world.cluster.move_transaction_coordinator(ID, broker),
            1 => _ = self.world.cluster.move_leader("in", self.random.i32(..3), broker),
            2 => self.world.cluster.cut_connections(broker),
            3 => _ = self.world.cluster.move_coordinator("group", broker),
            _ => {}
        }
    }

    fn arm(&self) {
        let faults = self.world.cluster.faults();
        let apis = [
            ApiKey::INIT_PRODUCER_ID,
            ApiKey::ADD_PARTITIONS_TO_TXN,
            ApiKey::ADD_OFFSETS_TO_TXN,
            ApiKey::TXN_OFFSET_COMMIT,
            ApiKey::END_TXN,
            ApiKey::PRODUCE,
        ];
        for api in apis {
            faults.drop_reply(api).probability(0.06).arm();
            faults.cut(api).probability(0.04).arm();
            // An introduction that comes late is a successor like any other.
            if api != ApiKey::INIT_PRODUCER_ID {
                faults.delay(api, Duration::from_secs(5)).probability(0.01).arm();
            }
            faults.delay_reply(api, Duration::from_millis(200)).probability(0.05).arm();
            faults.fail(api, ErrorCode::CONCURRENT_TRANSACTIONS).probability(0.03).arm();
            faults.fail(api, ErrorCode::NOT_COORDINATOR).probability(0.03).arm();
        }
        faults.swallow_reply(ApiKey::END_TXN).probability(0.08).arm();
        faults.fail_after(ApiKey::END_TXN, ErrorCode::UNKNOWN_SERVER_ERROR).probability(0.1).arm();
        faults.fail(ApiKey::PRODUCE, ErrorCode::INVALID_RECORD).probability(0.02).arm();
        faults.fail(ApiKey::PRODUCE, ErrorCode::NOT_ENOUGH_REPLICAS).probability(0.05).arm();
        faults
            .fail(ApiKey::TXN_OFFSET_COMMIT, ErrorCode::ILLEGAL_GENERATION)
            .probability(0.02)
            .arm();
        faults.fail(ApiKey::END_TXN, ErrorCode::TRANSACTION_ABORTABLE).probability(0.02).arm();
    }
}
