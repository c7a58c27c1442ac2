use measure::{Plan, tuned};
use rdkafka::ClientConfig;

pub fn producer(plan: &Plan) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &plan.bootstrap);
    // Its default is off.
    config.set("enable.idempotence", "true");
    config.set("compression.codec", plan.codec.name());
    if let Some(linger) = plan.linger() {
        config.set("linger.ms", linger.as_millis().to_string());
    }
    if plan.is_tuned() {
        config
            .set("batch.size", tuned::BATCH_BYTES.to_string())
            .set("batch.num.messages", "1000000")
            .set("max.in.flight.requests.per.connection", tuned::IN_FLIGHT.to_string())
            .set("message.max.bytes", tuned::REQUEST_BYTES.to_string())
            .set("queue.buffering.max.messages", "1000000")
            .set("queue.buffering.max.kbytes", (tuned::BUFFER_BYTES >> 10).to_string());
    }
    config
}

pub fn consumer(plan: &Plan) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &plan.bootstrap)
        // It does not read without a name for a group.
        .set("group.id", "bench")
        .set("enable.auto.commit", "false");
    if plan.is_tuned() {
        config
            .set("max.partition.fetch.bytes", tuned::PARTITION_FETCH_BYTES.to_string())
            .set("fetch.max.bytes", tuned::FETCH_BYTES.to_string())
            .set("queued.max.messages.kbytes", (tuned::BUFFER_BYTES >> 10).to_string())
            .set("queued.min.messages", "1000000")
            // Its default of a second lets it idle when the queue is full.
            .set("fetch.queue.backoff.ms", "10");
    }
    config
}

/// All partitions, from their beginning.
pub fn assignment(plan: &Plan, topic: &str) -> anyhow::Result<rdkafka::TopicPartitionList> {
    let mut all = rdkafka::TopicPartitionList::new();
    for partition in 0..plan.partitions {
        all.add_partition_offset(topic, partition, rdkafka::Offset::Beginning)?;
    }
    Ok(all)
}
