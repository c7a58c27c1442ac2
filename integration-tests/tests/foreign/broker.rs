//! A mock broker as a process that takes orders. `foreign/MOCKS.md` describes them.

use std::{env, fmt::Display, process::Stdio, time::Duration};

use ottla::Client;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

/// Which mock it is, and so what it can do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// librdkafka's: brokers that go down and come up, slow ones, requests whose connection ends
    /// before they are carried out. It knows no sequence numbers: what is sent twice, it has twice.
    MockCluster,
    /// franz-go's: requests that are carried out and whose connection ends then; coordinators that
    /// move; sequence numbers that are checked; old versions.
    Kfake,
}

pub(crate) struct Broker {
    pub(crate) kind: Kind,
    pub(crate) bootstrap: String,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    /// Ends with this.
    _process: Child,
}

impl Broker {
    pub(crate) async fn mock_cluster() -> Self {
        Self::start(Kind::MockCluster, "OTTLA_MOCK_CLUSTER", &["3"]).await
    }

    /// `version` is that of the Kafka it resembles, or `newest`.
    pub(crate) async fn kfake(version: &str) -> Self {
        Self::start(Kind::Kfake, "OTTLA_KFAKE", &["3", version]).await
    }

    async fn start(kind: Kind, variable: &str, arguments: &[&str]) -> Self {
        let Ok(command) = env::var(variable) else {
            panic!("{variable} is not set; `bash foreign/run.sh mocks` sets it and runs this");
        };
        let mut words = command.split_whitespace();
        let mut child = Command::new(words.next().expect("a command"))
            .args(words)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{command}: {error}"));
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let bootstrap = timeout(PATIENCE, output.next_line()).await.expect("an address in time");
        let bootstrap = bootstrap.unwrap().expect("an address");
        Self { kind, bootstrap, input: child.stdin.take().unwrap(), output, _process: child }
    }

    pub(crate) fn client(&self) -> Client {
        show_logs();
        Client::builder()
            .bootstrap(self.bootstrap.split(','))
            .client_id("ottla-test")
            .build()
            .unwrap()
    }

    /// Gives an order and returns the numbers it is answered with.
    pub(crate) async fn order(&mut self, order: impl Display) -> Vec<i64> {
        self.begin(&order).await;
        let answer = self.line(&order).await;
        let numbers = answer.strip_prefix("ok");
        let numbers = numbers.unwrap_or_else(|| panic!("{order}: {answer}"));
        numbers.split_whitespace().map(|number| number.parse().unwrap()).collect()
    }

    /// Everything in a topic as the foreign client reads it, by partition.
    pub(crate) async fn read(&mut self, topic: &str, partitions: i32) -> Vec<Vec<Found>> {
        let order = format!("read {topic} {partitions}");
        self.begin(&order).await;
        let mut found = vec![Vec::new(); usize::try_from(partitions).unwrap()];
        loop {
            let line = self.line(&order).await;
            if line == "ok" {
                return found;
            }
            let cells: Vec<&str> = line.split(' ').collect();
            let [partition, offset, key, value] = cells[..] else { panic!("{order}: {line}") };
            let (Ok(partition), Ok(offset)) = (partition.parse::<usize>(), offset.parse()) else {
                panic!("{order}: {line}");
            };
            found[partition].push(Found { offset, key: bytes(key), value: bytes(value) });
        }
    }

    /// How many of the injected faults of a kind of request are still to come.
    pub(crate) async fn left(&mut self, api: i16) -> i64 {
        self.order(format!("left {api}")).await[0]
    }

    async fn begin(&mut self, order: &impl Display) {
        self.input.write_all(format!("{order}\n").as_bytes()).await.unwrap();
    }

    async fn line(&mut self, order: &impl Display) -> String {
        let line = timeout(PATIENCE, self.output.next_line()).await;
        let line = line.unwrap_or_else(|_| panic!("no answer to {order}"));
        line.unwrap().unwrap_or_else(|| panic!("it ended at {order}"))
    }
}

/// Shows what `RUST_LOG` asks for.
pub(crate) fn show_logs() {
    // Only the first test of the process installs it.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_test_writer()
        .try_init();
}

/// A record as the foreign client reads it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Found {
    pub(crate) offset: i64,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix('x')?;
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    Some((0..digits.len()).step_by(2).map(byte).collect())
}

/// How long anything may take; a small machine runs several tests at once.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const PRODUCE: i16 = 0;
pub(crate) const FETCH: i16 = 1;
pub(crate) const LIST_OFFSETS: i16 = 2;
pub(crate) const METADATA: i16 = 3;
pub(crate) const OFFSET_COMMIT: i16 = 8;
pub(crate) const OFFSET_FETCH: i16 = 9;
pub(crate) const FIND_COORDINATOR: i16 = 10;
pub(crate) const JOIN_GROUP: i16 = 11;
pub(crate) const HEARTBEAT: i16 = 12;
pub(crate) const SYNC_GROUP: i16 = 14;
pub(crate) const INIT_PRODUCER_ID: i16 = 22;

/// What librdkafka's mock answers by ending the connection instead.
pub(crate) const DISCONNECT: i16 = -195;
