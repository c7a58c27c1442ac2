//! What a connection's handles ask of its task.

use std::time::Duration;

use bytes::Bytes;
use ottla_protocol::ApiKey;
use ottla_protocol::wire::Frame;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::error::RequestError;

/// What a connection's handles ask of its task.
#[derive(Debug)]
pub(super) enum Command {
    /// Write a request and give its response back.
    Ask(Frame, Slot),
    /// Write a request that has no response.
    Tell(Frame, Silent),
    /// Finish what has been asked, then close.
    Drain,
}

/// A place in the order of responses.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) api: ApiKey,
    pub(super) correlation: i32,
    pub(super) deadline: Instant,
    pub(super) timeout: Duration,
    /// Who waits; `None` once it has been told. A caller that has gone away leaves a sender that
    /// nobody listens to: the place stays.
    pub(super) caller: Option<oneshot::Sender<Result<Bytes, RequestError>>>,
}

impl Slot {
    pub(super) fn tell(&mut self, outcome: Result<Bytes, RequestError>) {
        if let Some(caller) = self.caller.take() {
            // A caller that went away does not want to know.
            let _gone = caller.send(outcome);
        }
    }
}

/// Who waits until a request without a response is written.
#[derive(Debug)]
pub(super) struct Silent {
    pub(super) api: ApiKey,
    pub(super) caller: oneshot::Sender<Result<(), RequestError>>,
}

impl Silent {
    pub(super) fn tell(self, outcome: Result<(), RequestError>) {
        // A caller that went away does not want to know.
        let _gone = self.caller.send(outcome);
    }
}
