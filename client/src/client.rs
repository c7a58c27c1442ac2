//! The handle everything else is made with.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use ottla_protocol::api::{MetadataRequest, Request};
use ottla_protocol::compression::Codecs;
use tokio::time::Instant;

use crate::broker::BrokerId;
use crate::cluster::{Cluster, ListedTopic, PartitionMetadata, TopicMetadata};
use crate::config::{ClientBuilder, ClientConfig};
use crate::connection::{Connection, Limits, Opener, Pace, Pool};
use crate::coordinator::{CoordinatorKind, Coordinators};
use crate::error::{ConnectError, CoordinatorError, MetadataError, RequestError};
use crate::features::Features;
use crate::lane::{Lane, OwnerId};
use crate::metadata::{Asker, Attempts, Metadata, RefreshReason, Repeat, Upkeep};
use crate::random::Seeds;
use crate::retry::{Retry, RetryPolicy};
use crate::tasks::Tasks;
use crate::topic::{Topic, Topics};

/// A cluster as a program sees it: connections, metadata, settings.
///
/// Cheap to clone, and meant to be shared by all producers and consumers of a program. When the
/// last clone is dropped, everything of the client ends; [`close`](Self::close) ends it in order.
#[derive(Clone, Debug)]
pub struct Client(Arc<Core>);

struct Core {
    config: ClientConfig,
    topics: Arc<Topics>,
    cluster: Arc<ArcSwap<Cluster>>,
    pool: Arc<Pool>,
    asker: Arc<Asker>,
    metadata: Metadata,
    coordinators: Coordinators,
    features: Features,
    seeds: Arc<Seeds>,
    tasks: Tasks,
    owners: AtomicU32,
}

impl Client {
    /// Begins a configuration.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new()
    }

    pub(crate) fn new(config: ClientConfig) -> Self {
        let seeds = Arc::new(Seeds::new(config.seed));
        let tasks = Tasks::default();
        let topics = Arc::new(Topics::new());
        let cluster = Arc::new(ArcSwap::from_pointee(Cluster::default()));
        let features = Features::default();
        let opener = Opener {
            connector: Arc::clone(&config.connector),
            client_id: Arc::clone(&config.client_id),
            limits: Limits {
                request_timeout: config.request_timeout,
                max_idle: config.connections_max_idle,
                max_response: config.max_response_size,
            },
            features: features.clone(),
            client: tasks.abort().clone(),
        };
        let pace = Pace {
            reconnect: config.reconnect,
            setup: RetryPolicy::doubling(
                config.connection_setup_timeout,
                config.connection_setup_timeout_max,
            ),
        };
        let pool = Arc::new(Pool::new(
            opener,
            Arc::clone(&cluster),
            Arc::clone(&config.bootstrap),
            pace,
            Arc::clone(&seeds),
            tasks.clone(),
        ));
        let asker = Arc::new(Asker::new(
            Arc::clone(&pool),
            Arc::clone(&cluster),
            config.bootstrap.len(),
            Arc::clone(&seeds),
        ));
        let metadata = Metadata::new(Upkeep {
            cluster: Arc::clone(&cluster),
            topics: Arc::clone(&topics),
            pool: Arc::clone(&pool),
            asker: Arc::clone(&asker),
            seeds: Arc::clone(&seeds),
            tasks: tasks.clone(),
            max_age: config.metadata_max_age,
            spacing: config.retry,
            creation: config.allow_auto_create_topics,
        });
        let coordinators = Coordinators::new(Arc::clone(&asker), config.retry);
        Self(Arc::new(Core {
            config,
            topics,
            cluster,
            pool,
            asker,
            metadata,
            coordinators,
            features,
            seeds,
            tasks,
            owners: AtomicU32::new(OwnerId::SHARED.0),
        }))
    }

    /// The topic of this name. The same name always gives the same topic; nothing is asked.
    #[must_use]
    pub fn topic(&self, name: &str) -> Topic {
        self.0.topics.intern(name)
    }

    /// Whether a topic was named by this client. Its slot means nothing to another one.
    #[must_use]
    pub fn owns(&self, topic: &Topic) -> bool {
        self.0.topics.owns(topic)
    }

    /// What is known of the cluster now. Never waits; empty before the first answer.
    #[must_use]
    pub fn cluster(&self) -> Arc<Cluster> {
        self.0.cluster.load_full()
    }

    /// The upkeep of what is known of the cluster.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.0.metadata
    }

    /// See [`Metadata::topic`].
    ///
    /// # Errors
    /// See there.
    pub async fn topic_metadata(
        &self,
        topic: &Topic,
        deadline: Instant,
    ) -> Result<Arc<TopicMetadata>, MetadataError> {
        self.0.metadata.topic(topic, deadline).await
    }

    /// The connection to a broker for a lane, opened on first use. One attempt is made, after the
    /// broker's backoff, however many callers wait for it; callers that try again in a loop are
    /// thereby paced. Cancel safe.
    ///
    /// # Errors
    /// See [`ConnectError`]. A broker that cannot be reached also asks for fresh metadata.
    pub async fn connection(
        &self,
        broker: BrokerId,
        lane: Lane,
    ) -> Result<Connection, ConnectError> {
        let outcome = self.0.pool.connection(broker, lane).await;
        if matches!(
            outcome,
            Err(ConnectError::Unreachable { .. } | ConnectError::UnknownBroker { .. })
        ) {
            self.0.metadata.request_refresh(RefreshReason::Unreachable);
        }
        outcome
    }

    /// Sends a request to a broker and waits for the response. A connection that ended for lack of
    /// use just before is replaced; apart from that, nothing is repeated.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub async fn request<R: Request>(
        &self,
        broker: BrokerId,
        lane: Lane,
        request: &R,
    ) -> Result<R::Response, RequestError> {
        match self.connection(broker, lane).await?.request(request).await {
            Err(RequestError::Disconnected { sent: false, cause, .. }) if cause.is_quiet() => {
                self.connection(broker, lane).await?.request(request).await
            }
            outcome => outcome,
        }
    }

    /// Sends a request to whichever broker can be reached. Another broker is tried only if the one
    /// before never got the request.
    ///
    /// # Errors
    /// That of the last broker tried.
    pub async fn any_broker<R: Request>(&self, request: &R) -> Result<R::Response, RequestError> {
        let attempts = Attempts::default();
        let ask = |connection: Connection| async move { connection.request(request).await };
        match self.0.asker.ask(Repeat::IfNotWritten, &attempts, ask).await {
            Some(response) => Ok(response),
            None => Err(attempts.into_inner().pop().unwrap_or(RequestError::Closed)),
        }
    }

    /// All topics of the cluster that the client may see, by name (kafka-sharp's `GetAllTopics`,
    /// Java's `listTopics`), and how many partitions each has. They are asked for anew with each
    /// call, not followed, and not made known to [`cluster`](Self::cluster).
    ///
    /// # Errors
    /// If no broker answered, or the last one refused: see [`RequestError`].
    pub async fn list_topics(&self) -> Result<Vec<ListedTopic>, RequestError> {
        let request = MetadataRequest {
            topics: None,
            // Nothing is named that could be made, and old brokers cannot be told not to.
            allow_auto_topic_creation: true,
            ..MetadataRequest::default()
        };
        let response = self.any_broker(&request).await?;
        let mut topics: Vec<_> = response.topics.into_iter().filter_map(ListedTopic::of).collect();
        topics.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        Ok(topics)
    }

    /// The partitions of a topic, with their leaders and replicas (kafka-sharp's
    /// `GetPartitionforTopic`, Java's `partitionsFor`). The topic is followed from now on.
    ///
    /// # Errors
    /// If there is no such topic, or nobody said so within the client's `api_timeout`.
    pub async fn partitions(&self, topic: &Topic) -> Result<Vec<PartitionMetadata>, MetadataError> {
        let known = self.topic_metadata(topic, self.deadline()).await?;
        Ok(known.partitions.clone())
    }

    /// Sends a request to the broker that takes administrative ones, which is learnt first if need
    /// be. After `NOT_CONTROLLER`, refresh the metadata and try again.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub async fn controller<R: Request>(&self, request: &R) -> Result<R::Response, RequestError> {
        if self.cluster().controller().is_none() {
            // If nobody answers, the request below says why.
            let _unknown = self.metadata().refresh(self.deadline()).await;
        }
        match self.cluster().controller() {
            Some(controller) => self.request(controller, Lane::GENERAL, request).await,
            None => self.any_broker(request).await,
        }
    }

    /// The broker that coordinates a group or a transactional id. Remembered until
    /// [`invalidate_coordinator`](Self::invalidate_coordinator). Cancel safe.
    ///
    /// # Errors
    /// At once when the cluster refuses; at `deadline` when it had none to name until then.
    pub async fn coordinator(
        &self,
        kind: CoordinatorKind,
        key: &str,
        deadline: Instant,
    ) -> Result<BrokerId, CoordinatorError> {
        let (metadata, seed) = (&self.0.metadata, self.next_seed());
        self.0.coordinators.find(kind, key, deadline, metadata, seed).await
    }

    /// Forgets who coordinates `key`: after `NOT_COORDINATOR`, or when it cannot be reached.
    pub fn invalidate_coordinator(&self, kind: CoordinatorKind, key: &str) {
        self.0.coordinators.forget(kind, key);
    }

    /// The level at which the cluster has settled on a feature (KIP-584), for instance
    /// `transaction.version`, as brokers told it when connections to them were opened. `None` if
    /// it is not turned on, or if no broker has told yet.
    #[must_use]
    pub fn feature(&self, name: &str) -> Option<i16> {
        self.0.features.level(name)
    }

    /// An id for one more producer, consumer or other owner of connections.
    #[must_use]
    pub fn owner(&self) -> OwnerId {
        OwnerId(self.0.owners.fetch_add(1, Ordering::Relaxed).wrapping_add(1))
    }

    /// Lets the connections of an owner that is done end, once they have no requests left.
    pub fn release(&self, owner: OwnerId) {
        if owner != OwnerId::SHARED {
            self.0.pool.release(owner);
        }
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &ClientConfig {
        &self.0.config
    }

    /// The codecs for record batches.
    #[must_use]
    pub fn codecs(&self) -> &Codecs {
        &self.0.config.codecs
    }

    /// A seed for something that needs randomness of its own. The same client seed gives the same
    /// sequence.
    #[must_use]
    pub fn next_seed(&self) -> u64 {
        self.0.seeds.next()
    }

    /// Paces the attempts at an operation by the client's retry settings.
    #[must_use]
    pub fn retry_until(&self, deadline: Instant) -> Retry {
        Retry::until(deadline, self.0.config.retry, self.next_seed())
    }

    /// When an operation that begins now and states no deadline has to be over.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        Instant::now() + self.0.config.api_timeout
    }

    /// Starts a task that [`close`](Self::close) waits for. The task has to end by itself once
    /// [`closing`](Self::closing) is over; a task that holds a client keeps it alive.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.0.tasks.spawn(task);
    }

    /// Waits until the client begins to close. The future does not keep the client alive.
    pub fn closing(&self) -> impl Future<Output = ()> + Send + 'static {
        self.0.tasks.closing().clone().cancelled_owned()
    }

    /// Whether the client has begun to close.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.0.tasks.closing().is_cancelled()
    }

    /// Ends the client: no connection is opened any more, those that are open finish what they
    /// were asked, and all tasks end. What is not finished after `within` is cut off.
    ///
    /// Producers and consumers have to be closed first; theirs is more to finish than this knows.
    /// Returns whether everything ended in time.
    pub async fn close(&self, within: Duration) -> bool {
        self.0.pool.close();
        self.0.tasks.close(within).await
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        self.tasks.end();
    }
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core").field("config", &self.config).finish_non_exhaustive()
    }
}
