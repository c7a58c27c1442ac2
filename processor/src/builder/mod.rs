//! Building a processor.

mod draft;

use std::time::Duration;

use ottla_client::{Client, ConfigError, ConfigErrors};
use ottla_consumer_group::{Consumer, ConsumerBuilder, Message};
use ottla_producer::{Producer, ProducerBuilder};

use self::draft::Draft;
use crate::driver::ABORT_GRACE;
use crate::handler::{Handler, HandlerRunner, Runner};
use crate::order::{NullKeys, Order, OutputOrder};
use crate::processor::Processor;
use crate::retry::{Exhausted, RetryPolicy};
use crate::settings::Unreadable;
use crate::sink::{ProducerSink, Sink};
use crate::source::{ConsumerSource, Source};

/// Builds a [`Processor`].
///
/// [`name`](Self::name), [`input`](Self::input) and [`handler`](Self::handler) have no defaults.
#[must_use = "a builder does nothing until `build` is called"]
pub struct ProcessorBuilder {
    client: Client,
    draft: Draft,
    group: Option<String>,
    static_member: bool,
    input: Vec<String>,
    commit_interval: Duration,
    consumer: Box<dyn FnOnce(ConsumerBuilder) -> ConsumerBuilder + Send>,
    producer: Box<dyn FnOnce(ProducerBuilder) -> ProducerBuilder + Send>,
    handler: Option<Box<dyn Runner<Message>>>,
}

impl ProcessorBuilder {
    pub(crate) fn new(client: &Client) -> Self {
        Self {
            client: client.clone(),
            draft: Draft::default(),
            group: None,
            static_member: false,
            input: Vec::new(),
            commit_interval: Duration::from_secs(5),
            consumer: Box::new(|builder| builder),
            producer: Box::new(|builder| builder),
            handler: None,
        }
    }

    /// The processor's name, the same for all its instances: the consumer group is `{name}-group`
    /// unless [`group`](Self::group) says otherwise. It has to be set.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.draft.name = name.into();
        self
    }

    /// What tells this instance from others of the same name, in logs and as a
    /// [static member](Self::static_member). `0` by default.
    pub fn instance(mut self, instance: impl Into<String>) -> Self {
        self.draft.instance = instance.into();
        self
    }

    /// The consumer group (`group.id`). `{name}-group` by default.
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// Whether this instance is a static member of its group (`group.instance.id`, KIP-345),
    /// called `{name}-{instance}`: a restart within the session timeout moves no partitions. Off
    /// by default, for it needs instances with different names.
    pub fn static_member(mut self, on: bool) -> Self {
        self.static_member = on;
        self
    }

    /// The topics to read. At least one has to be set.
    pub fn input<T: Into<String>>(mut self, topics: impl IntoIterator<Item = T>) -> Self {
        self.input = topics.into_iter().map(Into::into).collect();
        self
    }

    /// The topic that outputs go to, if they name no other. None by default: then a handler gives
    /// out nothing, or outputs that name their topic.
    pub fn output(mut self, topic: impl Into<String>) -> Self {
        self.draft.output = Some(topic.into());
        self
    }

    /// The topic for records that are given up: as they were read, with the headers of
    /// [`dead_letter_header`](crate::dead_letter_header) added. It also makes
    /// [`Exhausted::DeadLetter`] the default end. None by default.
    pub fn dead_letter(mut self, topic: impl Into<String>) -> Self {
        self.draft.dead_letter = Some(topic.into());
        self
    }

    /// Which records wait for each other before they run. [`Order::Key`] by default.
    pub fn order(mut self, order: Order) -> Self {
        self.draft.order = order;
        self
    }

    /// When outputs are produced. [`OutputOrder::Completion`] by default.
    pub fn output_order(mut self, order: OutputOrder) -> Self {
        self.draft.output_order = order;
        self
    }

    /// How records without a key are ordered under [`Order::Key`]. [`NullKeys::Unordered`] by
    /// default.
    pub fn null_keys(mut self, null_keys: NullKeys) -> Self {
        self.draft.null_keys = Some(null_keys);
        self
    }

    /// How many handlers run at the same time, at most. 256 by default. It is bounded by the
    /// number of different keys, or partitions, if the [order](Self::order) asks for it.
    pub fn concurrency(mut self, handlers: usize) -> Self {
        self.draft.concurrency = handlers;
        self
    }

    /// How many records may be outstanding: received, and not yet behind the position of their
    /// partition. They wait for their key, run, wait for a retry or for their output to be
    /// acknowledged, or are done while an earlier one is not. Ten times the concurrency by
    /// default, and at least 10,000. A partition that holds too many of them is paused.
    pub fn max_outstanding(mut self, records: usize) -> Self {
        self.draft.max_outstanding = Some(records);
        self
    }

    /// How many bytes the keys and values of unfinished records may have. 64 MiB by default. The
    /// memory of their batches is bounded by the consumer's `buffer_memory`.
    pub fn max_outstanding_bytes(mut self, bytes: usize) -> Self {
        self.draft.max_outstanding_bytes = bytes;
        self
    }

    /// How many records may wait for a retry, or be parked, before partitions that have such
    /// records take in no more. Half of [`max_outstanding`](Self::max_outstanding) by default.
    pub fn max_retrying(mut self, records: usize) -> Self {
        self.draft.max_retrying = Some(records);
        self
    }

    /// How often and when failed records are tried again. [`RetryPolicy::DEFAULT`] by default.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.draft.retry = policy;
        self
    }

    /// What becomes of a record that failed at its last attempt. [`Exhausted::DeadLetter`] by
    /// default if there is a [dead-letter topic](Self::dead_letter), else [`Exhausted::Stop`].
    pub fn exhausted(mut self, end: Exhausted) -> Self {
        self.draft.exhausted = Some(end);
        self
    }

    /// What becomes of a partition that stopped at something that cannot be read.
    /// [`Unreadable::Stop`] by default.
    pub fn unreadable(mut self, unreadable: Unreadable) -> Self {
        self.draft.unreadable = unreadable;
        self
    }

    /// How often finished positions are committed. 5 seconds by default. They are also committed
    /// before a partition is handed over, and at the end.
    pub fn commit_interval(mut self, interval: Duration) -> Self {
        self.commit_interval = interval;
        self
    }

    /// How long a revoked partition, or at a shutdown everything, may take to finish what has
    /// begun. 10 seconds by default. Then handlers are dropped.
    pub fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.draft.drain_timeout = timeout;
        self
    }

    /// How long the last commit and leaving the group may take, and then closing the producer. 10
    /// seconds each by default.
    pub fn close_timeout(mut self, timeout: Duration) -> Self {
        self.draft.close_timeout = timeout;
        self
    }

    /// Changes settings of the consumer, such as its offset reset or its buffers. What the
    /// processor owns is set after it and so cannot be changed here: group, topics, listener,
    /// commit interval, and the timeout of rebalance callbacks.
    pub fn consumer(
        mut self,
        change: impl FnOnce(ConsumerBuilder) -> ConsumerBuilder + Send + 'static,
    ) -> Self {
        self.consumer = Box::new(change);
        self
    }

    /// Changes settings of the producer, such as its linger or compression.
    pub fn producer(
        mut self,
        change: impl FnOnce(ProducerBuilder) -> ProducerBuilder + Send + 'static,
    ) -> Self {
        self.producer = Box::new(change);
        self
    }

    /// The function to apply. It has to be set.
    pub fn handler(mut self, handler: impl Handler<Message>) -> Self {
        self.handler = Some(Box::new(HandlerRunner::new(handler)));
        self
    }

    /// The processor. Its consumer joins the group at once; records are taken in when it
    /// [runs](Processor::run). Needs a tokio runtime; does no I/O of its own.
    ///
    /// # Errors
    /// Every setting that cannot be, at once.
    pub fn build(self) -> Result<Processor, ConfigErrors> {
        let mut faults = self.draft.faults();
        if self.draft.name.is_empty() {
            faults.push(ConfigError::missing("name"));
        }
        if self.input.is_empty() {
            faults.push(ConfigError::missing("input"));
        }
        if self.handler.is_none() {
            faults.push(ConfigError::missing("handler"));
        }
        if self.commit_interval.is_zero() {
            faults.push(ConfigError::invalid("commit_interval", "0", "more than nothing"));
        }
        let circular =
            |topic: &Option<String>| topic.as_ref().is_some_and(|t| self.input.contains(t));
        if circular(&self.draft.dead_letter) {
            let reason = "a dead letter would be read and given up again, without end";
            faults.push(ConfigError::contradiction("dead_letter", "input", reason));
        }
        if circular(&self.draft.output) {
            let reason = "every output would be read as an input again, without end";
            faults.push(ConfigError::contradiction("output", "input", reason));
        }
        ConfigErrors::unless_empty(faults)?;
        let Some(runner) = self.handler else {
            return Err(ConfigError::missing("handler").into());
        };
        let name = &self.draft.name;
        let group = self.group.unwrap_or_else(|| format!("{name}-group"));
        let callback_timeout = self.draft.drain_timeout + ABORT_GRACE + CALLBACK_MARGIN;
        let consumer = (self.consumer)(Consumer::builder(&self.client));
        if consumer.settings().max_poll_interval.is_some_and(|most| most < callback_timeout) {
            let reason = "the group would not wait for the drain of a revoked partition to end";
            let fault = ConfigError::contradiction("drain_timeout", "max_poll_interval", reason);
            return Err(fault.into());
        }
        let mut consumer = consumer
            .group(group)
            .topics(self.input)
            .commit_interval(Some(self.commit_interval))
            .rebalance_callback_timeout(callback_timeout);
        if self.static_member {
            consumer = consumer.group_instance(format!("{name}-{}", self.draft.instance));
        }
        let source = ConsumerSource::new(consumer)?;
        let sink = ProducerSink::new((self.producer)(Producer::builder(&self.client)).build()?);
        Ok(self.draft.assemble(&self.client, source, sink, runner))
    }

    /// A processor that reads from a [`Source`] and writes to a [`Sink`] of your own. Settings of
    /// consumer, producer, group and input mean nothing then; the handler is the one given here.
    ///
    /// # Errors
    /// Every setting that cannot be, at once.
    pub fn build_with<S: Source, K: Sink>(
        self,
        source: S,
        sink: K,
        handler: impl Handler<S::Message>,
    ) -> Result<Processor<S, K>, ConfigErrors> {
        ConfigErrors::unless_empty(self.draft.faults())?;
        let runner = Box::new(HandlerRunner::new(handler));
        Ok(self.draft.assemble(&self.client, source, sink, runner))
    }
}

/// What a rebalance callback may take beyond the drain and its grace: some rounds of the driver.
const CALLBACK_MARGIN: Duration = Duration::from_secs(5);
