use crate::{ApiKey, ErrorCode, Uuid, records::Records, message::{api, message}};

message! {
    /// `Produce`: what is asked.
    request ProduceRequest {
        /// The TransactionalId.
        transactional_id: Option<String>, 3+, nullable 3+;
        /// The Acks.
        acks: i16, 0+;
        /// The TimeoutMs.
        timeout_ms: i32, 0+;
        /// The TopicData.
        topic_data: Vec<TopicProduceData>, 0+;
    }

    /// Part of [`ProduceRequest`].
    request TopicProduceData {
        /// The Name.
        name: String, 0-12, ignorable;
        /// The TopicId.
        topic_id: Uuid, 13+, ignorable;
        /// The PartitionData.
        partition_data: Vec<PartitionProduceData>, 0+;
    }

    /// Part of [`ProduceRequest`].
    request PartitionProduceData {
        /// The Index.
        index: i32, 0+;
        /// The Records.
        records: Option<Records>, 0+, nullable 0+;
    }

    /// `Produce`: what is answered.
    response ProduceResponse {
        /// The Responses.
        responses: Vec<TopicProduceResponse>, 0+;
        /// The ThrottleTimeMs.
        throttle_time_ms: i32, 1+, ignorable;
        /// The NodeEndpoints.
        node_endpoints: Vec<ProduceNodeEndpoint>, 10+, tag 0 in 10+;
    }

    /// Part of [`ProduceResponse`].
    response TopicProduceResponse {
        /// The Name.
        name: String, 0-12, ignorable;
        /// The TopicId.
        topic_id: Uuid, 13+, ignorable;
        /// The PartitionResponses.
        partition_responses: Vec<PartitionProduceResponse>, 0+;
    }

    /// Part of [`ProduceResponse`].
    response PartitionProduceResponse {
        /// The Index.
        index: i32, 0+;
        /// The ErrorCode.
        error_code: ErrorCode, 0+;
        /// The BaseOffset.
        base_offset: i64, 0+;
        /// The LogAppendTimeMs.
        log_append_time_ms: i64, 2+, default -1, ignorable;
        /// The LogStartOffset.
        log_start_offset: i64, 5+, default -1, ignorable;
        /// The RecordErrors.
        record_errors: Vec<BatchIndexAndErrorMessage>, 8+, ignorable;
        /// The ErrorMessage.
        error_message: Option<String>, 8+, nullable 8+, ignorable;
        /// The CurrentLeader.
        current_leader: ProduceLeaderIdAndEpoch, 10+, tag 0 in 10+;
    }

    /// Part of [`ProduceResponse`].
    response BatchIndexAndErrorMessage {
        /// The BatchIndex.
        batch_index: i32, 8+;
        /// The BatchIndexErrorMessage.
        batch_index_error_message: Option<String>, 8+, nullable 8+;
    }

    /// Part of [`ProduceResponse`].
    response ProduceLeaderIdAndEpoch {
        /// The LeaderId.
        leader_id: i32, 10+, default -1;
        /// The LeaderEpoch.
        leader_epoch: i32, 10+, default -1;
    }

    /// Part of [`ProduceResponse`].
    response ProduceNodeEndpoint {
        /// The NodeId.
        node_id: i32, 10+;
        /// The Host.
        host: String, 10+;
        /// The Port.
        port: i32, 10+;
        /// The Rack.
        rack: Option<String>, 10+, nullable 10+;
    }
}

api!(ProduceRequest => ProduceResponse, ApiKey::PRODUCE, versions 3 - 13, flexible 9);
