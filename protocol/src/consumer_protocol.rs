//! What the members of a classic consumer group tell each other inside `JoinGroup` and
//! `SyncGroup`, which the broker passes on unread: subscriptions and assignments.

use bytes::Bytes;

use crate::{
    message::message,
    wire::{
        Decode, DecodeError, DecodeErrorKind, Encode, EncodeError, Reader, Version, VersionRange,
        Writer,
    },
};

message! {
    /// What a member tells the leader: the topics it wants, and what it owns.
    shared ConsumerProtocolSubscription {
        /// The topics the member wants, sorted.
        topics: Vec<String>, 0+;
        /// Whatever the assignor wants to pass on.
        user_data: Option<Bytes>, 0+, nullable 0+;
        /// The partitions the member owns (KIP-429).
        owned_partitions: Vec<ConsumerProtocolTopicPartitions>, 1+, ignorable;
        /// The generation in which it came to own them (KIP-792).
        generation_id: i32, 2+, default -1, ignorable;
        /// The rack the member runs in (KIP-881).
        rack_id: Option<String>, 3+, nullable 3+, ignorable;
    }

    /// What the leader gives a member.
    shared ConsumerProtocolAssignment {
        /// The partitions the member is to read.
        assigned_partitions: Vec<ConsumerProtocolTopicPartitions>, 0+;
        /// Whatever the assignor wants to pass on.
        user_data: Option<Bytes>, 0+, nullable 0+;
    }

    /// Partitions of one topic.
    shared ConsumerProtocolTopicPartitions {
        /// The topic's name.
        topic: String, 0+;
        /// The partitions' numbers.
        partitions: Vec<i32>, 0+;
    }
}

/// The versions of both messages.
pub const VERSIONS: VersionRange = VersionRange::new(0, 3);

/// Writes a subscription or an assignment, its version in front.
///
/// # Errors
/// When the version is not one of [`VERSIONS`] or something is too long for it.
pub fn encode<T: Encode>(message: &T, version: i16) -> Result<Bytes, EncodeError> {
    if !VERSIONS.contains(version) {
        let kind = crate::wire::EncodeErrorKind::UnsupportedVersion { version };
        return Err(EncodeError::new(kind).within("ConsumerProtocol", "version"));
    }
    let mut w = Writer::new();
    w.put(&version.to_be_bytes());
    message.encode(&mut w, Version::new(version, i16::MAX), false)?;
    Ok(w.into_bytes())
}

/// Reads a subscription or an assignment. A version newer than ours is read as our newest, what
/// follows being left unread: newer versions only add at the end.
///
/// # Errors
/// When the bytes are not such a message.
pub fn decode<T: Decode>(bytes: &Bytes) -> Result<T, DecodeError> {
    let mut r = Reader::new(bytes.clone());
    let version = r.array().map(i16::from_be_bytes)?;
    if version < VERSIONS.min {
        let kind = DecodeErrorKind::UnsupportedVersion { version };
        return Err(DecodeError::new(kind).within("ConsumerProtocol", "version"));
    }
    T::decode(&mut r, Version::new(version.min(VERSIONS.max), i16::MAX), false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::arbitrary::{Arbitrary, Gen};

    fn survives<T: Arbitrary>() {
        for version in VERSIONS.min..=VERSIONS.max {
            for seed in 0..20 {
                let v = Version::new(version, i16::MAX);
                let message = T::arbitrary(&mut Gen::new(seed), v, false);
                let bytes = encode(&message, version).unwrap();
                assert_eq!(bytes[..2], version.to_be_bytes());
                assert_eq!(decode::<T>(&bytes).unwrap(), message);
                for end in 0..bytes.len() {
                    assert!(decode::<T>(&bytes.slice(..end)).is_err(), "cut at {end}");
                }
            }
        }
    }

    #[test]
    fn subscriptions_and_assignments_survive() {
        survives::<ConsumerProtocolSubscription>();
        survives::<ConsumerProtocolAssignment>();
    }

    #[test]
    fn what_a_newer_version_adds_is_left_unread() {
        let message = ConsumerProtocolAssignment { user_data: None, ..Default::default() };
        let mut bytes = encode(&message, 3).unwrap().to_vec();
        bytes[1] = 9;
        bytes.extend([1, 2, 3]);
        assert_eq!(decode::<ConsumerProtocolAssignment>(&bytes.into()).unwrap(), message);
    }

    #[test]
    fn versions_below_zero_or_above_ours_are_refused() {
        let message = ConsumerProtocolAssignment::default();
        assert!(encode(&message, -1).is_err() && encode(&message, 4).is_err());
        let negative = Bytes::from_static(&[0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert!(decode::<ConsumerProtocolAssignment>(&negative).is_err());
    }
}
