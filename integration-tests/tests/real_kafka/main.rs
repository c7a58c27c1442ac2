//! Tests against real Kafka: built only with the feature `real-kafka`, one program for all, so
//! that they can share a cluster.

mod java;
mod launcher;
