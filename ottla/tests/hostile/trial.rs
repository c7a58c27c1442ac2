//! A whole client against a broker that lies, and then one that does not.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::mpsc;
use std::time::Duration;

use ottla::client::connector;
use ottla::protocol::api::MetadataRequest;
use ottla::{Client, Consumer, Fetched, OffsetReset, Producer, Record, Topic};
use ottla_test_broker::TestCluster;
use tokio::time::{Instant, sleep, timeout};

use crate::liar::{Liar, Lie};

pub(crate) const TOPIC: &str = "in";
pub(crate) const PARTITIONS: i32 = 2;
const GROUP: &str = "g";

/// What the client waits for, and how much longer it may take to say so.
const REQUEST: Duration = Duration::from_secs(2);
const SETUP: Duration = Duration::from_secs(2);
const DELIVERY: Duration = Duration::from_secs(5);
const CLOSE: Duration = Duration::from_secs(2);
const GRACE: Duration = Duration::from_secs(1);

/// For how long it is lied to, and for how long the truth may take to be believed.
const LYING: Duration = Duration::from_secs(20);
const RECOVERY: Duration = Duration::from_secs(90);

/// How old metadata gets, and how long a join waits for its answer, at most: less than the recovery.
const SOON: Duration = Duration::from_secs(30);

/// More than this many requests or connections in a second is a busy loop.
/// Two brokers that answer fetches at once and with nothing are asked every 25 ms each.
const REQUESTS_A_SECOND: u64 = 120;
const CONNECTS_A_SECOND: u64 = 30;

/// The most that client, broker and liar together may allocate.
const MEMORY: u64 = 64 << 20;

/// The longest that a trial may take in real time, which is when something spins.
const REAL_TIME: Duration = Duration::from_secs(60);

/// What panicked, by the thread's name.
static PANICS: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

/// One trial: the cluster, the lie, and what the client is expected to overcome.
pub(crate) struct Trial {
    name: &'static str,
    after: After,
    lie: Lie,
}

/// What happens when the lies are over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// The broker tells the truth, and has to be believed.
    Truth,
    /// It also cuts its connections, on which what was said once still counts.
    Cuts,
    /// It also forgets its group, in which what was said once still counts.
    ForgetsGroup,
    /// What was said cannot be taken back; what follows is not looked at.
    TooLate,
}

impl Trial {
    pub(crate) fn new(name: &'static str, after: After, lie: Lie) -> Self {
        Self { name, after, lie }
    }

    /// Runs it on a thread of its own, so that even a loop that never waits ends the test.
    pub(crate) fn run(self) {
        note_panics();
        let name = self.name;
        let (done, finished) = mpsc::channel();
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            let mut report = None;
            let used = allocation_counter::measure(|| {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .start_paused(true)
                    .build()
                    .expect("a runtime");
                report = Some(runtime.block_on(self.act()));
            });
            let _ = done.send((report.expect("it came to its end"), used.bytes_max));
        });
        let thread = thread.expect("a thread");
        let outcome = finished.recv_timeout(REAL_TIME);
        let panics: Vec<_> = PANICS
            .lock()
            .expect("nobody panics with it")
            .iter()
            .filter(|(thread, _)| thread == name)
            .map(|(_, what)| what.clone())
            .collect();
        assert!(panics.is_empty(), "{name} panicked: {panics:#?}");
        match outcome {
            Ok((report, memory)) => {
                thread.join().expect("it has ended");
                println!("{name}: {report:?}, {} KiB", memory / 1024);
                report.judge(name);
                assert!(memory <= MEMORY, "{name}: {memory} bytes allocated");
            }
            Err(error) => panic!("{name} does not come to an end: {error}"),
        }
    }

    async fn act(self) -> Report {
        let cluster = TestCluster::builder().seed(7).brokers(2).topic(TOPIC, PARTITIONS).build();
        let liar = Liar::new(cluster.clone(), self.lie);
        let client = client(&cluster, &liar);
        let topic = client.topic(TOPIC);
        let mut report = Report::default();

        let mut producer = producer(&client);
        let mut reader = Reader::new(&client);
        let begun = Instant::now();
        let (sent, ()) = tokio::join!(
            send_for(LYING, &producer, &topic),
            reader.read_until(begun + LYING, |_| false)
        );
        report.late_deliveries = sent.late;
        let probed = Instant::now();
        let _ = client.any_broker(&MetadataRequest::default()).await;
        report.probe = probed.elapsed();
        let seconds = begun.elapsed().as_secs().max(1);
        report.lies = liar.told();
        report.requests_a_second = liar.requests() / seconds;
        report.connects_a_second = liar.connects() / seconds;

        liar.repent();
        let healed = Instant::now();
        match self.after {
            After::Truth | After::TooLate => {}
            After::Cuts => (0..2).for_each(|id| cluster.cut_connections(id)),
            After::ForgetsGroup => drop(cluster.delete_group(GROUP)),
        }
        if self.after == After::TooLate {
            report.written = true;
            report.read = true;
        } else {
            recover(&cluster, &mut producer, &topic, &mut reader, &mut report).await;
        }
        report.recovery = healed.elapsed();
        report.poll_storm = reader.storm;

        let closing = Instant::now();
        let _ = reader.consumer.close(CLOSE).await;
        let consumer_closed = closing.elapsed();
        let closing = Instant::now();
        drop(producer.close(CLOSE).await);
        report.close = consumer_closed.max(closing.elapsed());
        client.close(CLOSE).await;
        report
    }
}

/// What happened.
#[derive(Debug, Default)]
struct Report {
    lies: u64,
    requests_a_second: u64,
    connects_a_second: u64,
    late_deliveries: u32,
    poll_storm: bool,
    probe: Duration,
    written: bool,
    read: bool,
    recovery: Duration,
    close: Duration,
}

impl Report {
    fn judge(&self, name: &str) {
        assert!(self.lies > 0, "{name}: nobody was lied to");
        assert_eq!(self.late_deliveries, 0, "{name}: deliveries later than their timeout");
        assert!(!self.poll_storm, "{name}: polls end without an end: {self:?}");
        assert!(self.requests_a_second <= REQUESTS_A_SECOND, "{name}: busy: {self:?}");
        assert!(self.connects_a_second <= CONNECTS_A_SECOND, "{name}: busy: {self:?}");
        // At each of two brokers and the two addresses it began with.
        let probe = (SETUP + REQUEST) * 4 + GRACE;
        assert!(self.probe <= probe, "{name}: a request took {:?}", self.probe);
        assert!(self.close <= CLOSE + GRACE, "{name}: closing took {:?}", self.close);
        assert!(self.written && self.read, "{name}: not overcome: {self:?}");
    }
}

/// Writes and reads what is new, now that the broker tells the truth.
async fn recover(
    cluster: &TestCluster,
    producer: &mut Producer,
    topic: &Topic,
    reader: &mut Reader,
    report: &mut Report,
) {
    let until = Instant::now() + RECOVERY;
    report.written = deliver(producer, topic, until).await;
    let ends: BTreeMap<i32, i64> =
        (0..PARTITIONS).map(|p| (p, cluster.log_end(TOPIC, p))).collect();
    let everything = |next: &BTreeMap<i32, i64>| {
        ends.iter().all(|(partition, end)| next.get(partition) >= Some(end))
    };
    reader.read_until(until, everything).await;
    report.read = everything(&reader.next);
}

fn client(cluster: &TestCluster, liar: &Arc<Liar>) -> Client {
    let liar = Arc::clone(liar);
    Client::builder()
        .bootstrap(cluster.bootstrap())
        .connector(connector::from_fn(move |host: String, port| {
            let liar = Arc::clone(&liar);
            async move { liar.connect(&host, port) }
        }))
        .request_timeout(REQUEST)
        .api_timeout(DELIVERY)
        .connection_setup_timeout(SETUP, SETUP)
        .metadata_max_age(SOON)
        .seed(11)
        .build()
        .expect("a client")
}

fn producer(client: &Client) -> Producer {
    Producer::builder(client)
        .request_timeout(REQUEST)
        .delivery_timeout(DELIVERY)
        .topic_timeout(Duration::from_secs(3))
        .build()
        .expect("a producer")
}

#[derive(Default)]
struct Sent {
    late: u32,
}

/// Sends two records a second for a while; each has to come to an outcome in time.
async fn send_for(during: Duration, producer: &Producer, topic: &Topic) -> Sent {
    let begun = Instant::now();
    let mut outcomes = tokio::task::JoinSet::new();
    let mut partition = 0;
    while begun.elapsed() < during {
        let (producer, topic) = (producer.clone(), topic.clone());
        partition = (partition + 1) % PARTITIONS;
        outcomes.spawn(async move {
            let send = async {
                let record = Record { partition: Some(partition), ..Record::value(b"value") };
                match producer.send(&topic, record).await {
                    Ok(delivery) => drop(delivery.await),
                    Err(refused) => drop(refused),
                }
            };
            timeout(DELIVERY + GRACE, send).await.is_err()
        });
        sleep(Duration::from_millis(500)).await;
    }
    let mut sent = Sent::default();
    while let Some(late) = outcomes.join_next().await {
        sent.late += u32::from(late.unwrap_or(true));
    }
    sent
}

/// Sends a record to every partition until each has been acknowledged. A producer that cannot go
/// on is replaced, as an application would.
async fn deliver(producer: &mut Producer, topic: &Topic, until: Instant) -> bool {
    for partition in 0..PARTITIONS {
        loop {
            if Instant::now() >= until {
                return false;
            }
            let record = Record { partition: Some(partition), ..Record::value(b"truth") };
            let over = match producer.send(topic, record).await {
                Ok(delivery) => match delivery.await {
                    Ok(_) => break,
                    Err(error) => {
                        println!("not delivered: {error}");
                        error.is_fatal()
                    }
                },
                Err(refused) => {
                    println!("not taken: {refused}");
                    refused.is_fatal()
                }
            };
            if over {
                *producer = self::producer(producer.client());
            }
            sleep(Duration::from_millis(100)).await;
        }
    }
    true
}

/// A member of a group, as an application would drive it.
struct Reader {
    client: Client,
    consumer: Consumer,
    /// Behind the last record of each partition.
    next: BTreeMap<i32, i64>,
    storm: bool,
}

impl Reader {
    fn new(client: &Client) -> Self {
        let consumer = member(client);
        Self { client: client.clone(), consumer, next: BTreeMap::new(), storm: false }
    }

    async fn read_until(&mut self, until: Instant, enough: impl Fn(&BTreeMap<i32, i64>) -> bool) {
        let mut at_this_instant = (Instant::now(), 0);
        while Instant::now() < until && !enough(&self.next) && !self.storm {
            match timeout(Duration::from_secs(1), self.consumer.poll(100)).await {
                Ok(Ok(Fetched::Records(batch))) => {
                    let partition = batch.partition().partition;
                    self.next.insert(partition, batch.next_offset());
                    let _ = self.consumer.control().mark(batch.mark());
                }
                Ok(Ok(Fetched::Failed { at, resume_at, .. })) => {
                    let _ = self.consumer.control().seek(&at, resume_at);
                    self.rest().await;
                }
                Ok(Ok(_)) => {}
                Ok(Err(error)) => {
                    if error.is_fatal() {
                        let refused = std::mem::replace(&mut self.consumer, member(&self.client));
                        let _ = refused.close(Duration::ZERO).await;
                    }
                    self.rest().await;
                }
                Err(_) => {}
            }
            // Thousands of polls that take no time are a loop that an application cannot leave.
            if at_this_instant.0 == Instant::now() {
                at_this_instant.1 += 1;
                self.storm = at_this_instant.1 > 10_000;
            } else {
                at_this_instant = (Instant::now(), 0);
            }
        }
    }

    async fn rest(&self) {
        sleep(Duration::from_millis(200)).await;
    }
}

fn member(client: &Client) -> Consumer {
    Consumer::builder(client)
        .group(GROUP)
        .topics([TOPIC])
        .offset_reset(OffsetReset::Earliest)
        .max_inflated_batch(4 << 20)
        .max_poll_interval(Some(SOON))
        .build()
        .expect("a consumer")
}

/// Keeps what panics anywhere, since a task that does is not heard of otherwise.
fn note_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let thread = std::thread::current().name().unwrap_or_default().to_owned();
            if let Ok(mut panics) = PANICS.lock() {
                panics.push((thread, panic.to_string()));
            }
            before(panic);
        }));
    });
}
