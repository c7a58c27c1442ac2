//! The task behind a connection: the only one that touches its socket.

use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::command::Command;
use super::in_flight::InFlight;
use super::reader::FrameReader;
use super::state::{Limits, State};
use super::writer::FrameWriter;
use crate::connector::BoxTransport;
use crate::error::{Disconnect, MalformedResponse, RequestError};

/// Requests taken from the queue for one write: enough to fill a packet many times over, few
/// enough that the others' responses are looked at in between.
const GATHER: usize = 32;

/// Requests without a response at which no more are taken from the queue: what a broker that
/// stopped answering may cost in memory. Producers and fetchers have fewer limits of their own.
const MAX_IN_FLIGHT: usize = 256;

/// Owns the socket, the order of responses and everything still to be written.
///
/// Invariant: a request is in exactly one of the queue, `outgoing` plus `in_flight`, or
/// `in_flight`; wherever it is when the task ends, [`finish`](Self::finish) tells its caller.
pub(super) struct Task {
    state: Arc<State>,
    limits: Limits,
    queue: mpsc::Receiver<Command>,
    reader: ReadHalf<BoxTransport>,
    writer: WriteHalf<BoxTransport>,
    incoming: FrameReader,
    outgoing: FrameWriter,
    in_flight: InFlight,
    /// When the last request or response passed.
    used: Instant,
    /// When the response that is being read began.
    frame_began: Option<Instant>,
    /// When the transport last took bytes, while there are bytes for it to take.
    write_stuck: Option<Instant>,
}

impl Task {
    pub(super) fn new(
        state: Arc<State>,
        limits: Limits,
        queue: mpsc::Receiver<Command>,
        transport: BoxTransport,
    ) -> Self {
        let (reader, writer) = tokio::io::split(transport);
        Self {
            state,
            limits,
            queue,
            reader,
            writer,
            incoming: FrameReader::new(limits.max_response),
            outgoing: FrameWriter::default(),
            in_flight: InFlight::default(),
            used: Instant::now(),
            frame_began: None,
            write_stuck: None,
        }
    }

    /// Moves bytes until the connection ends, tells everybody, and says why it ended.
    pub(super) async fn run(mut self) -> Disconnect {
        let why = self.drive().await;
        self.state.condemn(why.clone());
        if why.is_quiet() {
            tracing::debug!(broker = %self.state.broker(), address = %self.state.address(), %why, "connection closed");
        } else {
            tracing::warn!(broker = %self.state.broker(), address = %self.state.address(), %why, "connection lost");
        }
        self.finish(&why);
        why
    }

    async fn drive(&mut self) -> Disconnect {
        let state = Arc::clone(&self.state);
        let mut condemned = pin!(state.condemned().cancelled());
        let mut alarm = pin!(sleep_until(self.next_wake()));
        let mut gathered = Vec::with_capacity(GATHER);
        let mut draining = false;
        loop {
            if draining && self.in_flight.is_empty() && !self.outgoing.has_work() {
                return Disconnect::Released;
            }
            // The alarm may be early, which costs a look; it is moved only when it would be late.
            let wake = self.next_wake();
            if wake < alarm.deadline() {
                alarm.as_mut().reset(wake);
            }
            let writing = self.outgoing.has_work() && !self.is_muted();
            let accepting =
                !draining && self.outgoing.is_empty() && self.in_flight.len() < MAX_IN_FLIGHT;
            let mut begun = 0;
            // Every branch is cancel safe: each reads, writes or receives once or not at all.
            // Reading goes first: responses are bounded by requests, and one that has come may
            // not be declared late.
            tokio::select! {
                biased;
                () = &mut condemned => return state.verdict(),
                read = self.incoming.fill(&mut self.reader) => match read {
                    Ok(0) => return self.closed_by_broker(),
                    Ok(_) => if let Err(source) = self.answer() {
                        return Disconnect::Garbage(source);
                    },
                    Err(error) => return Disconnect::Io(Arc::new(error)),
                },
                () = &mut alarm => {
                    match self.overdue(Instant::now()) {
                        Some(Disconnect::Idle) => self.close_queue(Disconnect::Idle),
                        Some(why) => return why,
                        None => {}
                    }
                    alarm.as_mut().reset(self.next_wake());
                }
                written = self.outgoing.write(&mut self.writer, &mut begun), if writing => {
                    self.in_flight.begun(begun);
                    self.write_stuck = (!self.outgoing.is_empty()).then(Instant::now);
                    if let Err(error) = written {
                        return Disconnect::Io(Arc::new(error));
                    }
                }
                count = self.queue.recv_many(&mut gathered, GATHER), if accepting => {
                    draining = count == 0;
                    self.take(&mut gathered);
                }
            }
        }
    }

    /// Takes no new requests; those already queued are still served, none is lost to the moment.
    fn close_queue(&mut self, why: Disconnect) {
        self.state.give_reason(why);
        self.queue.close();
        self.used = Instant::now();
    }

    /// Queues what the handles asked for.
    fn take(&mut self, gathered: &mut Vec<Command>) {
        self.used = Instant::now();
        for command in gathered.drain(..) {
            match command {
                Command::Ask(frame, slot) => {
                    self.in_flight.push(slot);
                    self.outgoing.push(frame, None);
                }
                Command::Tell(frame, silent) => self.outgoing.push(frame, Some(silent)),
                Command::Drain => self.close_queue(Disconnect::Released),
            }
        }
        if !self.outgoing.is_empty() {
            self.write_stuck.get_or_insert(self.used);
        }
    }

    /// Gives every response that has been read to its caller.
    fn answer(&mut self) -> Result<(), MalformedResponse> {
        let now = Instant::now();
        self.used = now;
        while let Some(frame) = self.incoming.next_frame()? {
            self.frame_began = None;
            self.in_flight.answer(correlation_id(&frame))?.tell(Ok(frame));
        }
        if self.incoming.is_mid_frame() {
            self.frame_began.get_or_insert(now);
        }
        Ok(())
    }

    fn closed_by_broker(&self) -> Disconnect {
        if self.incoming.is_mid_frame() { Disconnect::MidFrame } else { Disconnect::ByBroker }
    }

    /// What ran out of time.
    fn overdue(&mut self, now: Instant) -> Option<Disconnect> {
        let patience = self.limits.request_timeout;
        if let Some(api) = self.in_flight.expire(now, self.state.broker()) {
            return Some(Disconnect::TimedOut { api });
        }
        if self.frame_began.is_some_and(|began| now >= began + patience) {
            return Some(Disconnect::Stalled { after: patience });
        }
        if self.state.unmute(now) {
            // Nothing was offered to the transport meanwhile.
            self.write_stuck = self.write_stuck.map(|_| now);
        }
        if self.write_stuck.is_some_and(|since| now >= since + patience) && !self.is_muted() {
            return Some(Disconnect::Blocked { after: patience });
        }
        let idle = self.in_flight.is_empty() && !self.outgoing.has_work();
        (idle && self.limits.max_idle.is_some_and(|max| now >= self.used + max))
            .then_some(Disconnect::Idle)
    }

    /// When [`overdue`](Self::overdue) has to look next.
    fn next_wake(&self) -> Instant {
        let patience = self.limits.request_timeout;
        let idle = self.limits.max_idle.filter(|_| self.in_flight.is_empty());
        let muted = self.state.muted_until().filter(|_| self.outgoing.has_work());
        [
            idle.map(|max| self.used + max),
            self.in_flight.wake(),
            self.frame_began.map(|began| began + patience),
            self.write_stuck.map(|since| muted.map_or(since + patience, |until| until)),
        ]
        .into_iter()
        .flatten()
        .min()
        // Nothing to wait for: a far moment that the timer can still count to.
        .unwrap_or_else(|| self.used + std::time::Duration::from_secs(86_400 * 365))
    }

    fn is_muted(&self) -> bool {
        self.state.muted_until().is_some_and(|until| until > Instant::now())
    }

    /// Tells everybody who still waits, each once.
    fn finish(mut self, why: &Disconnect) {
        let broker = self.state.broker();
        self.queue.close();
        self.in_flight.fail(Instant::now(), broker, why);
        let lost = |api, sent| RequestError::Disconnected { api, broker, sent, cause: why.clone() };
        self.outgoing.fail(|silent, started| lost(silent.api, started));
        while let Ok(command) = self.queue.try_recv() {
            match command {
                Command::Ask(_, mut slot) => {
                    let error = lost(slot.api, false);
                    slot.tell(Err(error));
                }
                Command::Tell(_, silent) => {
                    let error = lost(silent.api, false);
                    silent.tell(Err(error));
                }
                Command::Drain => {}
            }
        }
    }
}

/// The first four bytes of a response; [`FrameReader`] gives out none that is shorter.
fn correlation_id(frame: &Bytes) -> i32 {
    frame.first_chunk().map_or(-1, |bytes| i32::from_be_bytes(*bytes))
}
