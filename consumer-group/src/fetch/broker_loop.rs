//! The task that fetches from one broker.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use ottla_client::connector::Address;
use ottla_client::{
    Broker, BrokerId, LaneKind, LeaderHint, RefreshReason, RequestError, RequestOptions,
};
use ottla_protocol::api::{FetchNodeEndpoint, FetchRequest, FetchResponse};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::budget::Charge;
use super::request::{Digest, digest, request};
use crate::error::ConsumerError;
use crate::partitions::{Lane, Plan};
use crate::shared::Shared;
use crate::watchdog;

/// How long to leave a broker alone after it had nothing and was not allowed to wait: from the
/// first wait to the longest. Whoever consumes something ends the wait, so it costs no throughput;
/// it is the most that news of one partition is late while another one's buffer is full.
const PAUSE: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(25));

/// Fetches what is led by one broker, one request at a time: the next is sent as soon as the last
/// is answered and there is room for more, while the application works.
///
/// A second connection serves what must not wait until a parked request returns.
#[derive(Debug)]
pub(crate) struct BrokerLoop {
    shared: Arc<Shared>,
    broker: BrokerId,
    wake: Arc<Notify>,
    pause: Duration,
    paused_until: Option<Instant>,
}

type Answer = Result<FetchResponse, RequestError>;

/// Why a fetch loop came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The consumer stops.
    Stopped,
    /// Its broker has left the cluster and leads nothing any more.
    BrokerGone,
}

/// A fetch under way.
struct Parked {
    plan: Plan,
    lane: Lane,
    sent_at: Instant,
    /// Until the answer is charged as what it is.
    _reserved: Charge,
    answer: Pin<Box<dyn Future<Output = Answer> + Send>>,
}

/// What came of trying to send a fetch.
enum Sent {
    Now(Parked),
    /// There is nothing to ask for, at the earliest until then.
    Later(Option<Instant>),
    /// The budget is used up.
    NoRoom,
}

impl BrokerLoop {
    pub(crate) fn new(shared: Arc<Shared>, broker: BrokerId, wake: Arc<Notify>) -> Self {
        Self { shared, broker, wake, pause: PAUSE.0, paused_until: None }
    }

    /// Runs until the consumer stops or the broker is gone.
    pub(crate) async fn run(mut self) -> Ended {
        let stop = self.shared.stop.clone();
        tokio::select! {
            biased;
            () = stop.cancelled() => Ended::Stopped,
            () = self.serve() => Ended::BrokerGone,
        }
    }

    async fn serve(&mut self) {
        let (mut regular, mut spare) = (None, None);
        let mut was_told = true;
        let shared = Arc::clone(&self.shared);
        loop {
            // Made before room is looked for, so that none is missed.
            let freed = shared.budget.freed();
            let (mut wake_at, mut needs_room) = (None, false);
            if regular.is_none() {
                match self.send_regular() {
                    Sent::Now(parked) => {
                        if !was_told && self.wake.notified().now_or_never().is_none() {
                            watchdog::report("a partition to fetch");
                        }
                        regular = Some(parked);
                    }
                    Sent::Later(at) => wake_at = at,
                    Sent::NoRoom => needs_room = true,
                }
            }
            let is_parked = |fetch: &Parked| !fetch.plan.max_wait.is_zero();
            if spare.is_none() && regular.as_ref().is_some_and(is_parked) {
                match self.send(Lane::Spare) {
                    Sent::Now(parked) => spare = Some(parked),
                    Sent::Later(at) => wake_at = wake_at.into_iter().chain(at).min(),
                    Sent::NoRoom => needs_room = true,
                }
            }
            if regular.is_none() && spare.is_none() && shared.retire(self.broker) {
                return;
            }
            was_told = true;
            let idle = regular.is_none() && wake_at.is_none() && !needs_room;
            let look_at = Instant::now() + watchdog::PATIENCE;
            tokio::select! {
                biased;
                (fetch, answer) = answered(&mut regular) => self.take_in(&fetch, answer),
                (fetch, answer) = answered(&mut spare) => self.take_in(&fetch, answer),
                () = self.wake.notified() => self.paused_until = None,
                () = freed, if needs_room => {}
                () = sleep_until(wake_at.unwrap_or(look_at)), if wake_at.is_some() => {}
                () = sleep_until(look_at), if idle => was_told = false,
            }
        }
    }

    fn send_regular(&mut self) -> Sent {
        if let Some(until) = self.paused_until {
            if Instant::now() < until {
                return Sent::Later(Some(until));
            }
            self.paused_until = None;
        }
        self.send(Lane::Regular)
    }

    /// Asks for all that is wanted of the broker and not yet asked for.
    fn send(&self, lane: Lane) -> Sent {
        let shared = &self.shared;
        let plan = match shared.partitions.lock().plan_fetch(self.broker, lane, Instant::now()) {
            Ok(plan) => plan,
            Err(wake_at) => return Sent::Later(wake_at),
        };
        let Some(reserved) = self.reserve(&plan) else { return Sent::NoRoom };
        shared.partitions.lock().fetch_sent(&plan);
        let request = request(&plan, &shared.config, reserved.bytes());
        let answer = fetch(Arc::clone(shared), self.broker, lane, plan.max_wait, request);
        Sent::Now(Parked {
            plan,
            lane,
            sent_at: Instant::now(),
            _reserved: reserved,
            answer: Box::pin(answer),
        })
    }

    /// Room for what the brokers may answer. Each fetch loop has a share, so that those parked at
    /// idle brokers do not starve the busy ones; one share is left for the spare connections.
    fn reserve(&self, plan: &Plan) -> Option<Charge> {
        let shared = &self.shared;
        let each = shared.config.partition_fetch_bytes;
        let share = shared.budget.limit() / shared.fetcher_count().saturating_add(1);
        let wanted = plan.bytes().min(shared.config.fetch_max_bytes).min(share.max(each));
        let reserved = shared.budget.reserve(wanted, each);
        // An application that keeps what it was given gets on all the same, at the least pace.
        reserved.or_else(|| shared.is_starving().then(|| shared.budget.charge(each.min(wanted))))
    }

    fn take_in(&mut self, fetch: &Parked, answer: Answer) {
        let (shared, plan) = (&self.shared, &fetch.plan);
        let now = Instant::now();
        let mut response = match answer {
            Ok(response) if response.error_code.is_ok() => response,
            Ok(response) => {
                tracing::debug!(broker = %self.broker, code = %response.error_code, "fetch refused");
                shared.partitions.lock().fetch_failed(plan, now);
                return;
            }
            Err(error) => return self.failed(plan, &error, now),
        };
        let endpoints = std::mem::take(&mut response.node_endpoints);
        let digest = {
            let mut table = shared.partitions.lock();
            digest(&mut table, plan, fetch.lane, response, &shared.config, &shared.budget, now)
        };
        // A broker that was to wait and did not is left alone as well.
        let hasty = now.saturating_duration_since(fetch.sent_at) < plan.max_wait / 2;
        let idle = digest.fed.is_empty() && fetch.lane == Lane::Regular;
        if idle && (hasty || plan.max_wait.is_zero()) {
            self.paused_until = Some(now + self.pause);
            self.pause = (self.pause * 2).min(PAUSE.1);
        } else if !digest.fed.is_empty() {
            self.pause = PAUSE.0;
        }
        self.follow_up(digest, endpoints);
    }

    fn follow_up(&self, digest: Digest, endpoints: Vec<FetchNodeEndpoint>) {
        let shared = &self.shared;
        let metadata = shared.client.metadata();
        if !digest.hints.is_empty() {
            let hints = digest.hints.into_iter().map(|(wanted, leader, leader_epoch)| LeaderHint {
                at: wanted.at,
                leader: BrokerId(leader),
                leader_epoch,
            });
            metadata.apply_leader_hints(hints, endpoints.into_iter().filter_map(broker));
        }
        if digest.stale_metadata {
            metadata.request_refresh(RefreshReason::Stale);
        }
        if digest.needs_lookup {
            shared.driver.notify_one();
        }
        if digest.stopped {
            shared.wake_application();
        }
        for slot in digest.fed {
            shared.prepare(slot);
        }
    }

    fn failed(&self, plan: &Plan, error: &RequestError, now: Instant) {
        let shared = &self.shared;
        shared.partitions.lock().fetch_failed(plan, now);
        if error.is_fatal() {
            shared.fail(ConsumerError::Closed);
            shared.stop.cancel();
            return;
        }
        if error.is_retriable() {
            tracing::debug!(broker = %self.broker, %error, "fetch failed");
        } else {
            tracing::warn!(broker = %self.broker, %error, "fetch failed");
        }
        shared.client.metadata().request_refresh(RefreshReason::Stale);
    }
}

async fn fetch(
    shared: Arc<Shared>,
    broker: BrokerId,
    lane: Lane,
    max_wait: Duration,
    request: FetchRequest,
) -> Answer {
    let kind = match lane {
        Lane::Regular => LaneKind::Fetch,
        Lane::Spare => LaneKind::SpareFetch,
    };
    let lane = ottla_client::Lane::new(kind, shared.owner);
    let connection = shared.client.connection(broker, lane).await?;
    let timeout = shared.client.config().request_timeout.saturating_add(max_wait);
    let response = connection.enqueue(&request, RequestOptions::timeout(timeout)).await?.await?;
    let throttle = u64::try_from(response.throttle_time_ms).unwrap_or(0);
    connection.throttle(Duration::from_millis(throttle));
    Ok(response)
}

/// The fetch in `place` with its answer, taken out of it; never, if there is none.
async fn answered(place: &mut Option<Parked>) -> (Parked, Answer) {
    let answer = match place {
        Some(fetch) => fetch.answer.as_mut().await,
        None => std::future::pending().await,
    };
    match place.take() {
        Some(fetch) => (fetch, answer),
        None => std::future::pending().await,
    }
}

fn broker(endpoint: FetchNodeEndpoint) -> Option<Broker> {
    let address = Address::new(endpoint.host, u16::try_from(endpoint.port).ok()?);
    let rack = endpoint.rack.map(Into::into);
    Some(Broker { id: BrokerId(endpoint.node_id), address, rack })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "what goes wrong here is a failed test")]

    use std::time::Duration;

    use ottla_client::{Client, TopicPartition, connector};
    use ottla_test_broker::TestCluster;
    use tokio::time::{sleep, timeout};

    use crate::{Consumer, Start};

    /// The loop of a broker that has left for good would stay for ever, and with it its share of
    /// the memory for answers.
    #[tokio::test(start_paused = true)]
    async fn a_broker_that_leaves_takes_its_fetch_loop_along() {
        let cluster = TestCluster::builder().brokers(2).topic("t", 2).build();
        let pipes = cluster.clone();
        let client = Client::builder()
            .bootstrap((0..2).map(|id| format!("broker-{id}:9092")))
            .connector(connector::from_fn(move |host: String, port| {
                let pipes = pipes.clone();
                async move { pipes.connect(&host, port) }
            }))
            .build()
            .unwrap();
        let topic = client.topic("t");
        let assigned = (0..2).map(|p| (TopicPartition::new(topic.clone(), p), Start::Beginning));
        let mut consumer = Consumer::builder(&client).assign(assigned).build().unwrap();
        let shared = consumer.control().shared;
        let refresh = || client.metadata().refresh(client.deadline());
        let quiet = Duration::from_secs(1);
        assert!(timeout(quiet, consumer.poll(1)).await.is_err(), "there are no records");
        assert_eq!(shared.fetcher_count(), 2);
        for _ in 0..3 {
            cluster.move_leader("t", 0, 0);
            cluster.move_leader("t", 1, 0);
            cluster.stop_broker(1);
            refresh().await.unwrap();
            sleep(Duration::from_secs(2)).await;
            assert_eq!(shared.fetcher_count(), 1, "the one that left is still there");
            cluster.start_broker(1);
            cluster.move_leader("t", 1, 1);
            refresh().await.unwrap();
            assert!(timeout(quiet, consumer.poll(1)).await.is_err(), "the consumer goes on");
            assert_eq!(shared.fetcher_count(), 2, "it came back and has no loop");
        }
    }
}
