//! Replays the fuzzer's corpus.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::pack::unpack;
use crate::targets::TARGETS;

#[test]
fn the_corpus_is_survived() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    let mut replayed = 0;
    let mut failed = Vec::new();
    for (name, target) in TARGETS {
        let path = corpus.join(name).with_extension("pack");
        let pack = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for (index, input) in unpack(&pack).into_iter().enumerate() {
            replayed += 1;
            if catch_unwind(AssertUnwindSafe(|| target(input))).is_err() {
                failed.push(format!("{name} {index}: {}", input.escape_ascii()));
            }
        }
    }
    assert!(failed.is_empty(), "{} of {replayed} inputs: {failed:#?}", failed.len());
    assert!(replayed > 2000, "only {replayed} inputs");
}
