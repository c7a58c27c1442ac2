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

/// What we read in the files where Java's reading is not the only one that can be defended.
const DISPUTED: [(&str, Ours); 14] = [
    // Java does not look. It would be lost or read wrong without a word; Kafka's brokers refuse
    // these when they are produced, so that none is in a log.
    ("bad-record-offset-back", Ours::Refused),
    ("bad-record-offset-beyond", Ours::Refused),
    ("bad-record-offset-twice", Ours::Refused),
    ("bad-v0-offsets-back", Ours::Refused),
    ("bad-v0-offset-beyond", Ours::Refused),
    ("bad-v1-inner-magic", Ours::Refused),
    ("bad-v2-count-none", Ours::Refused),
    ("bad-v2-last-delta", Ours::Refused),
    // Bits beyond a number's type: no writer sets them, and Java drops them.
    ("bad-record-varint-bits", Ours::Refused),
    ("bad-record-varlong-bits", Ours::Refused),
    // A checksum that Java does not compare: what is wrong there is wrong.
    ("bad-lz4-content-checksum", Ours::Refused),
    // What other clients write and Java refuses, though the format has it.
    ("v2-lz4-linked", Ours::Read(20)),
    ("v2-lz4-two-frames", Ours::Read(20)),
    ("v1-lz4-linked", Ours::Read(20)),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ours {
    Refused,
    /// So many records.
    Read(usize),
}

const FOLDERS: [&str; 2] = ["records", "disputed"];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus").join(name)
}

fn files_of(name: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder(name))
        .expect("the corpus")
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "bin"))
        .collect();
    files.sort();
    files
}

/// Of both folders.
fn files() -> Vec<PathBuf> {
    FOLDERS.iter().flat_map(|folder| files_of(folder)).collect()
}

fn name(file: &Path) -> &str {
    file.file_stem().unwrap().to_str().unwrap()
}

/// What Java reads in a file, and what we read.
fn both(file: &Path) -> (Value, reading::Reading, Vec<u8>) {
    let bytes = fs::read(file).unwrap();
    let java = serde_json::from_slice(&fs::read(file.with_extension("json")).unwrap()).unwrap();
    let ours = read(&bytes);
    (java, ours, bytes)
}

#[test]
fn every_file_is_read_as_java_reads_it() {
    let files = files_of("records");
    assert!(files.len() >= 200, "only {} files", files.len());
    let mut wrong = Vec::new();
    for file in files {
        let (java, ours, bytes) = both(&file);
        wrong.extend(compare(name(&file), &bytes, &java, &ours));
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_disputed_file_is_read_as_we_mean_to() {
    let files = files_of("disputed");
    let names: BTreeSet<_> = files.iter().map(|file| name(file)).collect();
    assert_eq!(names, DISPUTED.iter().map(|(name, _)| *name).collect());
    for file in &files {
        let (java, ours, bytes) = both(file);
        let name = name(file);
        let differs = !compare(name, &bytes, &java, &ours).is_empty();
        assert!(differs, "{name} is read as Java reads it: nothing is disputed");
        let count = ours.batches.iter().map(|batch| batch["records"].as_array().unwrap().len());
        let read = Ours::Read(count.sum());
        let ours = ours.stop.map_or(read, |_| Ours::Refused);
        assert!(DISPUTED.contains(&(name, ours)), "{name}: {ours:?}");
    }
}

#[test]
fn every_file_is_in_the_index_of_its_folder() {
    let mut size = 0;
    for of in FOLDERS {
        let index = fs::read_to_string(folder(of).join("INDEX.md")).unwrap();
        let listed: BTreeSet<_> = index
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
            .map(|(name, _)| name.to_owned())
            .collect();
        let there: BTreeSet<_> = files_of(of).iter().map(|file| name(file).to_owned()).collect();
        assert_eq!(listed, there);
        for entry in fs::read_dir(folder(of)).unwrap() {
            let path = entry.unwrap().path();
            size += path.metadata().unwrap().len();
            let known = match path.extension().unwrap().to_str().unwrap() {
                "json" => there.contains(name(&path)),
                extension => extension == "bin" || path.ends_with("INDEX.md"),
            };
            assert!(known, "{} belongs to nothing", path.display());
        }
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
