//! What members of a group send each other through the broker.

use std::fmt::Debug;

use bytes::Bytes;
use ottla_protocol::consumer_protocol::{
    self, ConsumerProtocolAssignment, ConsumerProtocolSubscription, VERSIONS,
};
use ottla_protocol::wire::{Decode, Encode};

use super::memory;

/// Subscriptions and assignments, each with its version in front.
pub fn consumer_protocol(data: &[u8]) -> bool {
    let bytes = Bytes::copy_from_slice(data);
    blob::<ConsumerProtocolSubscription>(&bytes);
    blob::<ConsumerProtocolAssignment>(&bytes);
    true
}

fn blob<M: Encode + Decode + PartialEq + Debug>(bytes: &Bytes) {
    let read = || consumer_protocol::decode::<M>(bytes);
    let Ok(message) = memory::of_message(bytes.len(), read) else { return };
    // A newer version is read as our newest.
    let version = bytes.first_chunk().map_or(0, |first| i16::from_be_bytes(*first));
    let written = consumer_protocol::encode(&message, version.min(VERSIONS.max))
        .expect("what was read can be written");
    let again = consumer_protocol::decode::<M>(&written).expect("what was written can be read");
    assert_eq!(again, message);
}
