//! An in-process Kafka broker with real groups and fault injection, for tests and demonstrations.
