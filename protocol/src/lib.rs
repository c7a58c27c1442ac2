//! Kafka's wire format: messages, record batches and compression, without I/O.
