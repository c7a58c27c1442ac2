use ottla_protocol::records::Records;

use super::*;

fn key(partition: i32) -> PartitionKey {
    PartitionKey { topic: TopicKey::Name("t".into()), partition }
}

fn want(partition: i32, offset: i64) -> Wanted {
    Wanted { key: key(partition), offset, max_bytes: 100, leader_epoch: -1, last_fetched_epoch: -1 }
}

fn ask(id: i32, epoch: i32, wanted: Vec<Wanted>, forgotten: Vec<i32>) -> SessionRequest {
    let forgotten = forgotten.into_iter().map(key).collect();
    SessionRequest { id, epoch, by_topic_id: false, wanted, forgotten }
}

/// What a read of `partition` gives: records or not, and the high watermark.
fn got(partition: i32, records: &'static str, high_watermark: i64) -> Got {
    let data = PartitionData {
        partition_index: partition,
        high_watermark,
        log_start_offset: 0,
        records: Some(Records::from(bytes::Bytes::from_static(records.as_bytes()))),
        ..Default::default()
    };
    Got { key: key(partition), data }
}

fn partitions<'a>(keys: impl Iterator<Item = &'a PartitionKey>) -> Vec<i32> {
    keys.map(|key| key.partition).collect()
}

struct Bench {
    sessions: FetchSessions,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        Self { sessions: FetchSessions::default(), now: Instant::now() }
    }

    /// One fetch; gives the partitions read and those answered for.
    fn fetch(
        &mut self,
        request: SessionRequest,
        found: impl Fn(&Wanted) -> Got,
    ) -> Result<(i32, Vec<i32>, Vec<i32>), ErrorCode> {
        let context = self.sessions.begin(self.now, request)?;
        let read = partitions(context.wanted.iter().map(|wanted| &wanted.key));
        let found = context.wanted.iter().map(found).collect();
        let (id, told) = self.sessions.finish(self.now, context, found, 77)?;
        Ok((id, read, partitions(told.iter().map(|got| &got.key))))
    }
}

fn quiet(wanted: &Wanted) -> Got {
    got(wanted.key.partition, "", 5)
}

#[test]
fn a_fetch_without_a_session_leaves_nothing_behind() {
    let mut bench = Bench::new();
    let result = bench.fetch(ask(0, -1, vec![want(0, 0)], vec![]), quiet);
    assert_eq!(result, Ok((0, vec![0], vec![0])));
    assert_eq!(bench.sessions.len(), 0);
}

#[test]
fn only_news_is_told() {
    let mut bench = Bench::new();
    let all = vec![want(0, 0), want(1, 0), want(2, 0)];
    let full = bench.fetch(ask(0, 0, all, vec![]), quiet);
    assert_eq!(full, Ok((77, vec![0, 1, 2], vec![0, 1, 2])));
    let nothing_new = bench.fetch(ask(77, 1, vec![], vec![]), quiet);
    assert_eq!(nothing_new, Ok((77, vec![0, 1, 2], vec![])));
    let records = bench.fetch(ask(77, 2, vec![], vec![]), |wanted| {
        if wanted.key.partition == 1 { got(1, "records", 6) } else { quiet(wanted) }
    });
    assert_eq!(records, Ok((77, vec![0, 1, 2], vec![1])));
    // The one that gave records goes to the end; that its watermark fell is news.
    let order = bench.fetch(ask(77, 3, vec![], vec![]), quiet);
    assert_eq!(order, Ok((77, vec![0, 2, 1], vec![1])));
}

#[test]
fn partitions_are_added_changed_and_forgotten() {
    let mut bench = Bench::new();
    bench.fetch(ask(0, 0, vec![want(0, 0), want(1, 0)], vec![]), quiet).unwrap();
    let request = ask(77, 1, vec![want(2, 0), want(0, 9)], vec![1]);
    let context = bench.sessions.begin(bench.now, request).unwrap();
    let wanted: Vec<_> = context.wanted.iter().map(|w| (w.key.partition, w.offset)).collect();
    assert_eq!(wanted, [(0, 9), (2, 0)]);
    let found = context.wanted.iter().map(quiet).collect();
    let (_, told) = bench.sessions.finish(bench.now, context, found, 0).unwrap();
    assert_eq!(partitions(told.iter().map(|got| &got.key)), [2]);
    // A session without partitions ends.
    let empty = bench.fetch(ask(77, 2, vec![], vec![0, 2]), quiet);
    assert_eq!(empty, Ok((0, vec![], vec![])));
    assert_eq!(bench.sessions.len(), 0);
}

#[test]
fn an_error_is_told_each_time_and_so_is_its_end() {
    let mut bench = Bench::new();
    bench.fetch(ask(0, 0, vec![want(0, 0)], vec![]), quiet).unwrap();
    let failing = |wanted: &Wanted| {
        let mut got = quiet(wanted);
        got.data.error_code = ErrorCode::NOT_LEADER_OR_FOLLOWER;
        got
    };
    assert_eq!(bench.fetch(ask(77, 1, vec![], vec![]), failing).unwrap().2, [0]);
    assert_eq!(bench.fetch(ask(77, 2, vec![], vec![]), failing).unwrap().2, [0]);
    assert_eq!(bench.fetch(ask(77, 3, vec![], vec![]), quiet).unwrap().2, [0]);
    assert_eq!(bench.fetch(ask(77, 4, vec![], vec![]), quiet).unwrap().2, [0; 0]);
}

#[test]
fn ids_and_epochs_are_checked() {
    let mut bench = Bench::new();
    bench.fetch(ask(0, 0, vec![want(0, 0)], vec![]), quiet).unwrap();
    let unknown = bench.fetch(ask(78, 1, vec![], vec![]), quiet);
    assert_eq!(unknown, Err(ErrorCode::FETCH_SESSION_ID_NOT_FOUND));
    let skipped = bench.fetch(ask(77, 2, vec![], vec![]), quiet);
    assert_eq!(skipped, Err(ErrorCode::INVALID_FETCH_SESSION_EPOCH));
    let mut by_id = ask(77, 1, vec![], vec![]);
    by_id.by_topic_id = true;
    assert_eq!(bench.fetch(by_id, quiet), Err(ErrorCode::FETCH_SESSION_TOPIC_ID_ERROR));
    // None of this has ended the session, but a final epoch does.
    assert!(bench.fetch(ask(77, 1, vec![], vec![]), quiet).is_ok());
    assert_eq!(bench.fetch(ask(77, -1, vec![], vec![]), quiet), Ok((0, vec![], vec![])));
    assert_eq!(bench.sessions.len(), 0);
}

#[test]
fn a_new_session_ends_the_old_one() {
    let mut bench = Bench::new();
    bench.fetch(ask(0, 0, vec![want(0, 0)], vec![]), quiet).unwrap();
    bench.fetch(ask(77, 0, vec![want(1, 0)], vec![]), quiet).unwrap();
    assert_eq!(bench.sessions.len(), 1);
    let read = bench.fetch(ask(77, 1, vec![], vec![]), quiet).unwrap().1;
    assert_eq!(read, [1]);
}

#[test]
fn a_full_cache_gives_no_session_until_one_is_stale() {
    let mut bench = Bench::new();
    for id in 1..=i32::try_from(MAX_SESSIONS).unwrap() {
        let context = bench.sessions.begin(bench.now, ask(0, 0, vec![want(0, 0)], vec![])).unwrap();
        let given = bench.sessions.finish(bench.now, context, vec![], id + 1000).unwrap().0;
        assert_eq!(given, id + 1000);
    }
    let none = bench.fetch(ask(0, 0, vec![want(0, 0)], vec![]), quiet).unwrap().0;
    assert_eq!(none, 0);
    bench.now += EVICTABLE_AFTER + Duration::from_secs(1);
    let given = bench.fetch(ask(0, 0, vec![want(0, 0)], vec![]), quiet).unwrap().0;
    assert_eq!(given, 77);
    assert_eq!(bench.sessions.len(), MAX_SESSIONS);
}

#[test]
fn epochs_wrap_to_one() {
    assert_eq!(next_epoch(0), 1);
    assert_eq!(next_epoch(i32::MAX), 1);
    assert_eq!(next_epoch(-1), -1);
}
