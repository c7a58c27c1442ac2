//! Brokers that lie: whatever one answers, nothing panics, hangs or spins, memory stays bounded,
//! and the truth is believed as soon as it is told again.
//!
//! Each test is one lie, told to a client with a producer and a member of a group for 20 seconds of
//! paused time; see `trial.rs` for what is demanded.
#![cfg(all(feature = "producer", feature = "consumer-group"))]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::print_stdout, reason = "what a test prints is shown if it fails")]
#![allow(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "a test")]

/// One test for each lie; what becomes of the broker afterwards stands in front of them.
macro_rules! lies {
    ($after:expr; $($(#[$doc:meta])* $name:ident: $lie:expr;)+) => {$(
        $(#[$doc])*
        #[test]
        fn $name() {
            crate::trial::Trial::new(stringify!($name), $after, $lie).run();
        }
    )+};
}

mod connections;
mod fetching;
mod groups;
mod liar;
mod metadata;
mod producing;
mod trial;
mod versions;
