use super::init::Init;
use super::*;
use ottla_protocol::ErrorCode;

const TIMEOUT: Duration = Duration::from_secs(60);

/// A transactional id under one protocol, and a clock.
struct Id {
    transaction: Transaction,
    version: TransactionVersion,
    now: Instant,
    fresh: i64,
}

impl Id {
    fn new(version: TransactionVersion) -> Self {
        let now = Instant::now();
        Self { transaction: Transaction::new(7), version, now, fresh: 100 }
    }

    fn init(&mut self) -> Result<Identity, ErrorCode> {
        self.init_as(None)
    }

    fn init_as(&mut self, expected: Option<Identity>) -> Result<Identity, ErrorCode> {
        let fresh = &mut self.fresh;
        let fresh = || {
            *fresh += 1;
            *fresh
        };
        self.transaction.init(self.now, Init { timeout: TIMEOUT, expected }, self.version, fresh)
    }

    fn add(&mut self, by: Identity, index: i32) -> Result<(), ErrorCode> {
        self.transaction.add(self.now, by, vec![partition(index)], self.version)
    }

    fn end(&mut self, by: Identity, commit: bool) -> Result<Identity, ErrorCode> {
        let fresh = &mut self.fresh;
        let fresh = || {
            *fresh += 1;
            *fresh
        };
        self.transaction.end(self.now, End { by, commit, version: self.version }, fresh)
    }

    /// Writes the markers that are due.
    fn mark(&mut self) -> Option<Marker> {
        let marker = self.transaction.marker(self.now)?;
        self.transaction.marked(self.now, Vec::new());
        Some(marker)
    }

    fn started(version: TransactionVersion) -> (Self, Identity) {
        let mut id = Self::new(version);
        let me = id.init().unwrap();
        id.add(me, 0).unwrap();
        (id, me)
    }
}

fn partition(index: i32) -> Participant {
    Participant::Partition("t".into(), index)
}

fn identity(producer_id: i64, epoch: i16) -> Identity {
    Identity { producer_id, epoch }
}

const BOTH: [TransactionVersion; 2] = [TransactionVersion::V1, TransactionVersion::V2];

#[test]
fn every_start_raises_the_epoch_and_fences_the_one_before() {
    for version in BOTH {
        let mut id = Id::new(version);
        let first = id.init().unwrap();
        assert_eq!(first, identity(7, 0));
        let second = id.init().unwrap();
        assert_eq!(second, identity(7, 1));
        assert_eq!(id.add(first, 0), Err(ErrorCode::PRODUCER_FENCED));
        assert_eq!(id.end(first, true), Err(ErrorCode::PRODUCER_FENCED));
        assert_eq!(id.add(second, 0), Ok(()));
    }
}

#[test]
fn what_was_added_gets_the_marker() {
    for version in BOTH {
        let (mut id, me) = Id::started(version);
        id.add(me, 3).unwrap();
        id.add(me, 3).unwrap();
        assert_eq!(id.mark(), None, "before the end there is none");
        id.end(me, true).unwrap();
        let marker = id.mark().unwrap();
        assert!(marker.commit);
        assert_eq!(marker.participants, [partition(0), partition(3)]);
        assert_eq!(id.transaction.phase(), TransactionPhase::CompleteCommit);
        assert_eq!(id.mark(), None, "and after it no other");
    }
}

#[test]
fn only_the_second_protocol_raises_the_epoch_at_an_end() {
    let (mut id, me) = Id::started(TransactionVersion::V1);
    assert_eq!(id.end(me, true), Ok(me));
    assert_eq!(id.mark().unwrap().identity, me);
    assert_eq!(id.add(me, 0), Ok(()));

    let (mut id, me) = Id::started(TransactionVersion::V2);
    let next = identity(7, me.epoch + 1);
    assert_eq!(id.end(me, true), Ok(next));
    assert_eq!(id.mark().unwrap().identity, next, "markers fence what comes late");
    assert_eq!(id.add(me, 0), Err(ErrorCode::PRODUCER_FENCED));
    assert_eq!(id.add(next, 0), Ok(()));
}

#[test]
fn nothing_comes_to_a_transaction_that_is_being_ended() {
    let (mut id, me) = Id::started(TransactionVersion::V1);
    id.end(me, false).unwrap();
    assert_eq!(id.add(me, 1), Err(ErrorCode::CONCURRENT_TRANSACTIONS));
    assert_eq!(id.transaction.verify(me, &partition(0)), Err(ErrorCode::CONCURRENT_TRANSACTIONS));
    assert_eq!(id.init(), Err(ErrorCode::CONCURRENT_TRANSACTIONS));
    assert_eq!(id.end(me, false), Err(ErrorCode::CONCURRENT_TRANSACTIONS));
    assert_eq!(id.end(me, true), Err(ErrorCode::INVALID_TXN_STATE));
    id.mark().unwrap();
    assert_eq!(id.add(me, 1), Ok(()));
}

#[test]
fn a_repeated_end_is_answered_alike_and_a_contradicting_one_refused() {
    for version in BOTH {
        let (mut id, me) = Id::started(version);
        let next = id.end(me, true).unwrap();
        id.mark().unwrap();
        assert_eq!(id.end(me, true), Ok(next), "{version:?}");
        assert_eq!(id.end(me, false), Err(ErrorCode::INVALID_TXN_STATE));
        assert_eq!(id.mark(), None);
    }
}

#[test]
fn an_abort_of_nothing_is_only_known_to_the_second_protocol() {
    let mut id = Id::new(TransactionVersion::V1);
    let me = id.init().unwrap();
    assert_eq!(id.end(me, false), Err(ErrorCode::INVALID_TXN_STATE));

    let (mut id, me) = Id::started(TransactionVersion::V2);
    let next = id.end(me, true).unwrap();
    id.mark().unwrap();
    assert_eq!(id.end(next, false), Ok(identity(7, next.epoch + 1)));
    assert_eq!(id.mark().unwrap().participants, []);
    assert_eq!(id.transaction.phase(), TransactionPhase::CompleteAbort);
}

#[test]
fn a_commit_of_nothing_is_refused() {
    for version in BOTH {
        let mut id = Id::new(version);
        let me = id.init().unwrap();
        assert_eq!(id.end(me, true), Err(ErrorCode::INVALID_TXN_STATE));
    }
}

#[test]
fn a_successor_has_the_open_transaction_aborted_first() {
    for version in BOTH {
        let (mut id, me) = Id::started(version);
        assert_eq!(id.init(), Err(ErrorCode::CONCURRENT_TRANSACTIONS));
        assert!(id.end(me, true).is_err());
        let marker = id.mark().unwrap();
        assert!(!marker.commit);
        assert_eq!(marker.identity, identity(7, me.epoch + 1), "the markers fence as well");
        assert_eq!(id.init(), Ok(identity(7, me.epoch + 2)));
    }
}

#[test]
fn a_transaction_that_takes_too_long_is_aborted_under_the_next_epoch() {
    for version in BOTH {
        let (mut id, me) = Id::started(version);
        assert_eq!(id.transaction.poll_deadline(), Some(id.now + TIMEOUT));
        id.now += TIMEOUT / 2;
        id.add(me, 1).unwrap();
        assert!(!id.transaction.handle_timeout(id.now, version));
        id.now += TIMEOUT / 2;
        assert!(id.transaction.handle_timeout(id.now, version), "the second did not prolong it");
        assert!(id.end(me, true).is_err());
        assert!(!id.mark().unwrap().commit);
        assert_eq!(id.transaction.poll_deadline(), None);
    }
}

#[test]
fn a_repeated_request_for_an_epoch_raises_it_once() {
    let mut id = Id::new(TransactionVersion::V1);
    let me = id.init().unwrap();
    let next = id.init_as(Some(me)).unwrap();
    assert_eq!(next, identity(7, 1));
    assert_eq!(id.init_as(Some(me)), Ok(next));
    let other = id.init().unwrap();
    assert_eq!(other, identity(7, 2));
    assert_eq!(id.init_as(Some(me)), Err(ErrorCode::PRODUCER_FENCED));
    assert_eq!(id.init_as(Some(next)), Err(ErrorCode::PRODUCER_FENCED));
    assert_eq!(id.init_as(Some(identity(8, 2))), Err(ErrorCode::PRODUCER_FENCED));
}

#[test]
fn a_producer_whose_epochs_run_out_gets_a_new_id() {
    for version in BOTH {
        let mut id = Id::new(version);
        id.transaction.identity.epoch = LAST_EPOCH;
        assert_eq!(id.init(), Ok(identity(101, 0)));
    }
    let (mut id, me) = Id::started(TransactionVersion::V2);
    id.transaction.identity.epoch = LAST_EPOCH;
    let me = identity(me.producer_id, LAST_EPOCH);
    let next = id.end(me, true).unwrap();
    assert_eq!(next, identity(101, 0));
    assert_eq!(id.mark().unwrap().identity, identity(7, i16::MAX), "the old id is fenced");
    assert_eq!(id.end(me, true), Ok(next), "a repetition");
    assert_eq!(id.add(next, 0), Ok(()));
}

#[test]
fn a_stranger_is_told_apart_from_a_fenced_producer() {
    let (mut id, me) = Id::started(TransactionVersion::V2);
    let stranger = identity(8, me.epoch);
    let unknown = ErrorCode::INVALID_PRODUCER_ID_MAPPING;
    assert_eq!(id.add(stranger, 0), Err(unknown));
    assert_eq!(id.end(stranger, true), Err(unknown));
    assert_eq!(id.transaction.verify(stranger, &partition(0)), Err(unknown));
    assert_eq!(id.transaction.verify(me, &partition(0)), Ok(()));
    let not_added = id.transaction.verify(me, &partition(1));
    assert_eq!(not_added, Err(ErrorCode::TRANSACTION_ABORTABLE));
}

#[test]
fn markers_that_found_no_leader_are_tried_again() {
    let (mut id, me) = Id::started(TransactionVersion::V1);
    id.add(me, 1).unwrap();
    id.end(me, true).unwrap();
    id.transaction.marker(id.now).unwrap();
    id.transaction.marked(id.now, vec![partition(1)]);
    assert_eq!(id.transaction.phase(), TransactionPhase::PrepareCommit);
    assert_eq!(id.transaction.marker(id.now), None);
    id.now = id.transaction.poll_deadline().unwrap();
    assert_eq!(id.mark().unwrap().participants, [partition(1)]);
    assert_eq!(id.transaction.phase(), TransactionPhase::CompleteCommit);
}
