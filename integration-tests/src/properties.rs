//! The text of `server.properties` for one node.

use std::{fmt::Write, path::Path};

/// Where a node listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Addresses {
    /// For clients.
    pub(crate) port: u16,
    /// For the controllers among themselves and for brokers.
    pub(crate) controller_port: u16,
}

/// The settings of node `node` (from 1) of a cluster whose nodes have `addresses`, in that order.
/// Every node is broker and controller. `extra` comes last, and so wins.
///
/// Nothing is deleted for its age: Kafka judges by the timestamps of the records, and so would
/// remove those that a test dates to the past, half a minute after the node started.
pub(crate) fn server_properties(
    node: u32,
    addresses: &[Addresses],
    folder: &Path,
    extra: &[(String, String)],
) -> String {
    let own = usize::try_from(node).ok().and_then(|n| addresses.get(n.checked_sub(1)?));
    let Addresses { port, controller_port } =
        own.copied().unwrap_or(Addresses { port: 0, controller_port: 0 });
    let voters: Vec<_> = (1..)
        .zip(addresses)
        .map(|(id, at): (u32, _)| format!("{id}@127.0.0.1:{}", at.controller_port))
        .collect();
    let voters = voters.join(",");
    let copies = addresses.len().min(3);
    let in_sync = copies.saturating_sub(1).max(1);
    let data = folder.join("data");
    let data = data.display();
    let mut text = format!(
        "process.roles=broker,controller\n\
         node.id={node}\n\
         broker.rack=rack-{node}\n\
         controller.quorum.voters={voters}\n\
         listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{port}\n\
         controller.listener.names=CONTROLLER\n\
         listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n\
         log.dirs={data}\n\
         default.replication.factor={copies}\n\
         min.insync.replicas={in_sync}\n\
         offsets.topic.replication.factor={copies}\n\
         offsets.topic.num.partitions=10\n\
         transaction.state.log.replication.factor={copies}\n\
         transaction.state.log.min.isr={in_sync}\n\
         transaction.state.log.num.partitions=10\n\
         share.coordinator.state.topic.replication.factor={copies}\n\
         share.coordinator.state.topic.min.isr={in_sync}\n\
         group.initial.rebalance.delay.ms=0\n\
         replica.selector.class=org.apache.kafka.common.replica.RackAwareReplicaSelector\n\
         auto.create.topics.enable=false\n\
         log.retention.ms=-1\n\
         log.cleaner.dedupe.buffer.size=16777216\n"
    );
    for (name, value) in extra {
        let _ = writeln!(text, "{name}={value}");
    }
    text
}

/// The logging of Kafka 3: warnings to the node's log.
pub(crate) const LOG4J_1: &str = "log4j.rootLogger=WARN, out\n\
    log4j.appender.out=org.apache.log4j.ConsoleAppender\n\
    log4j.appender.out.layout=org.apache.log4j.PatternLayout\n\
    log4j.appender.out.layout.ConversionPattern=[%d] %p %m (%c)%n\n";

#[cfg(test)]
mod tests {
    use super::*;

    fn of(nodes: usize, extra: &[(String, String)]) -> String {
        let ports = [(1001, 2001), (1002, 2002), (1003, 2003)];
        let addresses: Vec<_> = ports
            .into_iter()
            .map(|(port, controller_port)| Addresses { port, controller_port })
            .take(nodes)
            .collect();
        server_properties(1, &addresses, Path::new("/x/1"), extra)
    }

    #[test]
    fn a_write_needs_two_of_three_copies() {
        let text = of(3, &[]);
        assert!(text.contains("\nmin.insync.replicas=2\n"));
        assert!(text.contains("\ndefault.replication.factor=3\n"));
        let voters = "1@127.0.0.1:2001,2@127.0.0.1:2002,3@127.0.0.1:2003";
        assert!(text.contains(&format!("\ncontroller.quorum.voters={voters}\n")));
    }

    #[test]
    fn one_node_alone_can_be_written_to() {
        let text = of(1, &[]);
        assert!(text.contains("\nmin.insync.replicas=1\n"));
        assert!(text.contains("\noffsets.topic.replication.factor=1\n"));
        assert!(text.contains("listeners=PLAINTEXT://127.0.0.1:1001,"));
        assert!(text.contains("\nlog.retention.ms=-1\n"));
    }

    #[test]
    fn settings_of_the_caller_come_last() {
        let text = of(1, &[("auto.create.topics.enable".into(), "true".into())]);
        assert!(text.ends_with("auto.create.topics.enable=true\n"));
    }
}
