//! The records of the cases with compression: keys of 16 bytes and values of JSON, as applications might have them.

use std::fmt::Write;
use std::path::{Path, PathBuf};

/// How many there are before they repeat: in a batch of 1 MB of one of twelve partitions none comes twice.
const ENTRIES: u64 = 16_384;

/// Writes them into `folder`, always the same.
pub fn write(folder: &Path, value_size: usize) -> anyhow::Result<PathBuf> {
    let path = folder.join(format!("payload-{value_size}.json"));
    let mut all = Vec::new();
    let mut random = Random(value_size as u64);
    for _ in 0..ENTRIES {
        let user = random.below(50_000);
        all.extend(format!("user-{user:011x}").into_bytes());
        all.extend(value(&mut random, user, value_size).into_bytes());
    }
    std::fs::write(&path, all)?;
    Ok(path)
}

/// An order, with a note that makes it as long as it has to be. The number is filled in by who sends it.
fn value(random: &mut Random, user: u64, size: usize) -> String {
    let mut out = String::from("{\"number\":\"0000000000000000\"");
    let (first, last) = (random.of(&FIRST), random.of(&LAST));
    let _ = write!(
        out,
        ",\"id\":\"{:016x}\",\"type\":\"{}\",\"at\":\"2026-11-21T{:02}:{:02}:{:02}.{:03}Z\",\
         \"user\":{{\"id\":{user},\"name\":\"{first} {last}\",\"mail\":\"{}.{}{}@example.com\",\"country\":\"{}\"}},\
         \"address\":\"10.{}.{}.{}\",\"agent\":\"Mozilla/5.0 ({}) Gecko/20100101 Firefox/{}.0\",\"items\":[",
        random.next(),
        random.of(&["order.created", "order.paid", "order.shipped", "order.cancelled"]),
        random.below(24),
        random.below(60),
        random.below(60),
        random.below(1000),
        first.to_lowercase(),
        last.to_lowercase(),
        random.below(100),
        random.of(&["DE", "FR", "NL", "US", "GB", "JP", "BR", "IN"]),
        random.below(256),
        random.below(256),
        random.below(256),
        random.of(&[
            "X11; Linux x86_64",
            "Windows NT 10.0; Win64; x64",
            "Macintosh; Intel Mac OS X 10.15"
        ]),
        115 + random.below(12),
    );
    for item in 0..2 + random.below(3) {
        let comma = if item == 0 { "" } else { "," };
        let _ = write!(
            out,
            "{comma}{{\"sku\":\"{:08X}\",\"name\":\"{} {}\",\"quantity\":{},\"price\":{}.{:02},\"currency\":\"EUR\"}}",
            random.below(1 << 32),
            random.of(&WORDS),
            random.of(&WORDS),
            1 + random.below(5),
            random.below(500),
            random.below(100),
        );
    }
    out.push_str("],\"note\":\"");
    const END: &str = "\"}";
    assert!(out.len() + END.len() <= size, "values of {size} bytes are too short");
    while out.len() + END.len() < size {
        out.push_str(random.of(&WORDS));
        out.push(' ');
    }
    out.truncate(size - END.len());
    out.push_str(END);
    out
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len() as u64) as usize]
    }
}

const FIRST: [&str; 16] = [
    "Anna", "Ben", "Clara", "David", "Emma", "Felix", "Greta", "Hugo", "Ines", "Jonas", "Klara",
    "Leon", "Marie", "Noah", "Olga", "Paul",
];
const LAST: [&str; 16] = [
    "Albers", "Becker", "Costa", "Dubois", "Evans", "Fischer", "Garcia", "Hansen", "Ito", "Jansen",
    "Kumar", "Lopez", "Meyer", "Novak", "Okafor", "Peters",
];
const WORDS: [&str; 64] = [
    "please",
    "leave",
    "the",
    "parcel",
    "with",
    "neighbour",
    "at",
    "door",
    "ring",
    "twice",
    "and",
    "wait",
    "for",
    "answer",
    "before",
    "going",
    "blue",
    "green",
    "small",
    "large",
    "wooden",
    "steel",
    "garden",
    "chair",
    "table",
    "lamp",
    "kettle",
    "mirror",
    "bottle",
    "carpet",
    "curtain",
    "pillow",
    "window",
    "ladder",
    "hammer",
    "screw",
    "drill",
    "brush",
    "paint",
    "bucket",
    "rope",
    "tape",
    "battery",
    "cable",
    "charger",
    "speaker",
    "camera",
    "printer",
    "paper",
    "pencil",
    "folder",
    "stapler",
    "gift",
    "wrap",
    "birthday",
    "morning",
    "evening",
    "monday",
    "friday",
    "weekend",
    "deliver",
    "between",
    "eight",
    "noon",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_json_of_their_size() {
        let mut random = Random(1);
        for user in 0..1000 {
            let value = value(&mut random, user, 1024);
            assert_eq!(value.len(), 1024);
            let read: serde_json::Value = serde_json::from_str(&value).unwrap();
            assert_eq!(read["user"]["id"], user);
        }
    }
}
