//! Consumer groups, as Kafka's own tools see them.

use std::{collections::HashSet, time::Duration};

use ottla::{Client, Consumer, ConsumerControl, Fetched, OffsetReset};
use ottla_integration_tests::{
    Compression, GroupOffset, JavaRecord, Kafka, MemberEvent, unique_name,
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};

use crate::clients::{PATIENCE, client, until};

/// Two members share a topic, one of them leaves, the other takes over from what was committed:
/// every record is read, and what they commit is what `kafka-consumer-groups` shows.
#[tokio::test]
async fn two_members_share_a_topic_and_commit_what_kafka_shows() {
    let kafka = Kafka::shared().await.unwrap();
    let (topic, group) = (unique_name("shared"), unique_name("shared-group"));
    kafka.create_topic(&topic, 6, &[]).await.unwrap();
    kafka.java_produce(&topic, Compression::Lz4, &numbered(0..3000)).await.unwrap();

    let (told, mut got) = mpsc::channel(100);
    let (first_client, second_client) = (client(kafka), client(kafka));
    let first = Member::join(&first_client, &group, &topic, told.clone());
    let second = Member::join(&second_client, &group, &topic, told);
    let mut tally = Tally::default();
    tally.take_until(&mut got, 3000).await;
    until("both have half", async || first.partitions() == 3 && second.partitions() == 3).await;

    let before = std::mem::take(&mut tally.members);
    kafka.java_produce(&topic, Compression::Zstd, &numbered(3000..6000)).await.unwrap();
    tally.take_until(&mut got, 6000).await;
    assert_eq!(tally.members.len(), 2, "one got everything; at first {before:?}");
    until("all is committed", async || total(&kafka.group_offsets(&group).await.unwrap()) == 6000)
        .await;
    let offsets = kafka.group_offsets(&group).await.unwrap();
    let members: HashSet<_> = offsets.iter().map(|at| at.member.as_deref().unwrap()).collect();
    assert_eq!((offsets.len(), members.len()), (6, 2));
    assert!(offsets.iter().all(|at| at.lag == Some(0)), "{offsets:?}");
    assert!(offsets.iter().all(|at| at.client.as_deref() == Some("ottla-test")), "{offsets:?}");

    first.leave().await;
    until("the second has all", async || second.partitions() == 6).await;
    kafka.java_produce(&topic, Compression::None, &numbered(6000..9000)).await.unwrap();
    tally.take_until(&mut got, 9000).await;
    second.leave().await;
    let offsets = kafka.group_offsets(&group).await.unwrap();
    assert!(offsets.iter().all(|at| at.lag == Some(0) && at.member.is_none()), "{offsets:?}");
    assert_eq!(total(&offsets), 9000);
    // Each had at most one batch in hand when the second came; later nobody had any.
    assert!(tally.repeated <= 2 * IN_HAND, "{} came twice", tally.repeated);
    kafka.delete_group(&group).await.unwrap();
    kafka.delete_topic(&topic).await.unwrap();
}

/// A Java consumer joins two members of ottla and leaves again: they agree on who has what, and
/// nothing is lost.
#[tokio::test]
async fn a_java_member_shares_a_group_with_ottla() {
    let kafka = Kafka::shared().await.unwrap();
    let (topic, group) = (unique_name("mixed"), unique_name("mixed-group"));
    kafka.create_topic(&topic, 6, &[]).await.unwrap();
    kafka.java_produce(&topic, Compression::Snappy, &numbered(0..3000)).await.unwrap();

    let (told, mut got) = mpsc::channel(100);
    let clients = [client(kafka), client(kafka)];
    let [first, second] =
        clients.each_ref().map(|client| Member::join(client, &group, &topic, told.clone()));
    let mut tally = Tally::default();
    tally.take_until(&mut got, 3000).await;
    let mut java = kafka.java_member(&group, &topic).unwrap();
    let joined = async {
        loop {
            if let MemberEvent::Assigned(partitions) = java.next().await.unwrap().unwrap() {
                return partitions;
            }
        }
    };
    let own = timeout(PATIENCE, joined).await.unwrap();
    assert_eq!(own.len(), 2, "{own:?}");
    until("two each", async || first.partitions() == 2 && second.partitions() == 2).await;

    kafka.java_produce(&topic, Compression::Snappy, &numbered(3000..6000)).await.unwrap();
    let from_java = async {
        while let Some(event) = java.next().await.unwrap() {
            if let MemberEvent::Record { partition, offset } = event {
                let member = "java".to_owned();
                told.send(Got { member, partition, offsets: vec![offset] }).await.unwrap();
            }
        }
    };
    tokio::select! {
        () = tally.take_until(&mut got, 6000) => {}
        () = from_java => panic!("it left"),
    }
    assert!(tally.members.len() >= 3, "{:?}", tally.members);
    until("all is committed", async || total(&kafka.group_offsets(&group).await.unwrap()) == 6000)
        .await;
    let offsets = kafka.group_offsets(&group).await.unwrap();
    let of_java = offsets.iter().filter(|at| at.client.as_deref() == Some("java-member"));
    assert_eq!(of_java.map(|at| at.partition).collect::<Vec<_>>(), own);

    let last = java.leave().await.unwrap();
    assert!(last.contains(&MemberEvent::Revoked(own)), "{last:?}");
    until("three each", async || first.partitions() == 3 && second.partitions() == 3).await;
    kafka.java_produce(&topic, Compression::Snappy, &numbered(6000..9000)).await.unwrap();
    tally.take_until(&mut got, 9000).await;
    first.leave().await;
    second.leave().await;
    let offsets = kafka.group_offsets(&group).await.unwrap();
    assert!(offsets.iter().all(|at| at.lag == Some(0) && at.member.is_none()), "{offsets:?}");
    assert_eq!(total(&offsets), 9000);
    kafka.delete_group(&group).await.unwrap();
    kafka.delete_topic(&topic).await.unwrap();
}

/// A group that ottla began is continued by the Java console consumer, and the other way round.
#[tokio::test]
async fn ottla_and_java_continue_each_others_groups() {
    let kafka = Kafka::shared().await.unwrap();
    let (topic, group) = (unique_name("handed"), unique_name("handed-group"));
    kafka.create_topic(&topic, 3, &[]).await.unwrap();
    kafka.java_produce(&topic, Compression::None, &numbered(0..300)).await.unwrap();
    let client = client(kafka);

    let read = read_as_member(&client, &group, &topic, 300).await;
    assert_eq!(read, (0..300).collect::<HashSet<u32>>());
    kafka.java_produce(&topic, Compression::None, &numbered(300..600)).await.unwrap();
    let read = kafka.console_consume_as(&group, &topic, 300).await.unwrap();
    let read: HashSet<u32> = read.iter().map(|record| record.value.parse().unwrap()).collect();
    assert_eq!(read, (300..600).collect());
    kafka.java_produce(&topic, Compression::None, &numbered(600..900)).await.unwrap();
    let read = read_as_member(&client, &group, &topic, 300).await;
    assert_eq!(read, (600..900).collect());
    let offsets = kafka.group_offsets(&group).await.unwrap();
    assert!(offsets.iter().all(|at| at.lag == Some(0)), "{offsets:?}");
    kafka.delete_group(&group).await.unwrap();
    kafka.delete_topic(&topic).await.unwrap();
}

fn numbered(numbers: std::ops::Range<u32>) -> Vec<JavaRecord> {
    let record = |n: u32| JavaRecord {
        key: Some(format!("key-{}", n % 100).into_bytes()),
        value: Some(n.to_string().into_bytes()),
        ..JavaRecord::default()
    };
    numbers.map(record).collect()
}

async fn read_as_member(client: &Client, group: &str, topic: &str, count: usize) -> HashSet<u32> {
    let builder = Consumer::builder(client).group(group).topics([topic]);
    let mut consumer = builder.offset_reset(OffsetReset::Earliest).build().unwrap();
    let mut read = HashSet::new();
    while read.len() < count {
        let message = timeout(PATIENCE, consumer.recv()).await.unwrap().unwrap();
        let text = std::str::from_utf8(message.value().unwrap()).unwrap();
        assert!(read.insert(text.parse().unwrap()), "{text} comes twice");
        consumer.control().mark(message.mark()).unwrap();
    }
    // The last commit is the one of closing.
    consumer.close(PATIENCE).await.unwrap();
    read
}

fn total(offsets: &[GroupOffset]) -> i64 {
    offsets.iter().filter_map(|at| at.committed).sum()
}

/// How many records a member takes at a time.
const IN_HAND: usize = 50;

/// Records that a member got.
#[derive(Debug)]
struct Got {
    member: String,
    partition: i32,
    offsets: Vec<i64>,
}

/// What all members got.
#[derive(Default)]
struct Tally {
    seen: HashSet<(i32, i64)>,
    repeated: usize,
    members: HashSet<String>,
}

impl Tally {
    async fn take_until(&mut self, got: &mut mpsc::Receiver<Got>, count: usize) {
        while self.seen.len() < count {
            let next = timeout(PATIENCE, got.recv()).await;
            let next = next.unwrap_or_else(|_| panic!("{} of {count} came", self.seen.len()));
            let Got { member, partition, offsets } = next.unwrap();
            self.members.insert(member);
            for offset in offsets {
                self.repeated += usize::from(!self.seen.insert((partition, offset)));
            }
        }
        assert_eq!(self.seen.len(), count);
    }
}

/// A consumer that reads, marks and tells what it got, on a task of its own.
struct Member {
    control: ConsumerControl,
    leave: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Member {
    fn join(client: &Client, group: &str, topic: &str, told: mpsc::Sender<Got>) -> Self {
        let mut consumer = Consumer::builder(client)
            .group(group)
            .topics([topic])
            .offset_reset(OffsetReset::Earliest)
            .commit_interval(Some(Duration::from_millis(200)))
            .build()
            .unwrap();
        let control = consumer.control();
        let (leave, mut leaving) = oneshot::channel();
        let steering = control.clone();
        let task = tokio::spawn(async move {
            loop {
                let fetched = tokio::select! {
                    fetched = consumer.poll(IN_HAND) => fetched.unwrap(),
                    _ = &mut leaving => break,
                };
                let Fetched::Records(batch) = fetched else { panic!("{fetched:?}") };
                let member = steering.group_metadata().map(|group| group.member_id);
                let offsets = batch.iter().map(|record| record.offset()).collect();
                let partition = batch.partition().partition;
                let member = member.unwrap_or_default();
                told.send(Got { member, partition, offsets }).await.unwrap();
                // Refused if the partition left meanwhile; its next owner reads it again.
                let _ = steering.mark(batch.mark());
            }
            consumer.close(PATIENCE).await.unwrap();
        });
        Self { control, leave, task }
    }

    fn partitions(&self) -> usize {
        self.control.assignment().len()
    }

    async fn leave(self) {
        self.leave.send(()).unwrap();
        self.task.await.unwrap();
    }
}
