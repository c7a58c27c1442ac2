//! A member's membership in a group of Kafka Streams, whose coordinator assigns its tasks
//! (KIP-1071).

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
};

message! {
    /// Joins, stays in or leaves a group. What has not changed since the last one is null or -1.
    request StreamsGroupHeartbeatRequest {
        /// The group's id.
        group_id: String, 0+;
        /// The member's id, a UUID that it keeps until it ends.
        member_id: String, 0+;
        /// The epoch last told; 0 to join, -1 to leave, -2 to leave for a while with a static id.
        member_epoch: i32, 0+;
        /// The epoch of the endpoints last told.
        endpoint_information_epoch: i32, 0+;
        /// The member's static id (KIP-345), if it has one.
        instance_id: Option<String>, 0+, nullable 0+;
        /// The rack the member runs in, if it has one.
        rack_id: Option<String>, 0+, nullable 0+;
        /// Milliseconds the member may take to give up tasks.
        rebalance_timeout_ms: i32, 0+, default -1;
        /// What the application is made of, sent to join.
        topology: Option<StreamsGroupHeartbeatTopology>, 0+, nullable 0+;
        /// The active tasks the member owns.
        active_tasks: Option<Vec<StreamsGroupHeartbeatTaskIds>>, 0+, nullable 0+;
        /// The standby tasks the member owns.
        standby_tasks: Option<Vec<StreamsGroupHeartbeatTaskIds>>, 0+, nullable 0+;
        /// The warm-up tasks the member owns.
        warmup_tasks: Option<Vec<StreamsGroupHeartbeatTaskIds>>, 0+, nullable 0+;
        /// The process, which may hold several members.
        process_id: Option<String>, 0+, nullable 0+;
        /// Where others can query this process, if they can.
        user_endpoint: Option<StreamsGroupHeartbeatEndpoint>, 0+, nullable 0+;
        /// What the member is tagged with, for spreading standby tasks.
        client_tags: Option<Vec<StreamsGroupHeartbeatKeyValue>>, 0+, nullable 0+;
        /// How far the member has restored its tasks.
        task_offsets: Option<Vec<StreamsGroupHeartbeatTaskOffset>>, 0+, nullable 0+;
        /// How far there is to restore them.
        task_end_offsets: Option<Vec<StreamsGroupHeartbeatTaskOffset>>, 0+, nullable 0+;
        /// Whether all members are to end.
        shutdown_application: bool, 0+;
    }

    /// What an application is made of.
    request StreamsGroupHeartbeatTopology {
        /// Grows with each change of the topology.
        epoch: i32, 0+;
        /// Its parts.
        subtopologies: Vec<StreamsGroupHeartbeatSubtopology>, 0+;
    }

    /// A part of a topology: what one task runs.
    request StreamsGroupHeartbeatSubtopology {
        /// The part's id.
        subtopology_id: String, 0+;
        /// The topics it reads.
        source_topics: Vec<String>, 0+;
        /// Patterns of topics it reads.
        source_topic_regex: Vec<String>, 0+;
        /// Its changelogs, created by the broker.
        state_changelog_topics: Vec<StreamsGroupHeartbeatTopicInfo>, 0+;
        /// The repartition topics it writes.
        repartition_sink_topics: Vec<String>, 0+;
        /// The repartition topics it reads, created by the broker.
        repartition_source_topics: Vec<StreamsGroupHeartbeatTopicInfo>, 0+;
        /// Topics that must have as many partitions as each other.
        copartition_groups: Vec<CopartitionGroup>, 0+;
    }

    /// A topic that the broker creates.
    request StreamsGroupHeartbeatTopicInfo {
        /// The topic's name.
        name: String, 0+;
        /// How many partitions; 0 if the broker is to decide.
        partitions: i32, 0+;
        /// Copies of each partition; 0 for the broker's default.
        replication_factor: i16, 0+;
        /// Its settings.
        topic_configs: Vec<StreamsGroupHeartbeatKeyValue>, 0+;
    }

    /// A key and its value.
    request StreamsGroupHeartbeatKeyValue {
        /// The key.
        key: String, 0+;
        /// The value.
        value: String, 0+;
    }

    /// Topics that must have as many partitions as each other.
    request CopartitionGroup {
        /// Their places in the part's `source_topics`.
        source_topics: Vec<i16>, 0+;
        /// Their places in the part's `source_topic_regex`.
        source_topic_regex: Vec<i16>, 0+;
        /// Their places in the part's `repartition_source_topics`.
        repartition_source_topics: Vec<i16>, 0+;
    }

    /// Tasks of one part of the topology.
    shared StreamsGroupHeartbeatTaskIds {
        /// The part's id.
        subtopology_id: String, 0+;
        /// The tasks' numbers: those of their partitions.
        partitions: Vec<i32>, 0+;
    }

    /// Where a process can be queried.
    shared StreamsGroupHeartbeatEndpoint {
        /// Its host name or address.
        host: String, 0+;
        /// Its port.
        port: u16, 0+;
    }

    /// The offsets of one task, in all its changelogs.
    request StreamsGroupHeartbeatTaskOffset {
        /// The part of the topology.
        subtopology_id: String, 0+;
        /// The task's number.
        partition: i32, 0+;
        /// The sum of the offsets.
        offset: i64, 0+;
    }

    /// The member's place in the group.
    response StreamsGroupHeartbeatResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
        /// Why the member has no place; none if it has.
        error_code: ErrorCode, 0+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 0+, nullable 0+;
        /// The member's id.
        member_id: String, 0+;
        /// The epoch to send with the next heartbeat.
        member_epoch: i32, 0+;
        /// Milliseconds until the next heartbeat is due.
        heartbeat_interval_ms: i32, 0+;
        /// Offsets that a warm-up task may lack and count as caught up.
        acceptable_recovery_lag: i32, 0+;
        /// Milliseconds between the offsets that the member is to send.
        task_offset_interval_ms: i32, 0+;
        /// What is wrong or going on in the group; null if that has not changed.
        status: Option<Vec<StreamsGroupHeartbeatStatus>>, 0+, nullable 0+, default Some(Vec::new());
        /// The active tasks to run; null if that has not changed.
        active_tasks: Option<Vec<StreamsGroupHeartbeatTaskIds>>, 0+, nullable 0+;
        /// The standby tasks to run; null if that has not changed.
        standby_tasks: Option<Vec<StreamsGroupHeartbeatTaskIds>>, 0+, nullable 0+;
        /// The warm-up tasks to run; null if that has not changed.
        warmup_tasks: Option<Vec<StreamsGroupHeartbeatTaskIds>>, 0+, nullable 0+;
        /// The epoch of `partitions_by_user_endpoint`.
        endpoint_information_epoch: i32, 0+;
        /// What can be queried where; null if that has not changed.
        partitions_by_user_endpoint: Option<Vec<EndpointToPartitions>>, 0+, nullable 0+;
    }

    /// Something wrong or going on in a group.
    response StreamsGroupHeartbeatStatus {
        /// 0 a stale topology, 1 source topics missing, 2 topics with wrong partitions, 3 internal
        /// topics missing, 4 the application ends, 5 the assignment is put off.
        status_code: i8, 0+;
        /// The same in words.
        status_detail: String, 0+;
    }

    /// What can be queried at one process.
    response EndpointToPartitions {
        /// Where the process is.
        user_endpoint: StreamsGroupHeartbeatEndpoint, 0+;
        /// The partitions of its active tasks.
        active_partitions: Vec<StreamsGroupHeartbeatTopicPartition>, 0+;
        /// The partitions of its standby tasks.
        standby_partitions: Vec<StreamsGroupHeartbeatTopicPartition>, 0+;
    }

    /// Partitions of one topic.
    response StreamsGroupHeartbeatTopicPartition {
        /// The topic's name.
        topic: String, 0+;
        /// The partitions' numbers.
        partitions: Vec<i32>, 0+;
    }
}

api!(
    StreamsGroupHeartbeatRequest => StreamsGroupHeartbeatResponse, ApiKey::STREAMS_GROUP_HEARTBEAT,
    versions 0 - 0, flexible 0
);
