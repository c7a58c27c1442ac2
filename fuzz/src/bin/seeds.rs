//! Writes what fuzzing begins with: valid messages, batches and streams, and crafted hostile ones.
//!
//! `SEEDS=FOLDER seeds -runs=0` makes a folder for each target in that folder, with the seeds, which
//! are the same every time, and with what `corpus/` holds. `PACK=FOLDER seeds -runs=0` puts the inputs
//! in such folders into `corpus/`. It is a fuzz target of its own only because everything it uses is
//! built for those.

#![no_main]

use std::path::Path;
use std::{env, fs, io, iter};

use bytes::Bytes;
use ottla_fuzz::pack::unpack;
use ottla_protocol::api::{Request, VisitMessage, each_message};
use ottla_protocol::compression::{Codecs, Compression};
use ottla_protocol::consumer_protocol::{
    self, ConsumerProtocolAssignment, ConsumerProtocolSubscription,
};
use ottla_protocol::records::{
    BatchBuilder, BatchKind, Batches, ChunkPool, ControlKind, ControlRecord, Header, RecordParts,
    SealedBatch, Sequence,
};
use ottla_protocol::wire::Version;
use ottla_protocol::wire::arbitrary::{Arbitrary, Gen};
use ottla_protocol::{encode_request, encode_response};

type Seeds = Vec<(&'static str, String, Vec<u8>)>;

libfuzzer_sys::fuzz_target!(
    init: {
        if let Some(folder) = env::var_os("SEEDS") {
            write(Path::new(&folder)).expect("the folder can be written");
        }
        if let Some(folder) = env::var_os("PACK") {
            pack_all(Path::new(&folder)).expect("the corpus can be written");
        }
    },
    |_data: &[u8]| {}
);

fn write(folder: &Path) -> io::Result<()> {
    let mut seeds = Seeds::new();
    each_message(&mut Messages(&mut seeds));
    consumer_protocols(&mut seeds);
    batches(&mut seeds);
    message_sets(&mut seeds);
    compressed(&mut seeds);
    streams(&mut seeds);
    for (target, name, bytes) in &seeds {
        let folder = folder.join(target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(name), bytes)?;
    }
    println!("{} seeds", seeds.len());
    for pack in fs::read_dir(CORPUS)? {
        let pack = pack?.path();
        let folder = folder.join(pack.file_stem().expect("a file has a name"));
        fs::create_dir_all(&folder)?;
        for (index, input) in unpack(&fs::read(&pack)?).into_iter().enumerate() {
            fs::write(folder.join(format!("corpus-{index}")), input)?;
        }
    }
    Ok(())
}

fn pack_all(folder: &Path) -> io::Result<()> {
    for target in fs::read_dir(folder)? {
        let target = target?.path();
        let files = fs::read_dir(&target)?.collect::<io::Result<Vec<_>>>()?;
        let mut inputs =
            files.iter().map(|file| fs::read(file.path())).collect::<Result<Vec<_>, _>>()?;
        inputs.sort();
        let mut pack = Vec::new();
        for input in &inputs {
            pack.extend(u32::try_from(input.len()).expect("inputs are short").to_be_bytes());
            pack.extend(input);
        }
        let name =
            Path::new(target.file_name().expect("a folder has a name")).with_extension("pack");
        println!("{}: {} inputs, {} bytes", name.display(), inputs.len(), pack.len());
        fs::write(Path::new(CORPUS).join(name), pack)?;
    }
    Ok(())
}

/// Where the packs are, as `run.sh` sees it.
const CORPUS: &str = "corpus";

/// Random messages of each kind for each API and version.
const EACH: u64 = 3;

/// Longer messages teach the fuzzer nothing that shorter ones do not.
const LONGEST: usize = 2048;

struct Messages<'a>(&'a mut Seeds);

impl VisitMessage for Messages<'_> {
    fn api<R>(&mut self, v: Version)
    where
        R: Request + Arbitrary,
        R::Response: Arbitrary,
    {
        let key = u8::try_from(R::KEY.0).expect("keys are small");
        let version = u8::try_from(v.number).expect("versions are small");
        let prefix = [key, version];
        let name = |seed: u64| format!("{}-{version}-{seed}", R::KEY.name());
        let empty = R::Response::default();
        if let Ok(frame) = encode_response::<R>(&empty, v.number, 7) {
            self.0.push(("response", name(EACH), [&prefix, &frame.to_bytes()[4..]].concat()));
        }
        for seed in 0..EACH {
            let response = R::Response::arbitrary(&mut Gen::new(seed), v, false);
            let frame = encode_response::<R>(&response, v.number, 7).expect("a valid message");
            let frame = frame.to_bytes();
            if frame.len() < LONGEST {
                self.0.push(("response", name(seed), [&prefix, &frame[4..]].concat()));
            }
            let request = R::arbitrary(&mut Gen::new(seed), v, false);
            let frame = encode_request(&request, v.number, 7, None).expect("a valid message");
            let frame = frame.to_bytes();
            // Length, key, version, correlation id, client id, and the tags of a flexible header.
            let header = 14 + usize::from(v.flexible);
            if frame.len() < LONGEST {
                self.0.push(("request", name(seed), [&prefix, &frame[header..]].concat()));
            }
            if seed == 0 && frame.len() < 100 {
                self.0.push(("header", name(seed), frame[4..].to_vec()));
            }
        }
    }
}

fn consumer_protocols(seeds: &mut Seeds) {
    fn some<M: Arbitrary>(kind: &str, seeds: &mut Seeds) {
        for number in consumer_protocol::VERSIONS.min..=consumer_protocol::VERSIONS.max {
            let v = Version::new(number, i16::MAX);
            for seed in 0..4 {
                let message = M::arbitrary(&mut Gen::new(seed), v, false);
                let bytes = consumer_protocol::encode(&message, number).expect("a valid message");
                seeds.push(("consumer_protocol", format!("{kind}-{number}-{seed}"), bytes.into()));
            }
        }
    }
    some::<ConsumerProtocolSubscription>("subscription", seeds);
    some::<ConsumerProtocolAssignment>("assignment", seeds);
}

/// A batch of a few records of different shapes.
fn batch(compression: Compression, kind: BatchKind) -> Bytes {
    let mut builder = BatchBuilder::new();
    let pool = ChunkPool::new(0);
    let headers = [Header::new("trace", b"id"), Header { key: "", value: None }];
    let records: [RecordParts<'_>; 4] = [
        RecordParts { key: Some(b"key"), value: Some(b"a value of some length"), headers: &[] },
        RecordParts { key: None, value: Some(b"value"), headers: &headers },
        RecordParts { key: Some(b""), value: None, headers: &headers[..1] },
        RecordParts::default(),
    ];
    for (timestamp, record) in (1_700_000_000_000_i64..).step_by(17).zip(&records) {
        builder.append(timestamp, record, &pool).expect("a new batch takes few records");
    }
    let codecs = Codecs::default();
    let codec = codecs.get(compression).expect("all codecs are there");
    let sealed = SealedBatch::compress(builder.seal(), codec, None).expect("it can be compressed");
    let sequence = Sequence { producer_id: 5, producer_epoch: 1, base_sequence: 3 };
    sealed.freeze(sequence, kind).into_bytes()
}

fn batches(seeds: &mut Seeds) {
    let mut all = Vec::new();
    for compression in Compression::ALL {
        let bytes = batch(compression, BatchKind::Plain);
        seeds.push(("records", compression.to_string(), bytes.to_vec()));
        all.extend_from_slice(&bytes);
    }
    seeds.push(("records", "all".into(), all.clone()));
    seeds.push(("records", "cut".into(), all[..all.len() - 9].to_vec()));
    let transactional = batch(Compression::None, BatchKind::Transactional);
    seeds.push(("records", "transactional".into(), transactional.to_vec()));
    for (name, kind) in [("abort", ControlKind::Abort), ("commit", ControlKind::Commit)] {
        let record = ControlRecord { kind, coordinator_epoch: Some(3) };
        seeds.push(("records", name.into(), record.to_batch(5, 1, 1_700_000_000_000).into()));
    }
    let plain = Batches::new(batch(Compression::None, BatchKind::Plain)).next();
    let plain = plain.expect("one batch").expect("a valid batch");
    let stamped = plain.with_append_time(1 << 40, 9, 1_800_000_000_000);
    seeds.push(("records", "stamped".into(), stamped.to_vec()));
    // A count that the bytes do not pay for.
    let mut lying = plain.bytes().to_vec();
    lying[57..61].copy_from_slice(&i32::MAX.to_be_bytes());
    lying[23..27].copy_from_slice(&(i32::MAX - 1).to_be_bytes());
    seeds.push(("records", "lying-count".into(), lying));
}

/// One message of magic 0 or 1.
fn message(magic: u8, attributes: u8, offset: i64, value: &[u8]) -> Vec<u8> {
    let mut body = vec![magic, attributes];
    if magic == 1 {
        body.extend(1_700_000_000_000_i64.to_be_bytes());
    }
    body.extend((-1_i32).to_be_bytes());
    body.extend(i32::try_from(value.len()).expect("short").to_be_bytes());
    body.extend(value);
    let mut message = offset.to_be_bytes().to_vec();
    message.extend(i32::try_from(body.len() + 4).expect("short").to_be_bytes());
    message.extend(crc32(&body).to_be_bytes());
    message.extend(body);
    message
}

/// The checksum of message sets, the one of zip.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            if crc & 1 == 0 { crc >> 1 } else { (crc >> 1) ^ 0xedb8_8320 }
        })
    })
}

fn message_sets(seeds: &mut Seeds) {
    let codecs = Codecs::default();
    for magic in [0, 1] {
        let plain = [message(magic, 0, 5, b"one"), message(magic, 0, 6, b"two")].concat();
        seeds.push(("message_set", format!("plain-{magic}"), plain.clone()));
        for compression in [Compression::Gzip, Compression::Snappy, Compression::Lz4] {
            // Offsets inside are relative from magic 1 on.
            let first = if magic == 0 { 5 } else { 0 };
            let inner = [message(magic, 0, first, b"one"), message(magic, 0, first + 1, b"two")];
            let mut packed = Vec::new();
            let codec = codecs.get(compression).expect("all codecs are there");
            codec.compress(&[&inner.concat()], None, &mut packed).expect("it can be compressed");
            let attributes = u8::try_from(compression.id()).expect("small");
            let wrapper = message(magic, attributes, 6, &packed);
            seeds.push(("message_set", format!("{compression}-{magic}"), wrapper.clone()));
            let nested = message(magic, attributes, 6, &{
                let mut twice = Vec::new();
                codec.compress(&[&wrapper], None, &mut twice).expect("it can be compressed");
                twice
            });
            seeds.push(("message_set", format!("nested-{compression}-{magic}"), nested));
        }
    }
}

fn compressed(seeds: &mut Seeds) {
    let text = b"{\"user\":17,\"event\":\"click\",\"page\":\"/home\"}\n".repeat(12);
    let noise = Gen::new(1).bytes(300);
    let payloads: [(&str, Vec<u8>); 5] = [
        ("empty", Vec::new()),
        ("text", text),
        ("noise", noise),
        ("zeros", vec![0; 100_000]),
        ("bomb", vec![0; 4 << 20]),
    ];
    let codecs = Codecs::default();
    for compression in Compression::ALL.into_iter().skip(1) {
        let codec = codecs.get(compression).expect("all codecs are there");
        for (name, payload) in &payloads {
            for level in iter::once(None).chain(codec.levels().map(|levels| Some(*levels.end()))) {
                let mut packed = Vec::new();
                codec.compress(&[payload], level, &mut packed).expect("it can be compressed");
                // Bombs of several pieces are cut: what is there inflates to more than the limit.
                packed.truncate(16 * 1024);
                let level = level.map_or(String::new(), |level| format!("-{level}"));
                if *name == "text" {
                    seeds.push((compression.name(), format!("twice{level}"), packed.repeat(2)));
                }
                seeds.push((compression.name(), format!("{name}{level}"), packed));
            }
        }
    }
    // Without a frame of Java's: a length of 300, ten literals, then copies of them.
    let mut raw = vec![0xac, 0x02, 9 << 2];
    raw.extend(b"0123456789");
    raw.extend([((64 - 1) << 2) | 2, 10, 0].repeat(4));
    raw.extend([((34 - 1) << 2) | 2, 10, 0]);
    seeds.push(("snappy", "raw".into(), raw));
    // A raw length of nearly four gibibytes.
    seeds.push(("snappy", "lying-raw".into(), vec![0xff, 0xff, 0xff, 0xff, 0x0f, 0, 1]));
    // zstd: a window of 3.75 TiB and a run of 128 KiB.
    let mut window = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xff];
    window.extend([0x03, 0x00, 0x10, 0x00]);
    seeds.push(("zstd", "huge-window".into(), window));
    // zstd: a content of 2^64-1 bytes in one segment.
    let mut content = vec![0x28, 0xb5, 0x2f, 0xfd, 0xe0];
    content.extend([0xff; 8]);
    content.extend([0x03, 0x00, 0x10, 0x00]);
    seeds.push(("zstd", "huge-content".into(), content));
}

fn streams(seeds: &mut Seeds) {
    let frame = |length: usize| {
        let mut frame = u32::try_from(length).expect("short").to_be_bytes().to_vec();
        frame.extend((0..=250).cycle().take(length));
        frame
    };
    let few = [frame(4), frame(10), frame(300)].concat();
    seeds.push(("frame", "few".into(), [&[20, 5], &few[..]].concat()));
    seeds.push(("frame", "cut".into(), [&[20, 200], &few[..few.len() - 7]].concat()));
    let large = [frame(20_000), frame(5)].concat();
    seeds.push(("frame", "large".into(), [&[20, 255], &large[..]].concat()));
    for length in [-1, 0, 3, i32::MIN, i32::MAX, 1 << 30] {
        let lying = [&[30, 3], &length.to_be_bytes()[..], &[0; 40]].concat();
        seeds.push(("frame", format!("length-{length}"), lying));
    }
}
