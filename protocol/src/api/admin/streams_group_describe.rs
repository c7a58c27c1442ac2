//! Groups of Kafka Streams (KIP-1071) in detail.

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
};

message! {
    /// Asks the coordinator about groups.
    request StreamsGroupDescribeRequest {
        /// The groups' ids.
        group_ids: Vec<String>, 0+;
        /// Whether to tell what the client may do with each group (KIP-430).
        include_authorized_operations: bool, 0+;
    }

    /// The groups.
    response StreamsGroupDescribeResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
        /// One answer for each group asked about.
        groups: Vec<StreamsGroupDescribeDescribedGroup>, 0+;
    }

    /// A group.
    response StreamsGroupDescribeDescribedGroup {
        /// Why nothing is told; none if it is.
        error_code: ErrorCode, 0+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 0+, nullable 0+;
        /// The group's id.
        group_id: String, 0+;
        /// Such as `Stable`, `Reconciling` or `NotReady`; empty along with an error.
        group_state: String, 0+;
        /// Grows with each change of the members or the topology.
        group_epoch: i32, 0+;
        /// The group epoch that the target assignment was made for.
        assignment_epoch: i32, 0+;
        /// What the application is made of; null along with an error.
        topology: Option<StreamsGroupDescribeTopology>, 0+, nullable 0+;
        /// Its members.
        members: Vec<StreamsGroupDescribeMember>, 0+;
        /// A bit for each operation allowed; `i32::MIN` if not asked for.
        authorized_operations: i32, 0+, default -2147483648;
    }

    /// What an application is made of.
    response StreamsGroupDescribeTopology {
        /// Grows with each change of the topology.
        epoch: i32, 0+;
        /// Its parts; null while topics are missing or wrong.
        subtopologies: Option<Vec<StreamsGroupDescribeSubtopology>>, 0+, nullable 0+;
    }

    /// A part of a topology: what one task runs.
    response StreamsGroupDescribeSubtopology {
        /// The part's id.
        subtopology_id: String, 0+;
        /// The topics it reads.
        source_topics: Vec<String>, 0+;
        /// The repartition topics it writes.
        repartition_sink_topics: Vec<String>, 0+;
        /// Its changelogs.
        state_changelog_topics: Vec<StreamsGroupDescribeTopicInfo>, 0+;
        /// The repartition topics it reads.
        repartition_source_topics: Vec<StreamsGroupDescribeTopicInfo>, 0+;
    }

    /// A topic that the broker creates.
    response StreamsGroupDescribeTopicInfo {
        /// The topic's name.
        name: String, 0+;
        /// How many partitions.
        partitions: i32, 0+;
        /// Copies of each partition; 0 for the broker's default.
        replication_factor: i16, 0+;
        /// Its settings.
        topic_configs: Vec<StreamsGroupDescribeKeyValue>, 0+;
    }

    /// A key and its value.
    response StreamsGroupDescribeKeyValue {
        /// The key.
        key: String, 0+;
        /// The value.
        value: String, 0+;
    }

    /// A member.
    response StreamsGroupDescribeMember {
        /// The member's id.
        member_id: String, 0+;
        /// The epoch it has reached.
        member_epoch: i32, 0+;
        /// Its static id (KIP-345), if it has one.
        instance_id: Option<String>, 0+, nullable 0+;
        /// Its rack, if it has one.
        rack_id: Option<String>, 0+, nullable 0+;
        /// What its client calls itself.
        client_id: String, 0+;
        /// The address it comes from.
        client_host: String, 0+;
        /// The epoch of the topology it runs.
        topology_epoch: i32, 0+;
        /// Its process, which may hold several members.
        process_id: String, 0+;
        /// Where its process can be queried, if it can.
        user_endpoint: Option<StreamsGroupDescribeEndpoint>, 0+, nullable 0+;
        /// What it is tagged with.
        client_tags: Vec<StreamsGroupDescribeKeyValue>, 0+;
        /// How far it has restored its tasks.
        task_offsets: Vec<StreamsGroupDescribeTaskOffset>, 0+;
        /// How far there is to restore them.
        task_end_offsets: Vec<StreamsGroupDescribeTaskOffset>, 0+;
        /// The tasks it owns.
        assignment: StreamsGroupDescribeAssignment, 0+;
        /// The tasks it is to own.
        target_assignment: StreamsGroupDescribeAssignment, 0+;
        /// Whether it still speaks the classic protocol.
        is_classic: bool, 0+;
    }

    /// Where a process can be queried.
    response StreamsGroupDescribeEndpoint {
        /// Its host name or address.
        host: String, 0+;
        /// Its port.
        port: u16, 0+;
    }

    /// The offsets of one task, in all its changelogs.
    response StreamsGroupDescribeTaskOffset {
        /// The part of the topology.
        subtopology_id: String, 0+;
        /// The task's number.
        partition: i32, 0+;
        /// The sum of the offsets.
        offset: i64, 0+;
    }

    /// Tasks of a member.
    response StreamsGroupDescribeAssignment {
        /// Those it runs.
        active_tasks: Vec<StreamsGroupDescribeTaskIds>, 0+;
        /// Those whose state it keeps for others.
        standby_tasks: Vec<StreamsGroupDescribeTaskIds>, 0+;
        /// Those whose state it restores in order to run them.
        warmup_tasks: Vec<StreamsGroupDescribeTaskIds>, 0+;
    }

    /// Tasks of one part of the topology.
    response StreamsGroupDescribeTaskIds {
        /// The part's id.
        subtopology_id: String, 0+;
        /// The tasks' numbers: those of their partitions.
        partitions: Vec<i32>, 0+;
    }
}

api!(
    StreamsGroupDescribeRequest => StreamsGroupDescribeResponse, ApiKey::STREAMS_GROUP_DESCRIBE,
    versions 0 - 0, flexible 0
);
