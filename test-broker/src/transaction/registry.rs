//! All transactional ids of a cluster.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ottla_protocol::ErrorCode;

use super::end::End;
use super::init::Init;
use super::{Identity, Marker, Participant, Transaction, TransactionVersion};

/// How a cluster treats its transactions.
#[derive(Debug, Clone)]
pub(crate) struct TransactionPolicy {
    /// The feature `transaction.version`.
    pub(crate) version: TransactionVersion,
    /// `transaction.max.timeout.ms`
    pub(crate) longest: Duration,
    /// From the answer to the end of a transaction until its markers are written.
    pub(crate) marker_delay: Duration,
}

impl Default for TransactionPolicy {
    fn default() -> Self {
        Self {
            version: TransactionVersion::default(),
            longest: Duration::from_secs(15 * 60),
            marker_delay: Duration::ZERO,
        }
    }
}

/// By transactional id.
#[derive(Debug)]
pub(crate) struct Transactions {
    policy: TransactionPolicy,
    by_id: BTreeMap<String, Transaction>,
    next_producer_id: i64,
}

impl Transactions {
    pub(crate) fn new(policy: TransactionPolicy) -> Self {
        Self { policy, by_id: BTreeMap::new(), next_producer_id: 1000 }
    }

    pub(crate) fn fresh_producer_id(&mut self) -> i64 {
        let id = self.next_producer_id;
        self.next_producer_id += 1;
        id
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Transaction> {
        self.by_id.get(id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Transaction)> {
        self.by_id.iter().map(|(id, transaction)| (id.as_str(), transaction))
    }

    /// See [`Transaction::init`].
    pub(crate) fn init(
        &mut self,
        now: Instant,
        id: &str,
        timeout_ms: i32,
        expected: Option<Identity>,
    ) -> Result<Identity, ErrorCode> {
        let timeout = u64::try_from(timeout_ms).ok().filter(|millis| *millis > 0);
        let timeout = timeout
            .map(Duration::from_millis)
            .filter(|timeout| *timeout <= self.policy.longest)
            .ok_or(ErrorCode::INVALID_TRANSACTION_TIMEOUT)?;
        if !self.by_id.contains_key(id) {
            let producer_id = self.fresh_producer_id();
            self.by_id.insert(id.to_owned(), Transaction::new(producer_id));
        }
        let server = self.policy.version;
        let init = Init { timeout, expected };
        self.act(now, id, |transaction, fresh| transaction.init(now, init, server, fresh))
    }

    /// See [`Transaction::add`].
    pub(crate) fn add(
        &mut self,
        now: Instant,
        id: &str,
        by: Identity,
        participants: Vec<Participant>,
        version: TransactionVersion,
    ) -> Result<(), ErrorCode> {
        self.act(now, id, |transaction, _| transaction.add(now, by, participants, version))
    }

    /// See [`Transaction::verify`].
    pub(crate) fn verify(
        &self,
        id: &str,
        by: Identity,
        participant: &Participant,
    ) -> Result<(), ErrorCode> {
        if id.is_empty() {
            return Err(ErrorCode::INVALID_REQUEST);
        }
        let transaction = self.by_id.get(id).ok_or(ErrorCode::INVALID_PRODUCER_ID_MAPPING)?;
        transaction.verify(by, participant)
    }

    /// See [`Transaction::end`].
    pub(crate) fn end(&mut self, now: Instant, id: &str, end: End) -> Result<Identity, ErrorCode> {
        self.act(now, id, |transaction, fresh| transaction.end(now, end, fresh))
    }

    /// When there is something to do without being asked.
    pub(crate) fn poll_deadline(&self) -> Option<Instant> {
        self.by_id.values().filter_map(Transaction::poll_deadline).min()
    }

    /// Aborts what has taken too long; markers have to be written next.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        for transaction in self.by_id.values_mut() {
            if transaction.handle_timeout(now, self.policy.version) {
                transaction.delay_markers(now + self.policy.marker_delay);
            }
        }
    }

    /// The markers that are to be written now, by transactional id.
    pub(crate) fn markers(&self, now: Instant) -> Vec<(String, Marker)> {
        let due = |(id, it): (&String, &Transaction)| Some((id.clone(), it.marker(now)?));
        self.by_id.iter().filter_map(due).collect()
    }

    /// See [`Transaction::marked`].
    pub(crate) fn marked(&mut self, now: Instant, id: &str, missing: Vec<Participant>) {
        if let Some(transaction) = self.by_id.get_mut(id) {
            transaction.marked(now, missing);
        }
    }

    /// Does something to a transaction; if that ends it, the policy says when its markers come.
    fn act<R>(
        &mut self,
        now: Instant,
        id: &str,
        act: impl FnOnce(&mut Transaction, &mut dyn FnMut() -> i64) -> Result<R, ErrorCode>,
    ) -> Result<R, ErrorCode> {
        if id.is_empty() {
            return Err(ErrorCode::INVALID_REQUEST);
        }
        let transaction = self.by_id.get_mut(id).ok_or(ErrorCode::INVALID_PRODUCER_ID_MAPPING)?;
        let ending = transaction.marker(now).is_some();
        let next = &mut self.next_producer_id;
        let mut fresh = || {
            *next += 1;
            *next - 1
        };
        let result = act(transaction, &mut fresh);
        if !ending && transaction.marker(now).is_some() {
            transaction.delay_markers(now + self.policy.marker_delay);
        }
        result
    }
}
