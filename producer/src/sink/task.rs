//! The task of a sink: moves batches, answers and time between the machines and the connection.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::{StreamExt as _, stream::FuturesOrdered};
use ottla_client::{Connection, RefreshReason, RequestError, RequestOptions};
use tokio::time::{Instant, sleep_until};

use super::{
    Sink,
    pacing::{Cause, Look, MAX_REQUESTS, Pace, Pacing},
    reply,
    request::{Packed, Parked, SentBatch, pack},
};
use crate::{
    config::{Acks, Gathering},
    core::Core,
    transaction::Roll,
};

/// A request in flight: its batches and what became of it. Boxed once for each request.
type InFlight = Pin<Box<dyn Future<Output = Answered> + Send>>;

struct Answered {
    connection: Connection,
    sent: Instant,
    batches: Vec<SentBatch>,
    result: Brought,
}

enum Brought {
    Response(Result<ottla_protocol::api::ProduceResponse, RequestError>),
    /// Nothing was asked for: written to the socket, or not.
    Nothing(Result<(), RequestError>),
}

/// Runs until the producer has ended, or the broker has left the cluster.
pub(crate) async fn run(core: Arc<Core>, sink: Arc<Sink>) {
    let pacing = Pacing::new(core.config.linger, core.config.min_request_spacing);
    let in_flight = FuturesOrdered::new();
    let parked = Parked::new();
    let mut task = Task { core, sink, pacing, in_flight, parked, resume_at: None, unreachable: 0 };
    let ended = task.core.ended.clone();
    tokio::select! {
        biased;
        () = ended.cancelled() => {}
        () = task.serve() => {}
    }
}

struct Task {
    core: Arc<Core>,
    sink: Arc<Sink>,
    pacing: Pacing,
    /// In the order sent, which is the order answered.
    in_flight: FuturesOrdered<InFlight>,
    parked: Parked,
    /// No connection is tried before, after one could not be had.
    resume_at: Option<Instant>,
    /// How often in a row none could be had.
    unreachable: u32,
}

impl Task {
    async fn serve(&mut self) {
        loop {
            if self.in_flight.is_empty() && self.sink.is_over() {
                return;
            }
            let wake_at = match self.pace() {
                Pace::Send(cause) => {
                    self.call_others(cause);
                    self.send().await;
                    continue;
                }
                Pace::At(at) => Some(at),
                Pace::AfterAnswer => None,
            };
            tokio::select! {
                biased;
                Some(answered) = self.in_flight.next() => self.take_in(answered),
                () = self.sink.wake.notified() => {}
                () = sleep_until(wake_at.unwrap_or_else(Instant::now)), if wake_at.is_some() => {}
            }
        }
    }

    /// Where records are gathered over all brokers, what is due here is due everywhere.
    fn call_others(&self, cause: Cause) {
        let due = matches!(cause, Cause::Full | Cause::Lingered);
        if due && self.core.config.gathering == Gathering::OverAll {
            self.core.call_sinks(Some(self.sink.broker));
        }
    }

    fn pace(&mut self) -> Pace {
        let now = Instant::now();
        let something = self.unpark(now);
        self.pacing.waits(something, now);
        let parked = self.parked.iter().map(|(at, _)| *at).min();
        if !something {
            self.sink.unblock();
            return parked.map_or(Pace::AfterAnswer, Pace::At);
        }
        if let Some(at) = self.resume_at {
            if at > now {
                return Pace::At(at);
            }
            self.resume_at = None;
        }
        let pace = self.pacing.look(Look {
            now,
            in_flight: self.in_flight.len(),
            full: self.sink.is_full(&self.core),
            hurry: self.core.hurries() || self.sink.is_called(),
        });
        if pace == Pace::AfterAnswer {
            self.sink.block();
        }
        match (pace, parked) {
            (Pace::At(at), Some(parked)) => Pace::At(at.min(parked)),
            (pace, _) => pace,
        }
    }

    /// Puts the partitions that have waited long enough back on the list; says whether anything
    /// is on it.
    fn unpark(&mut self, now: Instant) -> bool {
        let mut list = self.sink.list.lock();
        let mut waiting = Parked::new();
        for (at, partition) in self.parked.drain(..) {
            if at <= now {
                list.push(partition);
            } else {
                waiting.push((at, partition));
            }
        }
        self.parked = waiting;
        !list.is_empty()
    }

    /// Sends one request, if a connection can be had: without one nothing is drained, so that
    /// records can still expire unnumbered.
    async fn send(&mut self) {
        // Until there is a connection, and the request is in its queue.
        self.sink.block();
        let Some(connection) = self.connect().await else { return };
        if let Some(packed) = pack(&self.core, &self.sink, &mut self.parked).await {
            let now = Instant::now();
            self.pacing.sent(now, packed.records);
            self.sink.meter.sent();
            self.dispatch(&connection, packed, now).await;
        }
        self.sink.unblock();
    }

    /// A connection to the broker. While it is being opened answers are taken in, of which there
    /// can be some from the connection before.
    async fn connect(&mut self) -> Option<Connection> {
        let client = self.core.client.clone();
        let mut opening = std::pin::pin!(client.connection(self.sink.broker, self.core.lane));
        let opened = loop {
            tokio::select! {
                biased;
                Some(answered) = self.in_flight.next() => {
                    answered.settle(&self.core, &self.sink);
                }
                opened = &mut opening => break opened,
            }
        };
        match opened {
            Ok(connection) => {
                self.unreachable = 0;
                Some(connection)
            }
            Err(error) => {
                tracing::debug!(broker = %self.sink.broker, %error, "no connection to produce over");
                self.sink.meter.unreachable();
                self.core.client.metadata().request_refresh(RefreshReason::Stale);
                // The pool lets nobody connect too often; this keeps us, and with us requests for
                // metadata, from asking it in a loop.
                self.unreachable = self.unreachable.saturating_add(1);
                self.resume_at = Some(Instant::now() + self.core.backoff(self.unreachable));
                None
            }
        }
    }

    async fn dispatch(&mut self, connection: &Connection, packed: Packed, sent: Instant) {
        let Packed { request, batches, .. } = packed;
        if request.acks == Acks::None.code() {
            let connection = connection.clone();
            self.in_flight.push_back(Box::pin(async move {
                let result = Brought::Nothing(connection.send_no_reply(&request).await);
                Answered { connection, sent, batches, result }
            }));
            return;
        }
        let connection = connection.clone();
        let newest = self.core.roll.as_ref().and_then(Roll::newest_produce);
        let options = RequestOptions::timeout(self.core.config.request_timeout).max_version(newest);
        // Room in the connection's queue is there: fewer requests are in flight than it holds.
        match connection.enqueue(&request, options).await {
            Ok(pending) => self.in_flight.push_back(Box::pin(async move {
                Answered { connection, sent, batches, result: Brought::Response(pending.await) }
            })),
            Err(error) => {
                let result = Brought::Response(Err(error));
                Answered { connection, sent, batches, result }.settle(&self.core, &self.sink);
            }
        }
        debug_assert!(self.in_flight.len() <= MAX_REQUESTS, "more in flight than paced");
    }

    fn take_in(&mut self, answered: Answered) {
        answered.settle(&self.core, &self.sink);
    }
}

impl Answered {
    fn settle(self, core: &Core, sink: &Sink) {
        let error = match &self.result {
            Brought::Response(result) => result.as_ref().err(),
            Brought::Nothing(result) => result.as_ref().err(),
        };
        sink.meter.done(self.sent.elapsed(), error, &core.meter);
        match self.result {
            Brought::Response(result) => {
                if let Ok(response) = &result {
                    let pause = reply::throttled(response);
                    self.connection.throttle(pause);
                    if !pause.is_zero() {
                        sink.meter.throttled(pause);
                        core.outbox.throttled(sink.broker, pause);
                    }
                }
                reply::take_in(core, self.batches, result);
            }
            Brought::Nothing(result) => reply::unacknowledged(core, self.batches, &result),
        }
        core.outbox.tell();
    }
}
