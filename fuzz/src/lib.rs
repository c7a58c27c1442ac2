//! What hostile bytes do to ottla.
//!
//! [`targets`] holds what is run: one function per target, which must not panic and must stay
//! within its memory, whatever the bytes. libFuzzer drives them (`fuzz/run.sh`), and so do the
//! tests of the crates, which include the same files and replay `fuzz/corpus/`.

mod connection;
pub mod pack;
pub mod targets;

mod error {
    pub(crate) use ottla_client::MalformedResponse;
}

pub use connection::frame;

/// Tells libFuzzer whether an input is worth keeping.
#[must_use]
pub fn judge(worth: bool) -> libfuzzer_sys::Corpus {
    if worth { libfuzzer_sys::Corpus::Keep } else { libfuzzer_sys::Corpus::Reject }
}
