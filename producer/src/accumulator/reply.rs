use ottla_protocol::ErrorCode;

use crate::{
    error::{Reason, Unsure},
    idempotence::Answer,
    outcome::Why,
};

/// What a request brought for one batch.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) answer: Answer,
    pub(crate) code: ErrorCode,
    /// What went wrong, for people.
    pub(crate) cause: Option<String>,
    /// What the broker said of it (KIP-467).
    pub(crate) message: Option<String>,
    pub(crate) base_offset: Option<i64>,
    pub(crate) timestamp: Option<i64>,
}

impl Reply {
    /// Why a batch with this answer is given up.
    pub(super) fn why(&self, answer: Answer, possibly_written: bool) -> Why {
        let cause = || self.cause.clone().unwrap_or_else(|| self.code.to_string());
        match (answer, possibly_written) {
            (Answer::OutOfSequence, true) => Why::Unknown(Unsure::SequenceLost { code: self.code }),
            (Answer::RefusedForGood | Answer::TooLarge, true) => {
                Why::Unknown(Unsure::Refused { code: self.code })
            }
            (_, true) => Why::Unknown(Unsure::NotRetried { cause: cause() }),
            (_, false) => {
                Why::NotWritten(Reason::Broker { code: self.code, message: self.message.clone() })
            }
        }
    }

    /// Why a batch with this answer is given up for the number of its tries.
    pub(super) fn too_many_tries(&self, tries: u32, possibly_written: bool) -> Why {
        let last = self.cause.clone().unwrap_or_else(|| self.code.to_string());
        if possibly_written {
            Why::Unknown(Unsure::TooManyTries { tries, last })
        } else {
            Why::NotWritten(Reason::TooManyTries { tries, last })
        }
    }
}
