//! Consumers that process records for a while and mark them when that is done.

use std::{sync::Arc, time::Duration};

use fastrand::Rng;
use ottla::{
    BoxError, Consumer, ConsumerControl, Fetched, Mark, OffsetReset, TopicPartition,
    consumer_group::{AssignmentEpoch, Callback, RebalanceListener},
};
use ottla_integration_tests::history::{End, Group, Occurrence, Place, Topic, now, record_id};
use tokio::{
    sync::{mpsc, oneshot},
    time::sleep,
};

use crate::world::{Count, World};

/// Reads until it is to leave.
pub(crate) async fn read(
    world: World,
    member: u32,
    seed: u64,
    mut leaving: oneshot::Receiver<()>,
) -> Result<End, BoxError> {
    let mut rng = Rng::with_seed(seed);
    let client = world.client(rng.u64(..))?;
    let told =
        Told { world: world.clone(), member, patience: Duration::from_millis(rng.u64(0..300)) };
    let mut consumer = Consumer::builder(&client)
        .group(Group::Readers.name())
        .topics([Topic::Load.name()])
        .offset_reset(OffsetReset::Earliest)
        .session_timeout(Duration::from_secs(6))
        .heartbeat_interval(Duration::from_secs(1))
        .max_poll_interval(Some(Duration::from_secs(20)))
        .rebalance_callback_timeout(Duration::from_secs(15))
        .commit_timeout(Duration::from_secs(10))
        .commit_interval(Some(Duration::from_millis(rng.u64(100..1_000))))
        .rebalance_listener(Arc::new(told))
        .build()?;
    let control = consumer.control();
    // Few wait there, so that one who is slow does not read far ahead.
    let (work, working) = mpsc::channel(20);
    let slowness = *rng.choice(&[0, 20, 200]).unwrap_or(&0);
    tokio::spawn(process(world.clone(), member, control.clone(), rng.u64(..), slowness, working));
    let most = rng.usize(1..200);
    loop {
        let fetched = tokio::select! {
            fetched = consumer.poll(most) => fetched,
            _ = &mut leaving => break,
        };
        let batch = match fetched {
            Ok(Fetched::Records(batch)) => batch,
            Ok(failed) => return Err(format!("member {member}: {failed:?}").into()),
            Err(error) if error.is_retriable() => continue,
            Err(error) => return Err(format!("member {member}: {error}").into()),
        };
        let (place, epoch) = (place(batch.partition()), batch.epoch().get());
        for record in batch.iter() {
            world.count(Count::Handed);
            let id = record.value().and_then(record_id);
            world.note(Occurrence::Handed { member, place, epoch, offset: record.offset(), id });
        }
        tokio::select! {
            // Whoever waits for room here has not forgotten its group.
            sent = work.send((place, batch.mark())) => sent.map_err(|_| "the work stopped")?,
            _ = &mut leaving => break,
        }
    }
    let ticket = world.ticket();
    world.note(Occurrence::Committing { member, ticket });
    let closed = consumer.close(Duration::from_secs(30)).await;
    world.note(Occurrence::Committed { member, ticket, confirmed: closed.is_ok() });
    drop(work);
    Ok(if closed.is_ok() { End::Clean } else { End::Failed })
}

/// Takes its time, then marks, and sometimes asks for a commit. It goes on when partitions have
/// left and when the consumer is closed: what it marks then must be refused.
async fn process(
    world: World,
    member: u32,
    control: ConsumerControl,
    seed: u64,
    slowness: u64,
    mut work: mpsc::Receiver<(Place, Mark)>,
) {
    let mut rng = Rng::with_seed(seed);
    while let Some((place, mark)) = work.recv().await {
        if slowness > 0 && !world.is_calm() {
            sleep(Duration::from_millis(rng.u64(0..slowness))).await;
        }
        let (began, epoch, next) = (now(), mark.epoch().get(), mark.next_offset());
        let accepted = control.mark(mark).is_ok();
        world.note(Occurrence::Marked { member, place, epoch, next, began, accepted });
        if rng.u8(0..20) == 0 {
            let (world, control) = (world.clone(), control.clone());
            tokio::spawn(async move { commit(&world, member, &control).await });
        }
    }
}

async fn commit(world: &World, member: u32, control: &ConsumerControl) {
    let ticket = world.ticket();
    world.note(Occurrence::Committing { member, ticket });
    let confirmed = control.commit().await.is_ok();
    world.note(Occurrence::Committed { member, ticket, confirmed });
}

/// Writes down what the consumer says of its assignment.
struct Told {
    world: World,
    member: u32,
    /// How long it keeps a revocation waiting.
    patience: Duration,
}

impl RebalanceListener for Told {
    fn assigned<'a>(
        &'a self,
        control: &'a ConsumerControl,
        partitions: Vec<(TopicPartition, AssignmentEpoch)>,
    ) -> Callback<'a> {
        let group = control.group_metadata();
        let generation = group.map_or(-1, |group| group.generation_id_or_member_epoch);
        for (at, epoch) in partitions {
            let (member, place, epoch) = (self.member, place(&at), epoch.get());
            self.world.note(Occurrence::Assigned { member, place, epoch, generation });
        }
        Box::pin(std::future::ready(()))
    }

    fn revoked<'a>(
        &'a self,
        control: &'a ConsumerControl,
        partitions: Vec<(TopicPartition, AssignmentEpoch)>,
    ) -> Callback<'a> {
        Box::pin(async move {
            // Written down at the end, also if this takes too long and is dropped.
            let _end = Revoking { told: self, partitions };
            sleep(self.patience).await;
            commit(&self.world, self.member, control).await;
        })
    }

    fn lost<'a>(
        &'a self,
        _: &'a ConsumerControl,
        partitions: Vec<(TopicPartition, AssignmentEpoch)>,
    ) -> Callback<'a> {
        for (at, epoch) in partitions {
            let (member, place, epoch) = (self.member, place(&at), epoch.get());
            self.world.note(Occurrence::Lost { member, place, epoch });
        }
        Box::pin(std::future::ready(()))
    }
}

struct Revoking<'a> {
    told: &'a Told,
    partitions: Vec<(TopicPartition, AssignmentEpoch)>,
}

impl Drop for Revoking<'_> {
    fn drop(&mut self) {
        for (at, epoch) in &self.partitions {
            let (member, place, epoch) = (self.told.member, place(at), epoch.get());
            self.told.world.note(Occurrence::Revoked { member, place, epoch });
        }
    }
}

fn place(at: &TopicPartition) -> Place {
    // There is no other topic that anybody reads.
    Place { topic: Topic::Load, partition: at.partition }
}
