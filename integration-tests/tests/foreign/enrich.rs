//! The example `enrich`, end to end with all its checks, on kfake. librdkafka's mock cluster has no request
//! that creates a topic, which the example needs.

use std::{env, process::Stdio, time::Duration};

use tokio::{process::Command, time::timeout};

use crate::broker::Broker;

#[tokio::test]
async fn enrich_finds_all_its_checks_true_on_kfake() {
    for version in ["newest", "2.8", "0.11.0"] {
        let broker = Broker::kfake(version).await;
        let said = enrich(&broker, &["--records", "20000"]).await.unwrap();
        assert!(said.contains("all checks true"), "{version}: {said}");
    }
    let broker = Broker::kfake("newest").await;
    for fault in ["drop", "dup", "swap"] {
        let arguments = ["--records", "2000", "--keys", "100", "--break", fault];
        let ended = enrich(&broker, &arguments).await;
        assert!(ended.is_err(), "{fault}: {ended:?}");
    }
}

/// What it printed, as an error if it did not end well.
async fn enrich(broker: &Broker, arguments: &[&str]) -> Result<String, String> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let mut command = Command::new(cargo);
    command
        .args(["run", "--quiet", "--manifest-path", manifest])
        .args(["-p", "ottla", "--example", "enrich", "--"])
        .args(arguments)
        .env("BOOTSTRAP_SERVERS", &broker.bootstrap)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let ran = timeout(LIMIT, command.output()).await.expect("the example ends in time").unwrap();
    let said = [ran.stdout, ran.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    if ran.status.success() { Ok(said) } else { Err(said) }
}

/// It may have to be built.
const LIMIT: Duration = Duration::from_secs(600);
