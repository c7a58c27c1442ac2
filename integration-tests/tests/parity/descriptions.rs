//! Our descriptions of messages against Kafka's.

use ottla_protocol::{
    api::APIS,
    consumer_protocol::{self, ConsumerProtocolAssignment, ConsumerProtocolSubscription},
};

use crate::{absent, assert_empty, definitions::Definitions, description::Message};

/// All messages we have.
pub(crate) fn ours() -> Vec<Message> {
    let requests = APIS.iter().flat_map(|api| {
        [api.request, api.response]
            .map(|structure| Message::ours(structure, Some(api.key.0), api.versions, api.flexible))
    });
    let embedded = [ConsumerProtocolSubscription::SCHEMA, ConsumerProtocolAssignment::SCHEMA];
    let embedded = embedded
        .iter()
        .map(|schema| Message::ours(schema, None, consumer_protocol::VERSIONS, i16::MAX));
    requests.chain(embedded).collect()
}

#[test]
fn every_message_is_described_as_in_kafka() {
    let kafka = Definitions::of_the_jar();
    let ours = ours();
    let mut report = Vec::new();
    for message in &ours {
        match kafka.message(&message.name) {
            Some(theirs) => report.extend(message.differences(&theirs)),
            None => report.push(format!("Kafka has no {}", message.name)),
        }
    }
    for api in APIS {
        let names = [format!("{}Request", api.key), format!("{}Response", api.key)];
        if names != [api.request.name, api.response.name] {
            report.push(format!("{} is the name of {:?}", api.key, api.key.0));
        }
    }
    assert_empty(&report);
    println!("{} messages of {} APIs are Kafka's", ours.len(), APIS.len());
}

#[test]
fn what_is_missing_has_a_reason() {
    let kafka = Definitions::of_the_jar();
    let ours: Vec<_> = ours().into_iter().map(|message| message.name).collect();
    let excused = |name: &str| {
        let stem = name.strip_suffix("Request").or_else(|| name.strip_suffix("Response"));
        let api = stem.is_some_and(|stem| absent::APIS.iter().any(|(api, _)| *api == stem));
        api || absent::OTHERS.iter().any(|(other, _)| *other == name)
    };
    let mut report = Vec::new();
    for name in kafka.names() {
        let have = ours.iter().any(|ours| ours == name);
        match (have, excused(name), kafka.is_history(name)) {
            (false, false, false) => report.push(format!("{name} is missing")),
            (true, true, _) => report.push(format!("{name} is not missing any more")),
            (true, _, true) => report.push(format!("{name} has no version any more")),
            (false, true, true) => report.push(format!("{name} needs no reason any more")),
            _ => {}
        }
        let unstable = name.strip_suffix("Request").filter(|_| have && kafka.is_unstable(name));
        if unstable.is_some_and(|stem| !absent::UNSTABLE.contains(&stem)) {
            report.push(format!("the newest version of {name} is not settled"));
        }
    }
    let names = absent::APIS.iter().map(|(api, _)| format!("{api}Request"));
    let others = absent::OTHERS.iter().map(|(other, _)| (*other).to_owned());
    for name in names.chain(others) {
        if !kafka.names().any(|kafka| kafka == name) {
            report.push(format!("Kafka has no {name}"));
        }
    }
    for stem in absent::UNSTABLE {
        if !kafka.is_unstable(&format!("{stem}Request")) {
            report.push(format!("the newest version of {stem} is settled now"));
        }
    }
    assert_empty(&report);
}
