//! Faults to plant, so that the checks can be trusted: a sink that does not do what it says.

use std::{future::Future, pin::Pin, str::FromStr, sync::Arc, time::Duration};

use ottla::{
    Output, Topic,
    processor::{ProducerSink, Rejected, Sink, Undelivered},
};
use tokio::{sync::Mutex, time::sleep};

use crate::{item::Enriched, options::Options};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// Some outputs are reported as written and are not.
    Drop,
    /// Some outputs are written twice.
    Dup,
    /// Two outputs of a key change places.
    Swap,
    /// Some outputs are reported as written long before they are.
    EarlyCommit,
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "drop" => Ok(Self::Drop),
            "dup" => Ok(Self::Dup),
            "swap" => Ok(Self::Swap),
            "early-commit" => Ok(Self::EarlyCommit),
            _ => Err(format!("{name:?} is none of drop, dup, swap, early-commit")),
        }
    }
}

/// How much later than reported an output is written under [`Fault::EarlyCommit`].
const LATE: Duration = Duration::from_secs(3);

pub(crate) struct FaultySink {
    inner: Arc<ProducerSink>,
    fault: Fault,
    options: Options,
    /// The first output of a key, until its second has been sent.
    held: Arc<Mutex<Option<Output>>>,
}

type Delivery = Pin<Box<dyn Future<Output = Result<(), Undelivered>> + Send>>;

impl FaultySink {
    pub(crate) fn new(inner: ProducerSink, fault: Fault, options: Options) -> Self {
        Self { inner: Arc::new(inner), fault, options, held: Arc::default() }
    }

    /// Whether the fault strikes this output. Of the first key only, for a swap; else of one key
    /// in a hundred.
    fn strikes(&self, enriched: Enriched) -> bool {
        let item = enriched.item;
        match self.fault {
            Fault::Drop | Fault::Dup => item.key % 100 == 0 && item.sequence == 1,
            Fault::Swap => item.key == 0 && item.sequence <= 1,
            // The last of its key: nothing overtakes it, so that its lateness is all that is wrong.
            Fault::EarlyCommit => {
                item.key % 100 == 0 && item.sequence + 1 == self.options.records_of(item.key)
            }
        }
    }

    async fn misbehave(
        inner: Arc<ProducerSink>,
        fault: Fault,
        held: Arc<Mutex<Option<Output>>>,
        topic: Topic,
        output: Output,
    ) -> Result<(), Undelivered> {
        match fault {
            Fault::Drop => Ok(()),
            Fault::Dup => {
                inner.send(topic.clone(), output.clone()).await?.await?;
                inner.send(topic, output).await?.await
            }
            Fault::Swap => {
                let first = {
                    let mut held = held.lock().await;
                    match held.take() {
                        None => {
                            *held = Some(output);
                            return Ok(());
                        }
                        Some(first) => first,
                    }
                };
                inner.send(topic.clone(), output).await?.await?;
                inner.send(topic, first).await?.await
            }
            Fault::EarlyCommit => {
                tokio::spawn(async move {
                    sleep(LATE).await;
                    if let Ok(delivery) = inner.send(topic, output).await {
                        let _ = delivery.await;
                    }
                });
                Ok(())
            }
        }
    }
}

impl Sink for FaultySink {
    type Delivery = Delivery;

    fn try_send(&self, topic: &Topic, output: &Output) -> Result<Delivery, Rejected> {
        let enriched = output.value_bytes().and_then(|value| Enriched::read(value));
        if !enriched.is_some_and(|enriched| self.strikes(enriched)) {
            return Ok(Box::pin(self.inner.try_send(topic, output)?));
        }
        let (inner, held) = (Arc::clone(&self.inner), Arc::clone(&self.held));
        Ok(Box::pin(Self::misbehave(inner, self.fault, held, topic.clone(), output.clone())))
    }

    fn send(
        &self,
        topic: Topic,
        output: Output,
    ) -> impl Future<Output = Result<Delivery, Undelivered>> + Send + 'static {
        let inner = Arc::clone(&self.inner);
        async move { Ok(Box::pin(inner.send(topic, output).await?) as Delivery) }
    }

    async fn close(self, within: Duration) {
        // What was held back or is late still has to go: the fault is not a loss.
        if self.fault == Fault::EarlyCommit {
            sleep(LATE).await;
        }
        if let Some(inner) = Arc::into_inner(self.inner) {
            inner.close(within).await;
        }
    }
}
