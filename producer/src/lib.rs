//! A batching Kafka producer that says what happened to every record.
