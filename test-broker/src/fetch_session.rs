//! Incremental fetch sessions (KIP-227): a broker remembers which partitions a consumer fetches
//! and what it last told it, so that requests and responses carry only what changed.
//!
//! The rules are those of Kafka's `FetchSession.scala`; the state is one broker's.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ottla_protocol::api::PartitionData;
use ottla_protocol::{ErrorCode, Uuid};

/// `max.incremental.fetch.session.cache.slots`
const MAX_SESSIONS: usize = 1000;
/// A session this long unused makes room for another (`FetchSession.EVICTION_MS`).
const EVICTABLE_AFTER: Duration = Duration::from_secs(120);

/// The session id of a fetch without a session.
const NO_SESSION: i32 = 0;
/// The epoch that asks for a new session.
const INITIAL_EPOCH: i32 = 0;
/// The epoch that ends a session and wants no other.
const FINAL_EPOCH: i32 = -1;

/// How a request names a topic: by id from v13 on, by name before.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TopicKey {
    Name(Arc<str>),
    Id(Uuid),
}

/// A partition as a fetch names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PartitionKey {
    pub(crate) topic: TopicKey,
    pub(crate) partition: i32,
}

/// What a fetch wants of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) key: PartitionKey,
    pub(crate) offset: i64,
    pub(crate) max_bytes: i32,
    /// -1: not known.
    pub(crate) leader_epoch: i32,
    /// -1: not known.
    pub(crate) last_fetched_epoch: i32,
}

/// What a fetch got of a partition.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) key: PartitionKey,
    pub(crate) data: PartitionData,
}

/// The session part of a request.
#[derive(Debug)]
pub(crate) struct SessionRequest {
    pub(crate) id: i32,
    pub(crate) epoch: i32,
    pub(crate) by_topic_id: bool,
    pub(crate) wanted: Vec<Wanted>,
    pub(crate) forgotten: Vec<PartitionKey>,
}

/// A fetch under way.
#[derive(Debug)]
pub(crate) struct FetchContext {
    /// What to read, in this order.
    pub(crate) wanted: Vec<Wanted>,
    kind: Kind,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Sessionless,
    NewSession { by_topic_id: bool },
    Incremental { id: i32, epoch: i32 },
}

/// The sessions of one broker.
#[derive(Debug, Default)]
pub(crate) struct FetchSessions {
    sessions: BTreeMap<i32, Session>,
}

#[derive(Debug)]
struct Session {
    /// The epoch that the next request must carry.
    epoch: i32,
    by_topic_id: bool,
    last_used: Instant,
    /// Where each partition stands in `order`.
    places: BTreeMap<PartitionKey, u64>,
    order: BTreeMap<u64, Remembered>,
    next_place: u64,
}

#[derive(Debug)]
struct Remembered {
    wanted: Wanted,
    /// As last told to the consumer; -1 makes the next response tell it again.
    high_watermark: i64,
    log_start_offset: i64,
}

impl FetchSessions {
    pub(crate) fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Forgets all sessions, as a broker does when it restarts.
    pub(crate) fn clear(&mut self) {
        self.sessions.clear();
    }

    /// Starts a fetch: finds out what it wants.
    ///
    /// # Errors
    /// `FETCH_SESSION_ID_NOT_FOUND`, `INVALID_FETCH_SESSION_EPOCH` or
    /// `FETCH_SESSION_TOPIC_ID_ERROR`; the client must begin a new session.
    pub(crate) fn begin(
        &mut self,
        now: Instant,
        request: SessionRequest,
    ) -> Result<FetchContext, ErrorCode> {
        let SessionRequest { id, epoch, by_topic_id, wanted, forgotten } = request;
        if epoch == INITIAL_EPOCH || epoch == FINAL_EPOCH {
            self.sessions.remove(&id);
            let new = epoch == INITIAL_EPOCH;
            let kind = if new { Kind::NewSession { by_topic_id } } else { Kind::Sessionless };
            return Ok(FetchContext { wanted, kind });
        }
        let session = self.sessions.get_mut(&id).ok_or(ErrorCode::FETCH_SESSION_ID_NOT_FOUND)?;
        if session.epoch != epoch {
            return Err(ErrorCode::INVALID_FETCH_SESSION_EPOCH);
        }
        if session.by_topic_id != by_topic_id {
            return Err(ErrorCode::FETCH_SESSION_TOPIC_ID_ERROR);
        }
        for wanted in wanted {
            session.want(wanted);
        }
        for key in &forgotten {
            session.forget(key);
        }
        if session.order.is_empty() {
            self.sessions.remove(&id);
            return Ok(FetchContext { wanted: Vec::new(), kind: Kind::Sessionless });
        }
        session.epoch = next_epoch(epoch);
        session.last_used = now;
        Ok(FetchContext {
            wanted: session.order.values().map(|known| known.wanted.clone()).collect(),
            kind: Kind::Incremental { id, epoch: session.epoch },
        })
    }

    /// Ends a fetch: says under which session, and which partitions to answer for.
    ///
    /// `fresh_id` is the id of a session to be made.
    ///
    /// # Errors
    /// `INVALID_FETCH_SESSION_EPOCH` if another request used the session meanwhile.
    pub(crate) fn finish(
        &mut self,
        now: Instant,
        context: FetchContext,
        got: Vec<Got>,
        fresh_id: i32,
    ) -> Result<(i32, Vec<Got>), ErrorCode> {
        match context.kind {
            Kind::Sessionless => Ok((NO_SESSION, got)),
            Kind::NewSession { by_topic_id } => {
                if !self.has_room(now) || fresh_id == NO_SESSION {
                    return Ok((NO_SESSION, got));
                }
                let session = Session::new(now, by_topic_id, context.wanted, &got);
                self.sessions.insert(fresh_id, session);
                Ok((fresh_id, got))
            }
            Kind::Incremental { id, epoch } => {
                let session = self
                    .sessions
                    .get_mut(&id)
                    .filter(|session| session.epoch == epoch)
                    .ok_or(ErrorCode::INVALID_FETCH_SESSION_EPOCH)?;
                session.last_used = now;
                Ok((id, got.into_iter().filter(|got| session.must_tell(got)).collect()))
            }
        }
    }

    pub(crate) fn has(&self, id: i32) -> bool {
        self.sessions.contains_key(&id)
    }

    fn has_room(&mut self, now: Instant) -> bool {
        if self.sessions.len() < MAX_SESSIONS {
            return true;
        }
        let oldest = self.sessions.iter().min_by_key(|(_, session)| session.last_used);
        let Some((&id, session)) = oldest else { return true };
        let evictable = now.saturating_duration_since(session.last_used) > EVICTABLE_AFTER;
        if evictable {
            self.sessions.remove(&id);
        }
        evictable
    }
}

impl Session {
    fn new(now: Instant, by_topic_id: bool, wanted: Vec<Wanted>, got: &[Got]) -> Self {
        let mut session = Self {
            epoch: next_epoch(INITIAL_EPOCH),
            by_topic_id,
            last_used: now,
            places: BTreeMap::new(),
            order: BTreeMap::new(),
            next_place: 0,
        };
        for wanted in wanted {
            session.want(wanted);
        }
        for got in got {
            session.remember(got);
        }
        session
    }

    fn want(&mut self, wanted: Wanted) {
        let known = self.places.get(&wanted.key).and_then(|place| self.order.get_mut(place));
        if let Some(known) = known {
            known.wanted = wanted;
            return;
        }
        self.push(Remembered { wanted, high_watermark: -1, log_start_offset: -1 });
    }

    fn forget(&mut self, key: &PartitionKey) {
        if let Some(place) = self.places.remove(key) {
            self.order.remove(&place);
        }
    }

    fn push(&mut self, known: Remembered) {
        let place = self.next_place;
        self.next_place += 1;
        self.places.insert(known.wanted.key.clone(), place);
        self.order.insert(place, known);
    }

    fn remember(&mut self, got: &Got) {
        let known = self.places.get(&got.key).and_then(|place| self.order.get_mut(place));
        let Some(known) = known else { return };
        let failed = !got.data.error_code.is_ok();
        known.high_watermark = if failed { -1 } else { got.data.high_watermark };
        known.log_start_offset = got.data.log_start_offset;
    }

    /// Whether the consumer must hear of this (`CachedPartition.maybeUpdateResponseData`). A
    /// partition that gave records goes to the end of the order, so that the others get their
    /// turn when a response is full.
    fn must_tell(&mut self, got: &Got) -> bool {
        let Some(&place) = self.places.get(&got.key) else { return false };
        let Some(known) = self.order.get(&place) else { return false };
        let has_records = got.data.records.as_ref().is_some_and(|records| !records.is_empty());
        let news = has_records
            || !got.data.error_code.is_ok()
            || got.data.diverging_epoch.end_offset >= 0
            || got.data.preferred_read_replica >= 0
            || known.high_watermark != got.data.high_watermark
            || known.log_start_offset != got.data.log_start_offset;
        self.remember(got);
        if has_records {
            if let Some(known) = self.order.remove(&place) {
                self.push(known);
            }
        }
        news
    }
}

/// `FetchMetadata.nextEpoch`
fn next_epoch(epoch: i32) -> i32 {
    match epoch {
        ..0 => FINAL_EPOCH,
        i32::MAX => 1,
        _ => epoch + 1,
    }
}

#[cfg(test)]
mod tests;
