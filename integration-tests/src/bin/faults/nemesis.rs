//! What goes wrong: nodes and leaders one after the other, connections all the time. A seed
//! decides what and when.

use std::{sync::Arc, time::Duration};

use fastrand::Rng;
use ottla::BoxError;
use ottla_integration_tests::{
    JavaAdmin, Kafka, LaunchError,
    history::{Group, Topic},
};
use tokio::time::{Instant, sleep};

use crate::{
    wire::{Api, Blow},
    world::{PARTITIONS, World},
};

/// A fault of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// A node ends as by a power cut, and comes back.
    Kill,
    /// A node hangs for ten seconds.
    Pause,
    /// The node that coordinates a group is killed.
    CoordinatorKill,
    /// A node shuts down cleanly, and comes back.
    Restart,
    /// Two nodes hang: nothing can be written, and nobody elected.
    TwoPaused,
    /// All copies have to be in sync for a write, and one node is away.
    TooFewCopies,
}

impl Fault {
    const ALL: [Self; 6] = [
        Self::Pause,
        Self::Kill,
        Self::CoordinatorKill,
        Self::TooFewCopies,
        Self::TwoPaused,
        Self::Restart,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Kill => KILL,
            Self::Pause => PAUSE,
            Self::CoordinatorKill => "kill of a coordinator",
            Self::Restart => "restart of a node",
            Self::TwoPaused => "pause of two nodes",
            Self::TooFewCopies => "too few copies in sync",
        }
    }
}

/// Breaks the cluster.
pub(crate) struct Nemesis {
    pub(crate) kafka: Arc<Kafka>,
    pub(crate) admin: JavaAdmin,
    pub(crate) world: World,
    pub(crate) nodes: u32,
    rng: Rng,
}

impl Nemesis {
    pub(crate) fn new(
        kafka: Arc<Kafka>,
        world: World,
        nodes: u32,
        seed: u64,
    ) -> Result<Self, LaunchError> {
        let admin = kafka.java_admin()?;
        Ok(Self { kafka, admin, world, nodes, rng: Rng::with_seed(seed) })
    }

    /// One fault after the other, until it is time. When it returns all nodes run, and all copies
    /// are in sync.
    pub(crate) async fn rage(mut self, until: Instant) -> Result<Self, BoxError> {
        let mut deck = Vec::new();
        let mut struck = 0;
        while Instant::now() < until || struck < MUST {
            if deck.is_empty() {
                deck = Fault::ALL.to_vec();
                // Those that every run has to have come first, in any order.
                if let Some((first, rest)) = deck.split_at_mut_checked(MUST) {
                    self.rng.shuffle(first);
                    self.rng.shuffle(rest);
                }
                deck.reverse();
            }
            self.moves().await;
            if let Some(fault) = deck.pop() {
                self.strike(fault).await?;
                struck += 1;
            }
            self.in_sync().await?;
            sleep(Duration::from_millis(self.rng.u64(200..2_000))).await;
        }
        Ok(self)
    }

    /// Moves some leaders. One that cannot be moved is not counted.
    async fn moves(&mut self) {
        for _ in 0..self.rng.u8(1..4) {
            let topic = if self.rng.bool() { Topic::Load } else { Topic::Copies };
            let partition = self.rng.i32(0..PARTITIONS);
            let Ok(Some(from)) = self.admin.leader(topic.name(), partition).await else { continue };
            let to = self.rng.u32(1..self.nodes);
            let to = if to >= from { to + 1 } else { to };
            if self.admin.move_leader(topic.name(), partition, to).await.is_ok() {
                let target = format!("{}/{partition} from {from} to {to}", topic.name());
                let number = self.begin("move of a leader", target);
                self.world.faults.end(number);
            }
        }
    }

    async fn strike(&mut self, fault: Fault) -> Result<(), BoxError> {
        let mut node = self.rng.u32(1..=self.nodes);
        if fault == Fault::CoordinatorKill {
            let group = *self.rng.choice(&Group::ALL).unwrap_or(&Group::Readers);
            node = self.admin.coordinator(group.name()).await.unwrap_or(node);
        }
        if fault == Fault::TooFewCopies {
            self.admin.set_min_in_sync(Topic::Load.name(), self.nodes.min(3)).await?;
        }
        let number = self.begin(fault.name(), format!("node {node}"));
        match fault {
            Fault::Kill | Fault::CoordinatorKill => {
                self.kafka.kill(node).await?;
                sleep(Duration::from_millis(self.rng.u64(100..4_000))).await;
                self.kafka.start_node(node).await?;
            }
            Fault::Restart => {
                self.kafka.stop(node).await?;
                self.kafka.start_node(node).await?;
            }
            Fault::Pause => {
                self.kafka.pause(node).await?;
                sleep(Duration::from_secs(10)).await;
                self.kafka.resume(node).await?;
            }
            Fault::TwoPaused => {
                let other = node % self.nodes + 1;
                self.kafka.pause(node).await?;
                self.kafka.pause(other).await?;
                sleep(Duration::from_millis(self.rng.u64(4_000..8_000))).await;
                self.kafka.resume(node).await?;
                self.kafka.resume(other).await?;
            }
            Fault::TooFewCopies => {
                self.kafka.kill(node).await?;
                sleep(Duration::from_millis(self.rng.u64(3_000..6_000))).await;
                self.kafka.start_node(node).await?;
            }
        }
        if fault == Fault::TooFewCopies {
            self.admin.set_min_in_sync(Topic::Load.name(), 2).await?;
        }
        self.world.faults.end(number);
        Ok(())
    }

    fn begin(&self, kind: &str, target: String) -> u32 {
        self.world.faults.begin(kind, target)
    }

    /// Waits until every partition has all its copies: only then another node may fail without
    /// taking anything with it.
    pub(crate) async fn in_sync(&mut self) -> Result<(), BoxError> {
        let topics = [Topic::Load.name(), Topic::Copies.name(), "__consumer_offsets"];
        let until = Instant::now() + PATIENCE;
        loop {
            let found = self.admin.in_sync(&topics).await;
            match found {
                Ok(copies) if copies >= self.nodes.min(3) => return Ok(()),
                _ if Instant::now() > until => {
                    return Err(format!("the copies do not come into sync: {found:?}").into());
                }
                _ => sleep(Duration::from_millis(200)).await,
            }
        }
    }
}

/// Breaks connections until it is dropped.
pub(crate) async fn storm(world: World, ports: Vec<u16>, seed: u64) {
    let mut rng = Rng::with_seed(seed);
    loop {
        sleep(Duration::from_millis(rng.u64(300..2_500))).await;
        let port = *rng.choice(&ports).unwrap_or(&0);
        match rng.u8(0..12) {
            0..=2 => world.wire.arm(Api::PRODUCE, Blow::Swallow),
            3 => world.wire.arm(Api::PRODUCE, Blow::CutBeforeReply),
            4 => world.wire.arm(Api::PRODUCE, Blow::CutWithinRequest),
            5 => {
                let api = if rng.bool() { Api::PRODUCE } else { Api::FETCH };
                world.wire.arm(api, Blow::CutWithinReply);
            }
            6 | 7 => {
                let apis = [
                    Api::FETCH,
                    Api::OFFSET_COMMIT,
                    Api::HEARTBEAT,
                    Api::JOIN_GROUP,
                    Api::SYNC_GROUP,
                ];
                let api = *rng.choice(&apis).unwrap_or(&Api::FETCH);
                let blow = if rng.bool() { Blow::Swallow } else { Blow::CutBeforeReply };
                world.wire.arm(api, blow);
            }
            8 => {
                let number = world.faults.begin("all connections cut", format!("port {port}"));
                world.wire.cut(port);
                world.faults.end(number);
            }
            9 | 10 => {
                let number = world.faults.begin("connections stalled", format!("port {port}"));
                world.wire.stall(Some(port));
                sleep(Duration::from_millis(rng.u64(500..8_000))).await;
                world.wire.stall(None);
                world.faults.end(number);
            }
            _ => {
                let number = world.faults.begin("replies delayed", "all".to_owned());
                world.wire.delay(Duration::from_millis(rng.u64(50..300)));
                sleep(Duration::from_millis(rng.u64(1_000..4_000))).await;
                world.wire.delay(Duration::ZERO);
                world.faults.end(number);
            }
        }
    }
}

/// How many kinds of faults every run has to have had, however slow the machine: these.
const MUST: usize = 2;
pub(crate) const KILL: &str = "kill of a node";
pub(crate) const PAUSE: &str = "pause of a node";

/// The kinds that are of nodes and leaders, not of connections; in one word, as they are read.
pub(crate) fn is_of_cluster(kind: &str) -> bool {
    let names = Fault::ALL.map(|fault| fault.name().replace(' ', "_"));
    kind == "move_of_a_leader" || names.iter().any(|name| name == kind)
}

/// A machine under load starts a node and copies what it missed in this time.
const PATIENCE: Duration = Duration::from_secs(120);
