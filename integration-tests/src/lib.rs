//! Tests against real Kafka, and the launcher that gets it.
