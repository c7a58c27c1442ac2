use std::time::Duration;

use super::super::{ConfigFault, Dialect};
use crate::Client;

fn faults(properties: &[(&str, &str)], dialect: Dialect) -> Vec<String> {
    let built = Client::builder().properties(dialect, properties.iter().copied()).build();
    built.unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn defaults_are_those_that_are_documented() {
    let client = Client::builder().bootstrap(["localhost:9092"]).build().unwrap();
    let config = client.config();
    assert_eq!(&*config.client_id, "ottla");
    assert_eq!(config.request_timeout, Duration::from_secs(30));
    assert_eq!(config.connections_max_idle, Some(Duration::from_secs(540)));
    assert!(!config.allow_auto_create_topics);
}

#[test]
fn all_faults_are_told_at_once() {
    let errors = faults(
        &[
            ("bootstrap.servers", "good:9092, bad, worse:0"),
            ("request.timeout.ms", "soon"),
            ("retry.backoff.ms", "5000"),
            ("metadata.max.age.ms", "0"),
            ("allow.auto.create.topics", "yes"),
            ("conections.max.idle.ms", "1"),
            ("compressor", "zstd"),
        ],
        Dialect::Java,
    );
    for part in [
        "bootstrap.servers: cannot be \"bad\"",
        "bootstrap.servers: cannot be \"worse:0\"",
        "request.timeout.ms: cannot be \"soon\": milliseconds are expected",
        "retry.backoff.ms: contradicts retry.backoff.max.ms: 5s is above its maximum 1s",
        "metadata.max.age.ms: cannot be \"0ns\"",
        "allow.auto.create.topics: cannot be \"yes\"",
        "conections.max.idle.ms: is not a setting; do you mean connections.max.idle.ms?",
    ] {
        assert!(errors.iter().any(|error| error.contains(part)), "{part} in {errors:#?}");
    }
    assert!(errors.iter().any(|error| error == "compressor: is not a setting"), "{errors:#?}");
    assert_eq!(errors.len(), 8);
}

#[test]
fn without_an_address_there_is_no_client() {
    let errors = Client::builder().build().unwrap_err();
    assert_eq!(errors.to_string(), "bootstrap.servers: has to be set");
    assert!(matches!(errors.iter().next().unwrap().fault, ConfigFault::Missing));
}

#[test]
fn each_dialect_has_its_own_names_and_defaults() {
    let librdkafka = Client::builder()
        .properties(
            Dialect::Librdkafka,
            [("metadata.broker.list", "a:1,b:2"), ("socket.timeout.ms", "1000")],
        )
        .build()
        .unwrap();
    let config = librdkafka.config();
    assert_eq!(config.bootstrap.len(), 2);
    assert_eq!(config.request_timeout, Duration::from_secs(1));
    assert_eq!(config.reconnect.max, Duration::from_secs(10));
    assert_eq!(config.connections_max_idle, None);
    assert_eq!(
        faults(&[("bootstrap.servers", "a:1"), ("socket.timeout.ms", "1")], Dialect::Java),
        ["socket.timeout.ms: is not a setting"]
    );
}

#[test]
fn the_later_setting_counts() {
    let client = Client::builder()
        .client_id("typed")
        .properties(Dialect::Java, [("bootstrap.servers", "a:1"), ("client.id", "property")])
        .request_timeout(Duration::from_secs(7))
        .build()
        .unwrap();
    assert_eq!(&*client.config().client_id, "property");
    assert_eq!(client.config().request_timeout, Duration::from_secs(7));
}
