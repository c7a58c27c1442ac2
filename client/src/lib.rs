//! Connections to a Kafka cluster, its metadata, routing and retries.
