//! Lies about groups, coordinators and committed offsets (H4, H21, H22).

use bytes::Bytes;
use ottla::protocol::ErrorCode;
use ottla::protocol::api::{
    Coordinator, FindCoordinatorRequest, HeartbeatRequest, JoinGroupRequest, JoinGroupResponse,
    JoinGroupResponseMember, OffsetCommitRequest, OffsetFetchRequest,
    OffsetFetchResponsePartitions, SyncGroupRequest,
};
use ottla::protocol::consumer_protocol::{
    self, ConsumerProtocolAssignment, ConsumerProtocolTopicPartitions,
};

use crate::liar::Lie;
use crate::trial::After;

fn coordinators(mut change: impl FnMut(&mut Coordinator) + Send + 'static) -> Lie {
    Lie::about::<FindCoordinatorRequest>(move |answer| {
        answer.coordinators.iter_mut().for_each(&mut change);
    })
}

fn joins(change: impl FnMut(&mut JoinGroupResponse) + Send + 'static) -> Lie {
    Lie::about::<JoinGroupRequest>(change)
}

fn members(mut change: impl FnMut(&mut JoinGroupResponseMember) + Send + 'static) -> Lie {
    joins(move |answer| answer.members.iter_mut().for_each(&mut change))
}

fn assignments(assignment: Vec<u8>) -> Lie {
    let assignment = Bytes::from(assignment);
    Lie::about::<SyncGroupRequest>(move |answer| answer.assignment = assignment.clone())
}

/// An assignment of these partitions.
fn assigned(partitions: &[(&str, &[i32])]) -> Lie {
    let assigned_partitions =
        partitions.iter().map(|(topic, partitions)| ConsumerProtocolTopicPartitions {
            topic: (*topic).to_owned(),
            partitions: partitions.to_vec(),
        });
    let assignment = ConsumerProtocolAssignment {
        assigned_partitions: assigned_partitions.collect(),
        user_data: None,
    };
    assignments(consumer_protocol::encode(&assignment, 3).unwrap().to_vec())
}

fn heartbeats(error: ErrorCode) -> Lie {
    Lie::about::<HeartbeatRequest>(move |answer| answer.error_code = error)
}

fn join_errors(error: ErrorCode) -> Lie {
    joins(move |answer| answer.error_code = error)
}

fn sync_errors(error: ErrorCode) -> Lie {
    Lie::about::<SyncGroupRequest>(move |answer| answer.error_code = error)
}

fn committed(mut change: impl FnMut(&mut OffsetFetchResponsePartitions) + Send + 'static) -> Lie {
    Lie::about::<OffsetFetchRequest>(move |answer| {
        let topics = answer.groups.iter_mut().flat_map(|group| &mut group.topics);
        topics.flat_map(|topic| &mut topic.partitions).for_each(&mut change);
    })
}

fn commit_errors(error: ErrorCode) -> Lie {
    Lie::about::<OffsetCommitRequest>(move |answer| {
        let partitions = answer.topics.iter_mut().flat_map(|topic| &mut topic.partitions);
        partitions.for_each(|partition| partition.error_code = error);
    })
}

lies! {
    After::ForgetsGroup;

    a_coordinator_that_does_not_exist: coordinators(|coordinator| {
        coordinator.node_id = 4711;
        coordinator.host = "nowhere".to_owned();
    });
    a_coordinator_without_an_address: coordinators(|coordinator| {
        coordinator.host.clear();
        coordinator.port = 0;
    });
    a_negative_coordinator: coordinators(|coordinator| coordinator.node_id = -1);
    always_the_wrong_coordinator: coordinators(|coordinator| {
        coordinator.node_id = 1 - coordinator.node_id;
    });
    another_coordinator_each_time: {
        let mut answers = 0;
        coordinators(move |coordinator| {
            answers += 1;
            coordinator.node_id = answers % 2;
        })
    };
    coordinators_of_another_group: coordinators(|coordinator| coordinator.key.push('x'));
    no_coordinators: Lie::about::<FindCoordinatorRequest>(|answer| answer.coordinators.clear());
    a_coordinator_error_that_is_not_known: coordinators(|coordinator| {
        coordinator.error_code = ErrorCode(777);
    });
    a_coordinator_that_is_never_available: coordinators(|coordinator| {
        coordinator.error_code = ErrorCode::COORDINATOR_NOT_AVAILABLE;
    });
    a_leader_that_is_no_member: joins(|answer| answer.leader = "nobody".to_owned());
    a_leader_without_members: joins(|answer| answer.members.clear());
    a_member_without_a_name: joins(|answer| answer.member_id.clear());
    a_member_of_another_name_each_time: {
        let mut answers = 0;
        joins(move |answer| {
            answers += 1;
            answer.member_id = format!("member-{answers}");
        })
    };
    generations_below_zero: joins(|answer| answer.generation_id = -7);
    generations_that_go_backwards: {
        let mut generation = 1000;
        joins(move |answer| {
            generation -= 1;
            answer.generation_id = generation;
        })
    };
    the_last_generation: joins(|answer| answer.generation_id = i32::MAX);
    a_protocol_nobody_offered: joins(|answer| answer.protocol_name = Some("roulette".to_owned()));
    another_kind_of_group: joins(|answer| answer.protocol_type = Some("connect".to_owned()));
    members_who_subscribe_to_noise: members(|member| {
        member.metadata = Bytes::from_static(&[0, 3, 0x7f, 0xff, 0xff, 0xff, 1]);
    });
    members_who_say_nothing: members(|member| member.metadata.clear());
    ten_thousand_members: joins(|answer| {
        if let Some(member) = answer.members.first().cloned() {
            answer.members.extend((0..10_000).map(|n| JoinGroupResponseMember {
                member_id: format!("stranger-{n}"),
                ..member.clone()
            }));
        }
    });
    the_same_member_twice: joins(|answer| answer.members.extend(answer.members.clone()));
    join_errors_that_are_not_known: join_errors(ErrorCode(-4));
    joins_that_always_rebalance: join_errors(ErrorCode::REBALANCE_IN_PROGRESS);
    joins_that_always_want_another_member_id: join_errors(ErrorCode::MEMBER_ID_REQUIRED);
    joins_of_unknown_members: join_errors(ErrorCode::UNKNOWN_MEMBER_ID);
    joins_at_the_wrong_coordinator: join_errors(ErrorCode::NOT_COORDINATOR);
    sync_errors_that_are_not_known: sync_errors(ErrorCode(31_999));
    syncs_that_always_rebalance: sync_errors(ErrorCode::REBALANCE_IN_PROGRESS);
    syncs_of_another_generation: sync_errors(ErrorCode::ILLEGAL_GENERATION);
    an_assignment_of_noise: assignments(vec![0, 1, 0x7f, 0xff, 0xff, 0xff, 0, 0]);
    an_assignment_of_a_negative_version: assignments(vec![0xff; 20]);
    an_assignment_of_one_byte: assignments(vec![0]);
    an_assignment_of_nothing: assignments(Vec::new());
    an_assignment_of_partitions_that_do_not_exist: assigned(&[("in", &[5, 6, 7])]);
    an_assignment_of_negative_partitions: assigned(&[("in", &[-1, i32::MIN])]);
    an_assignment_of_everything_twice: assigned(&[("in", &[0, 1, 0, 1]), ("in", &[1, 0])]);
    an_assignment_of_topics_nobody_subscribed_to: assigned(&[("strange", &[0]), ("", &[0])]);
    an_assignment_of_ten_thousand_partitions: {
        let many: Vec<i32> = (0..10_000).collect();
        assigned(&[("in", &many)])
    };
    heartbeats_that_always_rebalance: heartbeats(ErrorCode::REBALANCE_IN_PROGRESS);
    heartbeats_of_another_generation: heartbeats(ErrorCode::ILLEGAL_GENERATION);
    heartbeats_of_unknown_members: heartbeats(ErrorCode::UNKNOWN_MEMBER_ID);
    heartbeats_at_the_wrong_coordinator: heartbeats(ErrorCode::NOT_COORDINATOR);
    heartbeat_errors_that_are_not_known: heartbeats(ErrorCode(-1000));
    heartbeats_throttled_for_weeks: Lie::about::<HeartbeatRequest>(|answer| {
        answer.throttle_time_ms = i32::MAX;
    });
    committed_below_zero: committed(|partition| partition.committed_offset = -5);
    committed_beyond_everything: committed(|partition| partition.committed_offset = i64::MAX);
    committed_in_an_absurd_epoch: committed(|partition| {
        partition.committed_offset = 0;
        partition.committed_leader_epoch = i32::MAX;
    });
    committed_in_other_partitions: committed(|partition| partition.partition_index += 3);
    committed_errors_that_are_not_known: committed(|partition| {
        partition.error_code = ErrorCode(404);
    });
    committed_nothing_at_all: Lie::about::<OffsetFetchRequest>(|answer| answer.groups.clear());
    committed_by_another_group: Lie::about::<OffsetFetchRequest>(|answer| {
        answer.groups.iter_mut().for_each(|group| group.group_id = "another".to_owned());
    });
    commit_errors_that_are_not_known: commit_errors(ErrorCode(-404));
    commits_that_are_always_too_large: commit_errors(ErrorCode::OFFSET_METADATA_TOO_LARGE);
    commits_of_another_generation: commit_errors(ErrorCode::ILLEGAL_GENERATION);
    commits_that_are_not_answered_for: Lie::about::<OffsetCommitRequest>(|answer| {
        answer.topics.clear();
    });
}
