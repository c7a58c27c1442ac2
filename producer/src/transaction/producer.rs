use std::future::Future;
use std::time::Duration;

use ottla_client::Client;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};

use super::{
    coordinator::Command,
    error::{FatalCause, TransactionError},
    handle::Transaction,
};
use crate::{
    builder::ProducerBuilder,
    producer::{Closed, Producer},
    statistics::ProducerStatistics,
};

/// A producer whose records become visible together, or not at all (KIP-98).
///
/// One transaction is open at a time, by construction:
///
/// ```no_run
/// # async fn example(client: ottla_client::Client) -> Result<(), Box<dyn std::error::Error>> {
/// use ottla_producer::{Producer, Record};
///
/// let mut producer = Producer::builder(&client).transactional("ledger-7").build()?;
/// let topic = client.topic("ledger");
/// let transaction = producer.begin().await?;
/// for value in [b"debit", b"claim"] {
///     // What fails to be written makes the commit fail.
///     let _delivery = transaction.send(&topic, Record::value(value)).await?;
/// }
/// transaction.commit().await?;
/// # Ok(())
/// # }
/// ```
///
/// The transactional id stands for whoever does this work: when a second producer with the same id
/// begins, the first is fenced and what it has open is aborted. It is to be the same after a
/// restart, and no two producers may have it at the same time.
///
/// What a transaction is to do exactly once, and was told as not committed, is done again in the
/// next. Where nobody knows ([`CommitError::Unknown`](crate::CommitError::Unknown)), begin the next
/// one first: then it is settled, and what was committed, such as the offsets of a group, tells.
///
/// Readers see aborted records unless they ask for committed ones only
/// (`isolation.level=read_committed`).
#[derive(Debug)]
pub struct TransactionalProducer {
    pub(super) inner: Producer,
    commands: mpsc::UnboundedSender<Command>,
}

impl TransactionalProducer {
    /// Begins a transactional producer with default settings on `client`; see
    /// [`Producer::builder`] for others.
    pub fn builder(client: &Client, id: impl Into<String>) -> super::TransactionalBuilder {
        ProducerBuilder::new(client).transactional(id)
    }

    pub(super) const fn new(inner: Producer, commands: mpsc::UnboundedSender<Command>) -> Self {
        Self { inner, commands }
    }

    /// Begins a transaction.
    ///
    /// The first one introduces the producer to its coordinator, which ends what an earlier
    /// producer with the same id left behind. Later ones wait for nothing, unless the transaction
    /// before was dropped or its commit has no known outcome: then that is settled first.
    ///
    /// # Cancel safety
    /// Dropped early, nothing is open, and what had to be settled before is settled in the
    /// background.
    ///
    /// # Errors
    /// [`TransactionError::Fatal`] if the producer cannot go on, [`TransactionError::TimedOut`] if
    /// the coordinator cannot be had within `completion_timeout`.
    pub async fn begin(&mut self) -> Result<Transaction<'_>, TransactionError> {
        self.ask(Command::Begin).await?;
        Ok(Transaction::new(self))
    }

    /// Aborts what is open, sends nothing more and ends the producer.
    ///
    /// With no transaction that is open or in doubt this waits for nothing. What the coordinator
    /// has not answered `within` the time is left to its clock (`transaction_timeout`), or to the
    /// next producer with the same id.
    ///
    /// # Cancel safety
    /// Dropped early, the rest is done in the background.
    pub async fn close(self, within: Duration) -> Closed {
        let until = Instant::now() + within;
        // Whatever comes of it: the producer ends.
        let _ = timeout(within, self.ask(Command::Close)).await;
        self.inner.close(until.saturating_duration_since(Instant::now())).await
    }

    /// Bytes of the buffer that are in use.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.inner.buffered()
    }

    /// What the producer has done since it was built; see
    /// [`Producer::statistics`](crate::Producer::statistics).
    #[must_use]
    pub fn statistics(&self) -> ProducerStatistics {
        self.inner.statistics()
    }

    /// The client this producer works on.
    #[must_use]
    pub fn client(&self) -> &Client {
        self.inner.client()
    }

    /// Gives a command to the task and waits for its answer.
    pub(super) fn ask<E: From<Ended> + Send>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<(), E>>) -> Command + Send,
    ) -> impl Future<Output = Result<(), E>> + Send {
        let (reply, answer) = oneshot::channel();
        // Not in the future, and to a channel without bounds: what was begun is done even if nobody
        // waits for it. Only offsets can pile up, and those are the caller's.
        let sent = self.commands.send(command(reply));
        async move {
            sent.map_err(|_| Ended)?;
            answer.await.map_err(|_| Ended)?
        }
    }

    pub(super) fn give_up(&self) {
        self.inner.give_up_transaction();
    }
}

/// The task is gone.
#[derive(Debug)]
pub(super) struct Ended;

impl From<Ended> for TransactionError {
    fn from(_: Ended) -> Self {
        Self::Fatal { cause: FatalCause::Ended }
    }
}
