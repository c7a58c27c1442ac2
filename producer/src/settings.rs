#![doc = include_str!("settings.md")]

#[cfg(test)]
mod tests {
    use crate::{ProducerConfig, TopicSettings};

    const TABLE: &str = include_str!("settings.md");

    /// The names of a structure's fields.
    fn fields(settings: &impl std::fmt::Debug) -> Vec<String> {
        let shown = format!("{settings:#?}");
        let own = shown.lines().filter_map(|line| line.strip_prefix("    "));
        let own = own.filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()));
        own.filter_map(|line| line.split_once(": ")).map(|(name, _)| name.to_owned()).collect()
    }

    #[test]
    fn every_setting_of_ours_is_in_the_table() {
        let (producer, topic) =
            (fields(&ProducerConfig::default()), fields(&TopicSettings::default()));
        assert!(producer.len() > 15 && topic.len() > 4, "{producer:?} {topic:?}");
        for name in producer.into_iter().chain(topic) {
            let listed = [format!("`B::{name}`"), format!("`{name}`")];
            assert!(listed.iter().any(|listed| TABLE.contains(listed)), "`{name}` is missing");
        }
    }

    /// Those of a producer and those that every client has.
    #[test]
    fn every_setting_of_others_is_in_the_table() {
        let kafka_sharp = "RequiredAcks ErrorStrategy MaxRetry MessageTtl RequestTimeoutMs \
            ClientRequestTimeoutMs MaxPostponedMessages CompressionCodec MaximumConcurrency \
            ProduceBatchSize ProduceBufferingTime MaxBufferedMessages OverflowStrategy \
            PartitionSelectionConfig NumberOfMessagesBeforeRoundRobin TemporaryIgnorePartitionTime \
            MinInSyncReplicas SerializationConfig SerializeOnProduce Seeds ClientId \
            MaxSuccessiveNodeErrors MinimumTimeBetweenRefreshMetadata RefreshMetadataInterval \
            MaxInFlightRequests BatchStrategy SendBufferSize ReceiveBufferSize TaskScheduler \
            SeedsGetter Compatibility MaxMessagePoolChunkSize MaxPooledMessages \
            RetryIfNotEnoughReplicasAfterAppend";
        let java = "bootstrap.servers client.dns.lookup metadata.max.age.ms metadata.max.idle.ms \
            batch.size partitioner.adaptive.partitioning.enable partitioner.availability.timeout.ms \
            partitioner.ignore.keys acks linger.ms delivery.timeout.ms client.id send.buffer.bytes \
            receive.buffer.bytes max.request.size reconnect.backoff.ms reconnect.backoff.max.ms \
            retries retry.backoff.ms retry.backoff.max.ms max.block.ms buffer.memory \
            metadata.recovery.strategy metadata.recovery.rebootstrap.trigger.ms compression.type \
            compression.gzip.level compression.lz4.level compression.zstd.level metric.reporters \
            enable.metrics.push max.in.flight.requests.per.connection key.serializer \
            value.serializer socket.connection.setup.timeout.ms \
            socket.connection.setup.timeout.max.ms connections.max.idle.ms partitioner.class \
            request.timeout.ms interceptor.classes enable.idempotence transaction.timeout.ms \
            transactional.id transaction.two.phase.commit.enable security.protocol ssl.* sasl.*";
        let librdkafka = "request.required.acks message.timeout.ms queuing.strategy \
            produce.offset.report partitioner partitioner_cb msg_order_cmp compression.codec \
            compression.level enable.gapless.guarantee queue.buffering.max.messages \
            queue.buffering.max.kbytes queue.buffering.max.ms message.send.max.retries \
            queue.buffering.backpressure.threshold batch.num.messages delivery.report.only.error \
            dr_cb dr_msg_cb sticky.partitioning.linger.ms message.max.bytes message.copy.max.bytes \
            max.in.flight socket.timeout.ms socket.send.buffer.bytes socket.receive.buffer.bytes \
            statistics.interval.ms throttle_cb stats_cb topic.metadata.refresh.interval.ms \
            topic.metadata.propagation.max.ms receive.message.max.bytes allow.auto.create.topics";
        for name in [kafka_sharp, java, librdkafka].into_iter().flat_map(str::split_whitespace) {
            assert!(TABLE.contains(&format!("`{name}`")), "`{name}` is missing");
        }
    }
}
