//! The corpus of record formats: made again by Java, and the other way round, Java reading what we
//! write.

#[path = "../../../protocol/tests/corpus/damage.rs"]
mod damage;
#[path = "../../../protocol/tests/corpus/reading.rs"]
mod reading;
mod shapes;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use damage::{Random, damaged};
use ottla_integration_tests::{Jars, Java, Version};
use reading::{compare, read};
use serde_json::Value;

/// A folder that is removed when the test ends.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("ottla-corpus-{:016x}", fastrand::u64(..)));
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn run_java(program: &str, folder: &Path) {
    // The classes are not a public interface: of other versions they have other places.
    let jars = Jars::get(&Version::default(), &|_| ()).unwrap();
    let source = format!("{}/java/{program}.java", env!("CARGO_MANIFEST_DIR"));
    let output = Java::find().unwrap().tool(&jars).arg(source).arg(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

const FOLDERS: [&str; 2] = ["records", "disputed"];

fn committed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus")
}

/// The files of both folders, each with its folder's name before it.
fn all(corpus: &Path) -> BTreeSet<String> {
    let of = |folder| {
        names(&corpus.join(folder)).into_iter().map(move |name| format!("{folder}/{name}"))
    };
    FOLDERS.into_iter().flat_map(of).collect()
}

fn names(folder: &Path) -> BTreeSet<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    names.map(|name| name.into_string().unwrap()).collect()
}

fn json(file: &Path) -> Value {
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

/// A reading without what the compressor decides.
fn whatever_the_compressor(mut reading: Value) -> Value {
    for field in ["size", "end"] {
        reading.as_object_mut().unwrap().remove(field);
    }
    for batch in reading["batches"].as_array_mut().unwrap() {
        for field in ["position", "size", "crc"] {
            batch.as_object_mut().unwrap().remove(field);
        }
    }
    reading
}

#[test]
fn java_makes_the_corpus_again() {
    let scratch = Scratch::new();
    run_java("WriteCorpus", &scratch.0);
    for folder in FOLDERS {
        run_java("ReadRecords", &scratch.0.join(folder));
    }
    assert_eq!(all(&scratch.0), all(&committed()));
    let mut wrong = Vec::new();
    for name in all(&committed()) {
        let (before, again) = (committed().join(&name), scratch.0.join(&name));
        if fs::read(&before).unwrap() == fs::read(&again).unwrap() {
            continue;
        }
        match name.rsplit_once('.') {
            // Only a compressor may write other bytes; then the reading must be the same, as is
            // checked with the other file.
            Some((name, "bin")) => {
                let reading = fs::read_to_string(committed().join(format!("{name}.json"))).unwrap();
                let codecs = ["gzip", "snappy", "lz4", "zstd"];
                let compressed = |codec: &&str| {
                    name.contains(*codec)
                        || reading.contains(&format!(r#""compression": "{codec}""#))
                };
                if codecs.iter().any(compressed) {
                    eprintln!("{name}: compressed to other bytes than those that are committed");
                } else {
                    wrong.push(format!("{name}.bin"));
                }
            }
            Some((_, "json"))
                if whatever_the_compressor(json(&before))
                    == whatever_the_compressor(json(&again)) => {}
            _ => wrong.push(name),
        }
    }
    assert!(wrong.is_empty(), "not what is committed: {wrong:?}");
}

#[test]
fn java_reads_what_we_write() {
    let scratch = Scratch::new();
    let shapes = shapes::all();
    for shape in &shapes {
        fs::write(scratch.0.join(format!("{}.bin", shape.name)), &shape.bytes).unwrap();
    }
    run_java("ReadRecords", &scratch.0);
    let mut wrong = Vec::new();
    for shape in &shapes {
        let name = &shape.name;
        let java = json(&scratch.0.join(format!("{name}.json")));
        assert!(java["stop"].is_null(), "{name}: {java}");
        wrong.extend(compare(name, &shape.bytes, &java, &read(&shape.bytes)));
        let batches = java["batches"].as_array().unwrap();
        let records = batches.iter().flat_map(|batch| batch["records"].as_array().unwrap());
        let records: Vec<_> = records.map(shapes::Written::of).collect();
        if records != shape.records {
            wrong.push(format!("{name}: wrote {:?}\n Java reads {records:?}", shape.records));
        }
        if batches.iter().any(|batch| batch["compression"] != shape.compression) {
            wrong.push(format!("{name}: it is not compressed with {}", shape.compression));
        }
    }
    assert!(shapes.len() >= 40, "only {}", shapes.len());
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// What we refuse on purpose and Java does not look at, in the words of our errors. The corpus's own
/// test has a file for each, and says why.
const REFUSED: [&str; 10] = [
    "its offset delta",
    "has last offset delta",
    "has base offset -",
    "has offset",
    "does not go with",
    "follow the last record",
    "a variable-length integer that is too long",
    "the content's checksum does not match",
    "it has magic",
    // A reference to nothing, which lz4's C library copies from nowhere.
    "bad lz4 data",
];

/// Not only what the corpus has: what comes of it when some bytes are others, too.
#[test]
fn java_and_we_agree_on_what_is_damaged() {
    let scratch = Scratch::new();
    let mut random = Random::new(11);
    for name in all(&committed()).iter().filter(|name| name.ends_with(".bin")) {
        let whole = fs::read(committed().join(name)).unwrap();
        for index in 0..if whole.is_empty() { 0 } else { 12 } {
            let file = scratch.0.join(format!("{index}-{}", name.replace('/', "-")));
            fs::write(file, damaged(&whole, &mut random)).unwrap();
        }
    }
    run_java("ReadRecords", &scratch.0);
    let (mut both_read, mut both_refused, mut wrong) = (0, 0, Vec::new());
    for name in names(&scratch.0).iter().filter(|name| name.ends_with(".bin")) {
        let file = scratch.0.join(name);
        let (bytes, java) = (fs::read(&file).unwrap(), json(&file.with_extension("json")));
        let ours = read(&bytes);
        let differences = compare(name, &bytes, &java, &ours);
        // What Java cannot read: these formats of lz4, and a message whose length is gigabytes.
        let stop = &java["stop"];
        let only_we = stop["error"] == "OutOfMemoryError"
            || !stop.is_null() && (name.contains("lz4-linked") || name.contains("lz4-two-frames"));
        match &ours.stop {
            _ if differences.is_empty() && stop.is_null() => both_read += 1,
            _ if differences.is_empty() => both_refused += 1,
            Some(stop) if REFUSED.iter().any(|words| stop.error.contains(words)) => {}
            None if only_we => {}
            _ => wrong.extend(differences),
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(both_read > 500 && both_refused > 500, "{both_read} read, {both_refused} refused");
}
