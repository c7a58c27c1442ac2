//! A Kafka client in pure Rust: producer, consumer groups and an async processor, without a C compiler.
