//! What cuts a connection's bytes into frames, fed with what the fuzzer found.
//!
//! The reader is no part of the client's interface: its file is included here, as in the fuzzer's
//! crate, with the one name that it looks for.
#![allow(missing_docs, unreachable_pub, dead_code, clippy::unwrap_used, clippy::expect_used)]
#![allow(clippy::panic, clippy::indexing_slicing, reason = "tests may panic")]

#[path = "../../fuzz/src/connection/mod.rs"]
mod connection;
#[path = "../../fuzz/src/pack.rs"]
mod pack;

mod error {
    pub(crate) use ottla_client::MalformedResponse;
}

#[test]
fn streams_of_any_bytes_in_any_pieces_are_cut_alike_within_their_memory() {
    let pack = include_bytes!("../../fuzz/corpus/frame.pack");
    let inputs = pack::unpack(pack);
    assert!(inputs.len() > 5);
    for input in inputs {
        connection::frame(input);
    }
    // Streams of frames of all lengths about where the reader changes buffers, cut anywhere.
    let mut seed = 1_u64;
    let mut number = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) % below
    };
    for _ in 0..300 {
        let mut input = vec![20, u8::try_from(number(256)).unwrap()];
        for _ in 0..number(6) {
            let length = match number(3) {
                0 => 4 + number(40),
                1 => 16_370 + number(30),
                _ => 4 + number(60_000),
            };
            input.extend(u32::try_from(length).unwrap().to_be_bytes());
            input.resize(input.len() + usize::try_from(length).unwrap(), 7);
        }
        let cut = usize::try_from(number(5)).unwrap();
        input.truncate(input.len().saturating_sub(cut).max(2));
        connection::frame(&input);
    }
}

#[test]
fn a_length_is_judged_before_anything_is_reserved() {
    for length in [i32::MIN, -1, 0, 3, (1 << 20) + 1, i32::MAX] {
        let input = [&[20, 255][..], &length.to_be_bytes(), &[0; 100]].concat();
        connection::frame(&input);
    }
}
