//! The most memory that each message takes for the bytes it came in, pinned.
//!
//! A number in `factors.txt` is the peak of the memory allocated while a frame of 32 KiB is read,
//! in frames: the worst over all versions and all arrays of the message. When a message changes on
//! purpose, `UPDATE_FACTORS=1 cargo test -p ottla-protocol --test hostile` writes the file anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::{env, fs};

use bytes::Bytes;
use ottla_protocol::api::{VisitMessage, each_message};
use ottla_protocol::wire::arbitrary::Arbitrary;
use ottla_protocol::wire::{Reader, Version};

use crate::claims::{self, Around};

/// The frames' lengths. The last is long enough that what is free does not matter, and is pinned.
const LENGTHS: [usize; 3] = [600, 3000, 32 * 1024];

/// What may be allocated before any byte has been paid for.
const FREE: u64 = 64 * 1024;

/// No message may take more than this, however it is pinned.
const CEILING: u64 = 64;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/hostile/factors.txt");

#[derive(Default)]
struct Worst {
    factors: BTreeMap<&'static str, (u64, String)>,
    frames: u32,
}

impl VisitMessage for Worst {
    fn message<M: Arbitrary>(&mut self, v: Version) {
        let message = M::STRUCTURE.expect("a message is a structure");
        for path in claims::arrays(message, v) {
            for around in Around::ALL {
                let fields: Vec<_> = path.iter().map(|field| field.name).collect();
                let place = format!("version {} {} {around:?}", v.number, fields.join("."));
                let mut factor = 0;
                for length in LENGTHS {
                    let body = Bytes::from(claims::body(message, v, &path, around, length));
                    let received = body.len() as u64;
                    let mut r = Reader::new(body);
                    let mut read = None;
                    let used =
                        allocation_counter::measure(|| read = Some(M::decode(&mut r, v, false)));
                    // The frames are what they mean to be.
                    let read = read.unwrap();
                    let lies = around == Around::Lying && path.len() > 1;
                    assert!(lies || read.is_ok(), "{} {place}: {read:?}", message.name);
                    let most = FREE + CEILING * received;
                    assert!(used.bytes_max <= most, "{} {place}: {}", message.name, used.bytes_max);
                    factor = used.bytes_max.div_ceil(received);
                    self.frames += 1;
                }
                let worst = self.factors.entry(message.name).or_default();
                if factor > worst.0 {
                    *worst = (factor, place);
                }
            }
        }
    }
}

#[test]
fn no_message_takes_more_memory_than_it_is_known_to() {
    let mut worst = Worst::default();
    each_message(&mut worst);
    assert!(worst.frames > 1000, "only {} frames", worst.frames);

    if env::var_os("UPDATE_FACTORS").is_some() {
        let mut text = String::new();
        for (name, (factor, place)) in &worst.factors {
            writeln!(text, "{name} {factor} # {place}").unwrap();
        }
        fs::write(FILE, text).unwrap();
    }

    let pinned = fs::read_to_string(FILE).unwrap();
    let mut pinned: BTreeMap<&str, u64> = pinned
        .lines()
        .map(|line| {
            let mut words = line.split(' ');
            (words.next().unwrap(), words.next().unwrap().parse().unwrap())
        })
        .collect();
    let mut wrong = String::new();
    for (name, (factor, place)) in &worst.factors {
        let known = pinned.remove(name).unwrap_or(0);
        // Another compiler may lay a structure out a little differently.
        if *factor > known.max(1) || *factor > CEILING || factor + 1 < known {
            writeln!(wrong, "{name} takes {factor} times its frame, pinned {known}: {place}")
                .unwrap();
        }
    }
    for name in pinned.keys() {
        writeln!(wrong, "{name} is pinned and no message").unwrap();
    }
    assert!(wrong.is_empty(), "see the head of this file's source:\n{wrong}");
}
