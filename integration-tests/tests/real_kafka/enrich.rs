//! The example `enrich` on real Kafka, and what Kafka's own tools find when it is over.

use std::{
    collections::HashMap,
    env,
    process::{Output, Stdio},
    time::Duration,
};

use ottla_integration_tests::{Kafka, ReadRecord};
use tokio::{process::Command, sync::OnceCell, time::timeout};

#[tokio::test]
async fn enrich_leaves_on_the_cluster_what_it_says() {
    let kafka = Kafka::shared().await.unwrap();
    let run = Run::of(kafka, &["--records", "20000"]).await;
    assert!(run.succeeded, "{}", run.said);
    let outputs = run.audit(kafka, 20_000).await.unwrap();
    let mut console = kafka.console_consume(&run.output, outputs.len()).await.unwrap();
    console.sort_by_key(|output| (output.partition, output.offset));
    let shown = console.iter().map(|o| (o.partition, o.offset, o.key.clone(), o.value.clone()));
    let read = outputs.iter().map(|o| (o.partition, o.offset, text(&o.key), text(&o.value)));
    assert!(shown.eq(read), "the console consumer reads something else");
    run.remove(kafka).await;
}

/// What the test above relies on: it sees a record that is missing, doubled or out of order.
#[tokio::test]
async fn a_planted_fault_of_enrich_is_seen_from_outside() {
    let kafka = Kafka::shared().await.unwrap();
    for (fault, finding) in [("drop", "lost"), ("dup", "repeated"), ("swap", "out of order")] {
        let run = Run::of(kafka, &["--records", "2000", "--keys", "100", "--break", fault]).await;
        assert!(!run.succeeded, "{fault}: {}", run.said);
        let found = run.audit(kafka, 2000).await.unwrap_err();
        assert!(found.contains(finding), "{fault}: {found}");
        run.remove(kafka).await;
    }
}

/// One run of the example, and the names of what it left on the cluster.
struct Run {
    succeeded: bool,
    said: String,
    input: String,
    output: String,
    group: String,
}

impl Run {
    async fn of(kafka: &Kafka, arguments: &[&str]) -> Self {
        static BUILT: OnceCell<()> = OnceCell::const_new();
        let build = || async {
            let built = cargo("build", &[], kafka.bootstrap(), BUILD_LIMIT).await;
            assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        };
        BUILT.get_or_init(build).await;
        let arguments = [&["--", "--keep"], arguments].concat();
        let ran = cargo("run", &arguments, kafka.bootstrap(), RUN_LIMIT).await;
        let printed = String::from_utf8(ran.stdout).unwrap();
        let said = format!("{printed}{}", String::from_utf8_lossy(&ran.stderr));
        let named = |what: &str| {
            let name = printed.lines().find_map(|line| line.strip_prefix(what));
            name.unwrap_or_else(|| panic!("no {what} in: {said}")).trim().to_owned()
        };
        let (input, output, group) = (named("input "), named("output "), named("group "));
        Self { succeeded: ran.status.success(), said, input, output, group }
    }

    /// The outputs as Java reads them, or what is wrong with them or with the group's offsets as
    /// `kafka-consumer-groups` shows them.
    async fn audit(&self, kafka: &Kafka, records: usize) -> Result<Vec<ReadRecord>, String> {
        let inputs = kafka.java_consume(&self.input).await.unwrap();
        if inputs.len() != records {
            return Err(format!("{} inputs", inputs.len()));
        }
        let outputs = kafka.java_consume(&self.output).await.unwrap();
        let mut offsets = HashMap::new();
        for output in &outputs {
            // The value of an output ends with the place of its input.
            let value = text(&output.value);
            let mut cells = value.rsplitn(3, ':');
            let offset: i64 = cells.next().unwrap().parse().unwrap();
            let partition: i32 = cells.next().unwrap().parse().unwrap();
            let said = (text(&output.key), cells.next().unwrap().to_owned());
            if offsets.insert((partition, offset), (said, output)).is_some() {
                return Err(format!("{partition}@{offset} is repeated"));
            }
        }
        // By partition and offset, so the inputs of a key come in their order.
        let mut last = HashMap::new();
        for input in &inputs {
            let place = (input.partition, input.offset);
            let Some((said, output)) = offsets.remove(&place) else {
                return Err(format!("{place:?} is lost"));
            };
            if said != (text(&input.key), text(&input.value)) {
                return Err(format!("{output:?} is not what comes of {input:?}"));
            }
            let before = last.insert(&input.key, (output.partition, output.offset));
            if before.is_some_and(|(at, before)| at != output.partition || before > output.offset) {
                return Err(format!("{output:?} is out of order"));
            }
        }
        if !offsets.is_empty() {
            return Err(format!("{} outputs of nothing", offsets.len()));
        }
        let group = kafka.group_offsets(&self.group).await.unwrap();
        let committed: i64 = group.iter().filter_map(|at| at.committed).sum();
        let all = group.iter().all(|at| at.committed == at.log_end && at.lag == Some(0));
        if !all || committed != i64::try_from(records).unwrap() {
            return Err(format!("not all committed: {group:?}"));
        }
        Ok(outputs)
    }

    async fn remove(self, kafka: &Kafka) {
        kafka.delete_group(&self.group).await.unwrap();
        for topic in [self.input, self.output] {
            kafka.delete_topic(&topic).await.unwrap();
        }
    }
}

fn text(bytes: &Option<Vec<u8>>) -> String {
    String::from_utf8(bytes.clone().unwrap()).unwrap()
}

/// `cargo order --example enrich`. Cargo finds it in whatever target folder, and builds it if it is
/// not there or old.
async fn cargo(order: &str, arguments: &[&str], bootstrap: &str, limit: Duration) -> Output {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let mut command = Command::new(cargo);
    command
        .args([order, "--quiet", "--manifest-path", manifest, "-p", "ottla", "--example", "enrich"])
        .args(arguments)
        .env("BOOTSTRAP_SERVERS", bootstrap)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    timeout(limit, command.output()).await.expect("the example takes too long").unwrap()
}

const BUILD_LIMIT: Duration = Duration::from_secs(600);

const RUN_LIMIT: Duration = Duration::from_secs(120);
