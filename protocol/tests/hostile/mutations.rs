//! Damaged messages: valid ones with a few bytes changed, over every API and version.

use bytes::Bytes;
use ottla_protocol::api::{VisitMessage, each_message};
use ottla_protocol::wire::arbitrary::{Arbitrary, Gen};
use ottla_protocol::wire::{Reader, Version, Writer};

use crate::claims::put_uvarint;

/// What may be allocated before any byte has been paid for, and how much for each byte.
const FREE: u64 = 64 * 1024;
const FACTOR: u64 = 64;

/// Damaged frames for each message and version.
const EACH: u64 = 24;

#[derive(Default)]
struct Damage {
    refused: u32,
    read: u32,
}

impl VisitMessage for Damage {
    fn message<M: Arbitrary>(&mut self, v: Version) {
        for seed in 0..EACH {
            let g = &mut Gen::new(seed);
            let mut w = Writer::new();
            M::arbitrary(g, v, false).encode(&mut w, v, false).expect("a valid message");
            let mut frame = w.into_bytes().to_vec();
            for _ in 0..=g.below(3) {
                damage(&mut frame, g);
            }
            let frame = Bytes::from(frame);
            let most = FREE + FACTOR * frame.len() as u64;
            let mut r = Reader::new(frame.clone());
            let mut read = None;
            let used = allocation_counter::measure(|| {
                read = Some(M::decode(&mut r, v, false).is_ok() && r.remaining() == 0);
            });
            assert!(
                used.bytes_max <= most,
                "{} bytes for {} of version {}, seed {seed}",
                used.bytes_max,
                frame.len(),
                v.number
            );
            *(if read.unwrap() { &mut self.read } else { &mut self.refused }) += 1;
        }
    }
}

/// Changes a frame in one of the ways that have hurt readers of Kafka's protocol.
fn damage(frame: &mut Vec<u8>, g: &mut Gen) {
    if frame.is_empty() {
        return frame.push(0xff);
    }
    let at = g.below(frame.len());
    match g.below(7) {
        0 => frame[at] ^= 1 << g.below(8),
        1 => frame.truncate(at),
        2 => {
            let lengths = [i32::MAX, i32::MIN, -1, -2, 0x0100_0000, 0x7fff];
            put(frame, at, &lengths[g.below(6)].to_be_bytes());
        }
        3 => put(frame, at, &[[0x7f, 0xff], [0x80, 0], [0xff, 0xff]][g.below(3)]),
        4 => {
            let mut length = Vec::new();
            put_uvarint(&mut length, [u32::MAX, 1 << 31, 1 << 20, 0][g.below(4)]);
            put(frame, at, &length);
        }
        // A count that the bytes behind it could pay for.
        5 => {
            let rest = frame.len() - at;
            put(frame, at, &u32::try_from(rest).unwrap().to_be_bytes());
        }
        _ => {
            let length = 1 + g.below(40);
            let inserted = g.bytes(length);
            frame.splice(at..at, inserted);
        }
    }
}

fn put(frame: &mut [u8], at: usize, bytes: &[u8]) {
    for (place, byte) in frame[at..].iter_mut().zip(bytes) {
        *place = *byte;
    }
}

#[test]
fn damaged_messages_end_in_a_value_or_an_error_within_their_memory() {
    let mut damage = Damage::default();
    each_message(&mut damage);
    // Both happen, or the damage is not what it should be.
    assert!(damage.refused > 1000 && damage.read > 1000, "{} {}", damage.refused, damage.read);
}
