//! Whether a partition that failed is left out of keyless routing for a time: a machine without
//! clock.

use std::time::Duration;

use ottla_protocol::ErrorCode;
use tokio::time::Instant;

use super::super::reply::Reply;
use crate::idempotence::Answer;

/// A partition is out from its first failure on, until it succeeds, gets another leader, or the
/// time since its last failure is over.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Health {
    out_until: Option<Instant>,
}

impl Health {
    /// Takes in how a try went. Says whether the partition is out now and was not, or the other
    /// way round.
    pub(super) fn tried(&mut self, reply: &Reply, now: Instant, exclusion: Duration) -> bool {
        match reply.answer {
            Answer::Written => self.recovered(now),
            Answer::RefusedForNow | Answer::Unsure if speaks_against(reply.code) => {
                let was_out = self.out_until(now).is_some();
                self.out_until = Some(exclusion).filter(|time| !time.is_zero()).map(|t| now + t);
                was_out != self.out_until.is_some()
            }
            _ => false,
        }
    }

    /// What was held against it no longer counts. Says whether it was out.
    pub(super) fn recovered(&mut self, now: Instant) -> bool {
        let was_out = self.out_until(now).is_some();
        self.out_until = None;
        was_out
    }

    /// Until when the partition is out, if it is.
    pub(super) fn out_until(self, now: Instant) -> Option<Instant> {
        self.out_until.filter(|until| *until > now)
    }
}

/// Whether an error says something of the partition: not of the batch alone, nor of the producer.
const fn speaks_against(code: ErrorCode) -> bool {
    !matches!(
        code,
        ErrorCode::CORRUPT_MESSAGE
            | ErrorCode::THROTTLING_QUOTA_EXCEEDED
            | ErrorCode::CONCURRENT_TRANSACTIONS
            | ErrorCode::COORDINATOR_LOAD_IN_PROGRESS
            | ErrorCode::COORDINATOR_NOT_AVAILABLE
            | ErrorCode::NOT_COORDINATOR
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: Duration = Duration::from_secs(10);

    fn reply(answer: Answer, code: ErrorCode) -> Reply {
        Reply { answer, code, cause: None, message: None, base_offset: None, timestamp: None }
    }

    #[tokio::test(start_paused = true)]
    async fn out_from_the_first_failure_until_success_or_time() {
        let now = Instant::now();
        let failed = reply(Answer::RefusedForNow, ErrorCode::NOT_ENOUGH_REPLICAS);
        let written = reply(Answer::Written, ErrorCode::NONE);
        let mut health = Health::default();
        assert!(!health.tried(&written, now, TIME));
        assert!(health.tried(&failed, now, TIME));
        assert!(!health.tried(&failed, now + TIME / 2, TIME), "it was out already");
        assert_eq!(health.out_until(now + TIME), Some(now + TIME / 2 + TIME));
        assert_eq!(health.out_until(now + TIME / 2 + TIME), None);
        assert!(health.tried(&failed, now + 2 * TIME, TIME), "its time was over");
        assert!(health.tried(&written, now + 2 * TIME, TIME));
        assert!(!health.recovered(now + 2 * TIME));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_the_batchs_fault_or_ours_is_not_the_partitions() {
        let now = Instant::now();
        for (answer, code) in [
            (Answer::RefusedForNow, ErrorCode::CORRUPT_MESSAGE),
            (Answer::RefusedForGood, ErrorCode::MESSAGE_TOO_LARGE),
            (Answer::RefusedForGood, ErrorCode::INVALID_RECORD),
            (Answer::RefusedForNow, ErrorCode::THROTTLING_QUOTA_EXCEEDED),
            (Answer::OutOfSequence, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER),
        ] {
            assert!(!Health::default().tried(&reply(answer, code), now, TIME), "{code}");
        }
        let failed = reply(Answer::Unsure, ErrorCode::NETWORK_EXCEPTION);
        assert!(!Health::default().tried(&failed, now, Duration::ZERO), "switched off");
    }
}
