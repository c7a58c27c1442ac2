//! The settings of a processor as they were given, wherever its records come from.

use std::sync::Arc;
use std::time::Duration;

use ottla_client::{Client, ConfigError};

use crate::counters::Meters;
use crate::handle::ProcessorHandle;
use crate::handler::Runner;
use crate::order::{NullKeys, Order, OutputOrder};
use crate::permits::Limits;
use crate::processor::Processor;
use crate::retry::{Exhausted, RetryPolicy};
use crate::settings::{Settings, Unreadable};
use crate::sink::Sink;
use crate::source::Source;

/// Settings not checked yet: the same for the consumer and for a source of the user's own.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) name: String,
    pub(super) instance: String,
    pub(super) output: Option<String>,
    pub(super) dead_letter: Option<String>,
    pub(super) order: Order,
    pub(super) output_order: OutputOrder,
    pub(super) null_keys: Option<NullKeys>,
    pub(super) concurrency: usize,
    pub(super) max_outstanding: Option<usize>,
    pub(super) max_outstanding_bytes: usize,
    pub(super) max_retrying: Option<usize>,
    pub(super) retry: RetryPolicy,
    pub(super) exhausted: Option<Exhausted>,
    pub(super) unreadable: Unreadable,
    pub(super) drain_timeout: Duration,
    pub(super) close_timeout: Duration,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            name: String::new(),
            instance: "0".to_owned(),
            output: None,
            dead_letter: None,
            order: Order::default(),
            output_order: OutputOrder::default(),
            null_keys: None,
            concurrency: 256,
            max_outstanding: None,
            max_outstanding_bytes: 64 << 20,
            max_retrying: None,
            retry: RetryPolicy::DEFAULT,
            exhausted: None,
            unreadable: Unreadable::default(),
            drain_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(10),
        }
    }
}

impl Draft {
    pub(super) fn assemble<S: Source, K: Sink>(
        self,
        client: &Client,
        source: S,
        sink: K,
        runner: Box<dyn Runner<S::Message>>,
    ) -> Processor<S, K> {
        let limits = self.limits();
        let default_end =
            if self.dead_letter.is_some() { Exhausted::DeadLetter } else { Exhausted::Stop };
        let settings = Settings {
            name: self.name,
            instance: self.instance,
            output: self.output.map(|topic| client.topic(&topic)),
            dead_letter: self.dead_letter.map(|topic| client.topic(&topic)),
            order: self.order,
            output_order: self.output_order,
            null_keys: self.null_keys.unwrap_or_default(),
            limits,
            retry: self.retry,
            exhausted: self.exhausted.unwrap_or(default_end),
            unreadable: self.unreadable,
            drain_timeout: self.drain_timeout,
            close_timeout: self.close_timeout,
            seed: client.next_seed(),
        };
        let meters = Arc::new(Meters::default());
        let (handle, controls) = ProcessorHandle::new(Arc::clone(&meters));
        Processor { settings, source, sink, runner, controls, handle, meters }
    }

    fn limits(&self) -> Limits {
        let most = self.concurrency.saturating_mul(10).max(10_000);
        let outstanding = self.max_outstanding.unwrap_or(most);
        Limits {
            concurrency: self.concurrency,
            outstanding,
            bytes: self.max_outstanding_bytes,
            retrying: self.max_retrying.unwrap_or(outstanding.div_ceil(2)),
        }
    }

    pub(super) fn faults(&self) -> Vec<ConfigError> {
        let limits = self.limits();
        let mut faults = Vec::new();
        for (setting, value) in [
            ("concurrency", limits.concurrency),
            ("max_outstanding", limits.outstanding),
            ("max_outstanding_bytes", limits.bytes),
            ("max_retrying", limits.retrying),
        ] {
            if value == 0 {
                faults.push(ConfigError::invalid(setting, "0", "at least 1"));
            }
        }
        if limits.outstanding < limits.concurrency {
            let reason = "what runs is outstanding, so that many handlers would never run";
            faults.push(ConfigError::contradiction("max_outstanding", "concurrency", reason));
        }
        if limits.retrying > limits.outstanding {
            let reason =
                "what waits for a retry is outstanding, so the bound would never be reached";
            faults.push(ConfigError::contradiction("max_retrying", "max_outstanding", reason));
        }
        if self.null_keys == Some(NullKeys::Ordered) && self.order == Order::None {
            let reason = "without an order no record waits for another, with or without a key";
            faults.push(ConfigError::contradiction("null_keys", "order", reason));
        }
        if self.exhausted == Some(Exhausted::DeadLetter) && self.dead_letter.is_none() {
            faults.push(ConfigError::missing("dead_letter"));
        }
        if let Some(reason) = self.retry.fault() {
            faults.push(ConfigError::contradiction("retry", "retry", reason));
        }
        if self.output.as_deref() == Some("") {
            faults.push(ConfigError::invalid("output", "", "a name"));
        }
        if self.dead_letter.as_deref() == Some("") {
            faults.push(ConfigError::invalid("dead_letter", "", "a name"));
        }
        faults
    }
}
