//! Controls a running processor.

use std::sync::Arc;

use ottla_client::TopicPartition;
use tokio::sync::{mpsc, oneshot, watch};

use crate::counters::{Meters, Stats};

/// Controls a running processor. Cloning is cheap; dropping it does nothing.
#[derive(Clone, Debug)]
pub struct ProcessorHandle {
    wish: watch::Sender<Wish>,
    commands: mpsc::Sender<Command>,
    meters: Arc<Meters>,
}

/// What the processor should do; later wishes include earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wish {
    Run,
    Shutdown,
    Stop,
}

#[derive(Debug)]
pub(crate) enum Command {
    Unpark { which: Parked, unparked: oneshot::Sender<usize> },
}

/// Which parked records are meant.
#[derive(Clone, Debug)]
pub(crate) enum Parked {
    All,
    At(TopicPartition, i64),
}

/// The driver's end.
#[derive(Debug)]
pub(crate) struct Controls {
    pub(crate) wish: watch::Receiver<Wish>,
    pub(crate) commands: mpsc::Receiver<Command>,
}

/// Calls to unpark come from people: a handful at a time, and the next one may wait.
const COMMANDS: usize = 8;

impl ProcessorHandle {
    pub(crate) fn new(meters: Arc<Meters>) -> (Self, Controls) {
        let (wish, wished) = watch::channel(Wish::Run);
        let (commands, received) = mpsc::channel(COMMANDS);
        (Self { wish, commands, meters }, Controls { wish: wished, commands: received })
    }

    /// Ends the processor in good order: nothing new is taken in, what has begun is finished,
    /// within the drain timeout, and committed. Returns at once; what was done is reported by
    /// [`run`](crate::Processor::run).
    pub fn shutdown(&self) {
        self.wish(Wish::Shutdown);
    }

    /// Ends the processor without waiting for handlers: they are dropped; what is done is
    /// committed. Returns at once.
    pub fn stop(&self) {
        self.wish(Wish::Stop);
    }

    /// What the processor is doing now. Costs a few atomic loads.
    pub fn stats(&self) -> Stats {
        self.meters.stats()
    }

    /// Tries the parked record at this offset again, with its attempts counted from 1. False if
    /// no such record is parked.
    pub async fn unpark(&self, partition: &TopicPartition, offset: i64) -> bool {
        self.command(Parked::At(partition.clone(), offset)).await > 0
    }

    /// Tries all parked records again, with their attempts counted from 1; how many there were.
    pub async fn unpark_all(&self) -> usize {
        self.command(Parked::All).await
    }

    fn wish(&self, wish: Wish) {
        self.wish.send_if_modified(|wished| {
            let more = wish > *wished;
            *wished = wish.max(*wished);
            more
        });
    }

    async fn command(&self, which: Parked) -> usize {
        let (unparked, answer) = oneshot::channel();
        if self.commands.send(Command::Unpark { which, unparked }).await.is_err() {
            return 0;
        }
        answer.await.unwrap_or(0)
    }
}
