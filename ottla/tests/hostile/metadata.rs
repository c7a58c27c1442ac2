//! Lies about brokers, topics and leaders (H2, H8, H12, H13).

use ottla::protocol::api::{
    MetadataRequest, MetadataResponse, MetadataResponsePartition, MetadataResponseTopic,
};
use ottla::protocol::{ApiKey, ErrorCode, Uuid};

use crate::liar::{Lie, Then, Told, framed};
use crate::trial::After;

fn about(change: impl FnMut(&mut MetadataResponse) + Send + 'static) -> Lie {
    Lie::about::<MetadataRequest>(change)
}

fn topics(mut change: impl FnMut(&mut MetadataResponseTopic) + Send + 'static) -> Lie {
    about(move |answer| answer.topics.iter_mut().for_each(&mut change))
}

fn partitions(mut change: impl FnMut(&mut MetadataResponsePartition) + Send + 'static) -> Lie {
    topics(move |topic| topic.partitions.iter_mut().for_each(&mut change))
}

fn ports(port: i32) -> Lie {
    about(move |answer| answer.brokers.iter_mut().for_each(|broker| broker.port = port))
}

lies! {
    After::Truth;

    brokers_at_port_0: ports(0);
    brokers_at_a_negative_port: ports(-1);
    brokers_at_port_65_545: ports(65_545);
    brokers_without_a_host: about(|answer| {
        answer.brokers.iter_mut().for_each(|broker| broker.host.clear());
    });
    brokers_with_hosts_that_are_none: about(|answer| {
        answer.brokers.iter_mut().for_each(|broker| broker.host = "\0\u{1b}]0;x\n".repeat(900));
    });
    brokers_that_swap_their_hosts: about(|answer| {
        let hosts: Vec<_> = answer.brokers.iter().rev().map(|broker| broker.host.clone()).collect();
        for (broker, host) in answer.brokers.iter_mut().zip(hosts) {
            broker.host = host;
        }
    });
    brokers_with_one_id: about(|answer| {
        answer.brokers.iter_mut().for_each(|broker| broker.node_id = 0);
    });
    brokers_with_negative_ids: about(|answer| {
        answer.brokers.iter_mut().for_each(|broker| broker.node_id = -broker.node_id - 2);
    });
    ten_thousand_brokers: about(|answer| {
        let broker = answer.brokers[0].clone();
        for node_id in 100..10_100 {
            let host = format!("nowhere-{node_id}");
            answer.brokers.push(ottla::protocol::api::MetadataResponseBroker {
                node_id,
                host,
                ..broker.clone()
            });
        }
    });
    no_brokers: about(|answer| answer.brokers.clear());
    no_controller: about(|answer| answer.controller_id = -1);
    a_controller_that_does_not_exist: about(|answer| answer.controller_id = 4711);
    leaders_that_do_not_exist: partitions(|partition| partition.leader_id = 999);
    negative_leaders: partitions(|partition| partition.leader_id = -5);
    the_wrong_leaders: partitions(|partition| partition.leader_id = 1 - partition.leader_id);
    negative_epochs: partitions(|partition| partition.leader_epoch = i32::MIN);
    partitions_twice_with_two_leaders: topics(|topic| {
        let mut others = topic.partitions.clone();
        others.iter_mut().for_each(|partition| partition.leader_id = 1 - partition.leader_id);
        topic.partitions.extend(others);
    });
    partitions_with_absurd_numbers: topics(|topic| {
        for (partition, index) in
            topic.partitions.iter_mut().zip([i32::MAX, i32::MIN])
        {
            partition.partition_index = index;
        }
    });
    no_partitions: topics(|topic| topic.partitions.clear());
    a_partition_is_missing: topics(|topic| {
        topic.partitions.retain(|partition| partition.partition_index == 0);
    });
    thousands_of_partitions: topics(|topic| {
        let last = topic.partitions[1].clone();
        topic.partitions.extend((2..10_000).map(|partition_index| {
            MetadataResponsePartition { partition_index, ..last.clone() }
        }));
    });
    partitions_claimed_by_the_million: Lie::bytes_of(ApiKey::METADATA, |_, answer| {
        // Wherever a count stands, it says two millions.
        let mut lie = answer.to_vec();
        for at in (5..lie.len()).rev() {
            if lie[at] == 3 {
                lie.splice(at..=at, [0x80, 0x89, 0x7a]);
                break;
            }
        }
        Told { bytes: framed(&lie), then: Then::GoOn }
    });
    no_topics: about(|answer| answer.topics.clear());
    every_topic_twice: about(|answer| answer.topics.extend(answer.topics.clone()));
    topics_nobody_asked_for: about(|answer| {
        let topic = MetadataResponseTopic::default();
        answer.topics.extend((0..5000).map(|n| MetadataResponseTopic {
            name: Some(format!("stranger-{n}")),
            topic_id: Uuid([7; 16]),
            ..topic.clone()
        }));
    });
    another_name: topics(|topic| topic.name = Some("another".to_owned()));
    no_name: topics(|topic| topic.name = Some(String::new()));
    another_topic_id_each_time: {
        let mut answers = 0_u8;
        topics(move |topic| {
            answers = answers.wrapping_add(1);
            topic.topic_id = Uuid([answers; 16]);
        })
    };
    topic_errors_that_are_not_known: topics(|topic| topic.error_code = ErrorCode(-77));
    partition_errors_that_are_not_known: partitions(|partition| {
        partition.error_code = ErrorCode(9999);
    });
    topics_unknown_for_a_while: topics(|topic| {
        topic.error_code = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
        topic.partitions.clear();
    });
    a_cluster_of_another_name_each_time: {
        let mut answers = 0;
        about(move |answer| {
            answers += 1;
            answer.cluster_id = Some(format!("cluster-{answers}"));
        })
    };
    an_error_at_the_top: about(|answer| answer.error_code = ErrorCode(31_000));
    metadata_throttled_for_weeks: about(|answer| answer.throttle_time_ms = i32::MAX);
    metadata_throttled_into_the_past: about(|answer| answer.throttle_time_ms = i32::MIN);
}

// A client never goes back to an older epoch (H13), and these are newer than any true one.
lies! {
    After::TooLate;

    leaders_that_change_each_time: {
        let mut answers = 0;
        partitions(move |partition| {
            answers += 1;
            partition.leader_id = answers % 2;
            partition.leader_epoch = answers;
        })
    };
    epochs_that_go_backwards: {
        let mut epoch = 1000;
        partitions(move |partition| {
            epoch -= 1;
            partition.leader_epoch = epoch;
        })
    };
    the_highest_epoch: partitions(|partition| partition.leader_epoch = i32::MAX);
}
