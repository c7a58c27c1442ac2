//! The one task that knows where partitions are led, when records expire, and who the producer is.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use ottla_client::{MetadataError, RefreshReason, RequestError, Topic, TopicMetadata};
use ottla_protocol::api::InitProducerIdRequest;
use tokio::time::{Instant, sleep, sleep_until};

use crate::{
    accumulator::TopicQueues,
    core::Core,
    error::{Reason, Refused, Unsure},
    idempotence::Identity,
    partitioner::Route,
};

type Search = Pin<Box<dyn Future<Output = (Arc<TopicQueues>, Found)> + Send>>;
type Found = Result<Arc<TopicMetadata>, MetadataError>;
type Introduction = Pin<Box<dyn Future<Output = Result<Identity, Reason>> + Send>>;

/// Runs until the producer has ended.
pub(crate) async fn run(core: Arc<Core>) {
    let ended = core.ended.clone();
    // However it ends, by a close or with its runtime: nobody waits for ever.
    let _last_words = LastWords(Arc::clone(&core));
    let mut task = Router {
        changes: core.client.metadata().changed(),
        searches: FuturesUnordered::new(),
        introduction: None,
        followed: Vec::new(),
        routed: None,
        leaderless: false,
        look_again: None,
        thin: false,
        core,
    };
    tokio::select! {
        biased;
        () = ended.cancelled() => {}
        () = task.serve() => {}
    }
}

struct LastWords(Arc<Core>);

impl Drop for LastWords {
    fn drop(&mut self) {
        self.0.end(Reason::Abandoned, Unsure::Abandoned);
        self.0.outbox.tell();
    }
}

struct Router {
    core: Arc<Core>,
    changes: ottla_client::Changes,
    /// Topics that are not known yet, each waited for until its records are given back.
    searches: FuturesUnordered<Search>,
    /// `InitProducerId`, while it is under way.
    introduction: Option<Introduction>,
    /// Topics that have been followed, by slot.
    followed: Vec<bool>,
    /// The state of the cluster that all known topics were pointed to.
    routed: Option<u64>,
    /// Whether any partition has no leader in that state.
    leaderless: bool,
    /// When to look again at partitions that are left out of keyless routing.
    look_again: Option<Instant>,
    /// Whether any of them has too few replicas in sync, which only metadata tells.
    thin: bool,
}

/// How often metadata is asked for while records wait for a partition without a leader; the
/// client spaces the requests by its own backoff as well.
const STRANDED_EVERY: Duration = Duration::from_millis(250);

/// How often metadata is asked for while a partition is left out for its replicas.
const THIN_EVERY: Duration = Duration::from_secs(5);

impl Router {
    async fn serve(&mut self) {
        loop {
            let staged = self.expire();
            let stranded = self.route();
            self.introduce();
            self.core.outbox.tell();
            let stranded_at = stranded.then(|| Instant::now() + STRANDED_EVERY);
            let next = [self.core.alarms.next(), staged, stranded_at, self.look_again];
            let next = next.into_iter().flatten().min();
            tokio::select! {
                biased;
                Some((queues, found)) = self.searches.next() => self.found(&queues, found),
                identity = introduced(&mut self.introduction) => self.introduced(identity),
                Some(_) = self.changes.next() => {}
                () = self.core.router.notified() => {}
                () = self.core.alarms.earlier() => {}
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {}
            }
        }
    }

    /// Gives back what is over; returns when the next one is of the records that wait for a topic.
    fn expire(&self) -> Option<Instant> {
        let now = Instant::now();
        while let Some(partition) = self.core.alarms.take_due(now) {
            partition.expire(&self.core, now);
        }
        if self.core.config.overflow.drops() {
            self.core.topics.all().for_each(|queues| queues.clear_pile(&self.core));
        }
        let unknown = self.core.topics.all().filter(|queues| !queues.is_known());
        unknown.filter_map(|queues| queues.expire_staged(&self.core, now)).min()
    }

    /// Points every partition at its leader; says whether records wait where there is none.
    fn route(&mut self) -> bool {
        let cluster = self.core.client.cluster();
        let anew = self.routed.replace(cluster.version()) != Some(cluster.version());
        self.leaderless &= !anew;
        let now = Instant::now();
        let over = self.look_again.is_some_and(|at| at <= now);
        if over && self.thin {
            self.core.client.metadata().request_refresh(RefreshReason::Stale);
        }
        let changed = anew;
        let anew = anew | over | self.core.take_rerouting();
        if anew {
            (self.look_again, self.thin) = (None, false);
        }
        let mut stranded = false;
        let core = Arc::clone(&self.core);
        for queues in core.topics.all() {
            self.follow(queues);
            if anew || !queues.is_known() {
                if let Some(known) = cluster.topic(&queues.topic) {
                    self.lead(queues, known);
                }
            }
            stranded |= self.leaderless && queues.queues().any(|queue| queue.is_stranded());
        }
        if changed {
            core.retire_sinks(&cluster);
        }
        if stranded {
            self.core.client.metadata().request_refresh(RefreshReason::Stale);
        }
        stranded
    }

    fn lead(&mut self, queues: &TopicQueues, known: &TopicMetadata) {
        let leader = |partition: usize| {
            let partition = i32::try_from(partition).ok()?;
            let known = known.partition(partition)?;
            Some((known.leader, known.leader_epoch))
        };
        let now = Instant::now();
        let required = queues.config.min_in_sync_replicas;
        let mut look_again = self.look_again;
        let routes: Vec<Route> = (0..known.partitions.len())
            .map(|partition| {
                let led = leader(partition).is_some_and(|(leader, _)| leader.is_some());
                let described = i32::try_from(partition).ok().and_then(|at| known.partition(at));
                let thin = described.is_some_and(|described| described.isr.len() < required);
                self.thin |= thin;
                let out = queues.out_until(partition, now);
                let until = out.or_else(|| thin.then(|| now + THIN_EVERY));
                look_again = [look_again, until].into_iter().flatten().min();
                Route { led, healthy: until.is_none() }
            })
            .collect();
        self.look_again = look_again;
        self.leaderless |= routes.iter().any(|route| !route.led);
        queues.update(&self.core, routes, |at| {
            let room = queues.room.as_ref();
            self.core.open_partition(at, &queues.config, &queues.sizing, room)
        });
        for (number, partition) in queues.queues().enumerate() {
            if let Some((leader, epoch)) = leader(number) {
                let sink = leader.map(|broker| self.core.sink(broker));
                partition.lead(sink.as_ref(), epoch, known.id, &self.core);
            }
        }
    }

    /// Starts to look for a topic that is new or has records waiting.
    fn follow(&mut self, queues: &Arc<TopicQueues>) {
        let slot = queues.topic.slot() as usize;
        if self.followed.len() <= slot {
            self.followed.resize(slot.saturating_add(1), false);
        }
        let Some(followed) = self.followed.get_mut(slot) else { return };
        if *followed || queues.is_known() {
            return;
        }
        let Some(deadline) = queues.staging_deadline() else { return };
        *followed = true;
        let (core, queues) = (Arc::clone(&self.core), Arc::clone(queues));
        self.searches.push(Box::pin(async move {
            let found = core.client.topic_metadata(&queues.topic, deadline).await;
            (queues, found)
        }));
    }

    fn found(&mut self, queues: &TopicQueues, found: Found) {
        if let Some(followed) = self.followed.get_mut(queues.topic.slot() as usize) {
            *followed = false;
        }
        match found {
            Ok(known) => self.lead(queues, &known),
            Err(error) => {
                let topic = Topic::name(&queues.topic).to_owned();
                let reason = Reason::Topic { topic, cause: error.to_string() };
                queues.fail_staging(&self.core, &reason);
            }
        }
    }

    /// Asks for an identity if one is needed and none is on its way.
    fn introduce(&mut self) {
        let core = &self.core;
        // A transactional producer gets its identity from its coordinator.
        let needless = !core.config.idempotence || core.roll.is_some();
        if needless || self.introduction.is_some() || core.over().is_some() {
            return;
        }
        let used = core.identity();
        let exhausted = |identity: Identity| {
            let mut partitions = core.topics.all().flat_map(|queues| queues.queues());
            partitions.any(|partition| partition.exhausted_identity() == Some(identity.id))
        };
        let wanted = match used {
            None => core.topics.all().next().is_some(),
            Some(identity) => exhausted(identity),
        };
        if wanted {
            self.introduction = Some(Box::pin(init_producer_id(Arc::clone(core))));
        }
    }

    fn introduced(&mut self, identity: Result<Identity, Reason>) {
        self.introduction = None;
        let core = &self.core;
        match identity {
            Ok(identity) => {
                core.set_identity(identity);
                for partition in core.topics.all().flat_map(|queues| queues.queues()) {
                    partition.relist(core);
                }
            }
            Err(reason) => {
                tracing::warn!(%reason, "the producer cannot go on");
                core.refuse(Refused::Fatal(reason.clone()));
                core.end(reason, Unsure::Abandoned);
            }
        }
    }
}

async fn introduced(introduction: &mut Option<Introduction>) -> Result<Identity, Reason> {
    match introduction {
        Some(introduction) => introduction.await,
        None => std::future::pending().await,
    }
}

/// Asks any broker for a producer id, until one answers or refuses for good.
///
/// It has no deadline of its own: records expire by theirs while it goes on.
async fn init_producer_id(core: Arc<Core>) -> Result<Identity, Reason> {
    let request = InitProducerIdRequest {
        transactional_id: None,
        // Without a transactional id the broker ignores it, but wants it valid.
        transaction_timeout_ms: i32::MAX,
        ..InitProducerIdRequest::default()
    };
    let mut failures = 0u32;
    loop {
        match core.client.any_broker(&request).await {
            Ok(response) if response.error_code.is_ok() => {
                return Ok(Identity { id: response.producer_id, epoch: response.producer_epoch });
            }
            Ok(response) if !response.error_code.is_retriable() => {
                return Err(Reason::Identity { cause: response.error_code.to_string() });
            }
            Ok(response) => tracing::debug!(code = %response.error_code, "no producer id yet"),
            Err(error) if error.is_fatal() || matches!(error, RequestError::Unsupported(_)) => {
                return Err(Reason::Identity { cause: error.to_string() });
            }
            Err(error) => tracing::debug!(%error, "no producer id yet"),
        }
        failures = failures.saturating_add(1);
        sleep(core.backoff(failures)).await;
    }
}
