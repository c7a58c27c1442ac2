//! A Kafka consumer: background fetching, positions, offsets and group membership.
