//! Reads every file of the corpus of record formats and compares with what Java reads there.
#![cfg(all(feature = "gzip", feature = "snappy", feature = "lz4", feature = "zstd"))]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails; so do its functions"
)]

mod damage;
mod reading;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use damage::{Random, damaged};
use reading::{compare, read};
use serde_json::Value;

/// Where we differ from Java on purpose, and why.
const DIFFERENCES: [(&str, Difference); 14] = [
    // What would be lost or read wrong without a word. Kafka's brokers refuse these when they are
    // produced, so that none is in a log.
    ("bad-record-offset-back", Difference::Refused),
    ("bad-record-offset-beyond", Difference::Refused),
    ("bad-record-offset-twice", Difference::Refused),
    ("bad-v0-offsets-back", Difference::Refused),
    ("bad-v0-offset-beyond", Difference::Refused),
    ("bad-v1-inner-magic", Difference::Refused),
    ("bad-v2-count-none", Difference::Refused),
    ("bad-v2-last-delta", Difference::Refused),
    // Bits beyond a number's type: no writer sets them, and Java drops them.
    ("bad-record-varint-bits", Difference::Refused),
    ("bad-record-varlong-bits", Difference::Refused),
    // A checksum that Java does not compare: what is wrong there is wrong.
    ("bad-lz4-content-checksum", Difference::Refused),
    // What other clients write and Java refuses, though the format has it.
    ("v2-lz4-linked", Difference::Read(20)),
    ("v2-lz4-two-frames", Difference::Read(20)),
    ("v1-lz4-linked", Difference::Read(20)),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Difference {
    /// Java reads it.
    Refused,
    /// Java refuses it; so many records are in it.
    Read(usize),
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/records")
}

fn files() -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder())
        .expect("the corpus")
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "bin"))
        .collect();
    files.sort();
    files
}

fn name(file: &Path) -> &str {
    file.file_stem().unwrap().to_str().unwrap()
}

#[test]
fn every_file_is_read_as_java_reads_it() {
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for file in files() {
        let name = name(&file);
        let bytes = fs::read(&file).unwrap();
        let java: Value =
            serde_json::from_slice(&fs::read(file.with_extension("json")).unwrap()).unwrap();
        let ours = read(&bytes);
        let differs = compare(name, &bytes, &java, &ours);
        let difference = DIFFERENCES.iter().find(|(of, _)| *of == name);
        if let Some((_, difference)) = difference {
            let count = ours.batches.iter().map(|batch| batch["records"].as_array().unwrap().len());
            let count = count.sum::<usize>();
            let ours = match ours.stop {
                Some(_) => Difference::Refused,
                None => Difference::Read(count),
            };
            let differs = !differs.is_empty();
            assert!(differs, "{name} is no difference any more");
            assert_eq!(ours, *difference, "{name}");
        } else {
            wrong.extend(differs);
        }
        seen.insert(name.to_owned());
    }
    assert!(seen.len() >= 200, "only {} files", seen.len());
    for (name, _) in DIFFERENCES {
        assert!(seen.contains(name), "there is no {name}");
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_file_is_in_the_index() {
    let index = fs::read_to_string(folder().join("INDEX.md")).unwrap();
    let listed: BTreeSet<_> = index
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(name, _)| name.to_owned())
        .collect();
    let there: BTreeSet<_> = files().iter().map(|file| name(file).to_owned()).collect();
    assert_eq!(listed, there);
    let mut size = 0;
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        size += path.metadata().unwrap().len();
        let known = match path.extension().unwrap().to_str().unwrap() {
            "json" => there.contains(name(&path)),
            extension => extension == "bin" || path.ends_with("INDEX.md"),
        };
        assert!(known, "{} belongs to nothing", path.display());
    }
    assert!(size < 1 << 20, "{size} bytes: too many to carry along");
}

/// Every file cut at every byte: an error or an end, and what is read before it is the same.
#[test]
fn no_cut_changes_what_is_before_it() {
    for file in files() {
        let bytes = fs::read(&file).unwrap();
        let whole = read(&bytes);
        let step = bytes.len() / 400 + 1;
        for cut in (0..bytes.len()).step_by(step) {
            let part = read(&bytes[..cut]);
            let fine = part.batches.len();
            assert_eq!(part.batches[..], whole.batches[..fine], "{}, cut at {cut}", name(&file));
        }
    }
}

/// Every file with some bytes changed and its checksums made right again, so that what lies behind
/// them is reached: an error or an end, but no panic and nothing that is not there.
#[test]
fn no_damage_is_too_much() {
    let mut random = Random::new(7);
    let (mut read_whole, mut refused) = (0, 0);
    for file in files() {
        let whole = fs::read(&file).unwrap();
        for _ in 0..if whole.is_empty() { 0 } else { 60 } {
            match read(&damaged(&whole, &mut random)).stop {
                None => read_whole += 1,
                Some(_) => refused += 1,
            }
        }
    }
    // Else the changes would not reach what they are to reach.
    assert!(read_whole > 1_000 && refused > 1_000, "{read_whole} read, {refused} refused");
}
