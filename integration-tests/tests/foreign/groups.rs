//! A group of three members of ottla under a foreign coordinator: one joins late, one leaves, one dies,
//! while the coordinator fails now and then. The committed offsets are those that the foreign client
//! reads.
//!
//! librdkafka's mock cluster is no coordinator for several: where it refuses to find a coordinator, a join
//! or a sync, it writes null for texts and bytes that cannot be null, which is no answer to us, so that members
//! that join together keep each other from it. There one member follows the other.

use std::{
    collections::{BTreeMap, HashSet},
    sync::mpsc as blocking,
    thread,
    time::Duration,
};

use ottla::{Client, Consumer, ConsumerControl, Fetched, OffsetReset};
use tokio::{
    sync::{mpsc, oneshot},
    time::{sleep, timeout},
};

use crate::broker::{
    Broker, DISCONNECT, FIND_COORDINATOR, HEARTBEAT, JOIN_GROUP, Kind, OFFSET_COMMIT, OFFSET_FETCH,
    PATIENCE, SYNC_GROUP, show_logs,
};

#[tokio::test]
async fn one_member_follows_the_other_on_the_mock_cluster() {
    let mut broker = Broker::mock_cluster().await;
    broker.order("topic shared 6").await;
    let (told, mut got) = mpsc::unbounded_channel();
    let mut tally = Tally::default();
    let names = ["first", "second", "third"];
    for (name, before) in names.into_iter().zip([0, 600, 1200]) {
        for api in [FIND_COORDINATOR, JOIN_GROUP, SYNC_GROUP, OFFSET_FETCH] {
            cut(&mut broker, api).await;
        }
        let count = write(&mut broker, before).await;
        let member = Member::join(broker.bootstrap.clone(), name, told.clone());
        for api in [HEARTBEAT, OFFSET_COMMIT] {
            fail(&mut broker, api, 16).await;
            cut(&mut broker, api).await;
        }
        tally.take(&mut got, count).await;
        until("it has all", || member.partitions() == 6).await;
        // Its last commit is the one of leaving.
        member.leave();
        let ends: Vec<i64> = tally.ends().collect();
        assert_eq!(broker.order("committed ottla-group shared 6").await, ends, "{name}");
    }
    assert_eq!((tally.members.len(), tally.repeated), (3, 0));
}

#[tokio::test]
async fn a_group_of_three_on_kfake() {
    for version in ["newest", "2.8", "1.0", "0.11.0"] {
        come_and_go(&mut Broker::kfake(version).await).await;
    }
}

async fn come_and_go(broker: &mut Broker) {
    broker.order("topic shared 6").await;
    let (told, mut got) = mpsc::unbounded_channel();
    let mut tally = Tally::default();
    for api in [FIND_COORDINATOR, JOIN_GROUP, SYNC_GROUP, OFFSET_FETCH] {
        fail(broker, api, 15).await;
        cut(broker, api).await;
    }
    let first = Member::join(broker.bootstrap.clone(), "first", told.clone());
    tally.take(&mut got, write(broker, 0).await).await;

    let second = Member::join(broker.bootstrap.clone(), "second", told.clone());
    let dying = Member::join(broker.bootstrap.clone(), "dying", told);
    until("two each", || [&first, &second, &dying].iter().all(|one| one.partitions() == 2)).await;
    for api in [HEARTBEAT, OFFSET_COMMIT] {
        fail(broker, api, 16).await;
        cut(broker, api).await;
    }
    tally.take(&mut got, write(broker, 600).await).await;
    assert_eq!(tally.members.len(), 3, "{:?}", tally.members);

    broker.order("coordinators").await;
    second.leave();
    until("three each", || first.partitions() == 3 && dying.partitions() == 3).await;
    tally.take(&mut got, write(broker, 1200).await).await;

    dying.die();
    tally.take(&mut got, write(broker, 1800).await).await;
    until("the first has all", || first.partitions() == 6).await;
    tally.take(&mut got, write(broker, 2400).await).await;
    first.leave();

    let ends: Vec<i64> = tally.ends().collect();
    assert_eq!(ends.iter().sum::<i64>(), 3000);
    let committed = broker.order("committed ottla-group shared 6").await;
    assert_eq!(committed, ends, "what {} reads as committed", broker.bootstrap);
    // At each of the three changes some records were read and not yet marked or committed.
    assert!(tally.repeated <= 4 * 6 * IN_HAND, "{} came twice", tally.repeated);
}

/// Answers the next request of a kind with an error.
async fn fail(broker: &mut Broker, api: i16, code: i16) {
    broker.order(format!("fail {api} {code} 1")).await;
}

/// Ends the connection at the next request of a kind.
async fn cut(broker: &mut Broker, api: i16) {
    match broker.kind {
        Kind::MockCluster => broker.order(format!("fail {api} {DISCONNECT} 1")).await,
        Kind::Kfake => broker.order(format!("lose {api} 1")).await,
    };
}

/// Writes 600 records and returns how many there are then.
async fn write(broker: &mut Broker, first: usize) -> usize {
    broker.order(format!("write shared 6 {first} 600 none")).await;
    first + 600
}

async fn until(what: &str, so: impl Fn() -> bool) {
    let asking = async {
        while !so() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("it never came to be that {what}"));
}

/// Records that a member got.
struct Got {
    member: &'static str,
    partition: i32,
    offsets: Vec<i64>,
}

/// What all members got.
#[derive(Default)]
struct Tally {
    seen: BTreeMap<i32, HashSet<i64>>,
    repeated: usize,
    members: HashSet<&'static str>,
}

impl Tally {
    async fn take(&mut self, got: &mut mpsc::UnboundedReceiver<Got>, count: usize) {
        while self.seen.values().map(HashSet::len).sum::<usize>() < count {
            let next = timeout(PATIENCE, got.recv()).await;
            let came = || self.seen.iter().map(|(at, all)| (*at, all.len())).collect::<Vec<_>>();
            let next = next.unwrap_or_else(|_| panic!("of {count} came {:?}", came()));
            let Got { member, partition, offsets } = next.unwrap();
            self.members.insert(member);
            let seen = self.seen.entry(partition).or_default();
            for offset in offsets {
                self.repeated += usize::from(!seen.insert(offset));
            }
        }
    }

    /// The ends of the partitions; everything before them was seen.
    fn ends(&self) -> impl Iterator<Item = i64> {
        self.seen.values().map(|seen| {
            let end = i64::try_from(seen.len()).unwrap();
            assert!((0..end).all(|offset| seen.contains(&offset)), "there are gaps");
            end
        })
    }
}

/// A consumer in a thread with a runtime of its own, which can end without a word.
struct Member {
    control: ConsumerControl,
    ending: oneshot::Sender<Ending>,
    thread: thread::JoinHandle<()>,
}

enum Ending {
    Leave,
    Die,
}

impl Member {
    fn join(bootstrap: String, name: &'static str, told: mpsc::UnboundedSender<Got>) -> Self {
        let (ending, mut ends) = oneshot::channel();
        let (ready, started) = blocking::channel();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                show_logs();
                // Its connections belong to this runtime.
                let client = Client::builder().bootstrap(bootstrap.split(',')).build().unwrap();
                let mut consumer = Consumer::builder(&client)
                    .group("ottla-group")
                    .topics(["shared"])
                    .offset_reset(OffsetReset::Earliest)
                    .session_timeout(Duration::from_secs(6))
                    .heartbeat_interval(Duration::from_millis(500))
                    .commit_interval(Some(Duration::from_millis(200)))
                    .build()
                    .unwrap();
                let control = consumer.control();
                ready.send(control.clone()).unwrap();
                loop {
                    let fetched = tokio::select! {
                        fetched = consumer.poll(IN_HAND) => fetched.unwrap(),
                        how = &mut ends => match how.unwrap() {
                            Ending::Leave => break,
                            Ending::Die => return,
                        },
                    };
                    let Fetched::Records(batch) = fetched else { panic!("{fetched:?}") };
                    let offsets = batch.iter().map(|record| record.offset()).collect();
                    let partition = batch.partition().partition;
                    told.send(Got { member: name, partition, offsets }).unwrap();
                    // Refused if the partition left meanwhile; its next owner reads it again.
                    let _ = control.mark(batch.mark());
                }
                consumer.close(PATIENCE).await.unwrap();
                client.close(PATIENCE).await;
            });
            // Tasks end where they are, connections without a word.
            runtime.shutdown_background();
        });
        let control = started.recv_timeout(PATIENCE).expect("it starts");
        Self { control, ending, thread }
    }

    fn partitions(&self) -> usize {
        self.control.assignment().len()
    }

    fn leave(self) {
        assert!(self.ending.send(Ending::Leave).is_ok(), "it has ended before");
        self.thread.join().unwrap();
    }

    fn die(self) {
        assert!(self.ending.send(Ending::Die).is_ok(), "it has ended before");
        self.thread.join().unwrap();
    }
}

/// How many records a member takes at a time.
const IN_HAND: usize = 50;
