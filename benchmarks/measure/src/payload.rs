use std::path::Path;

use anyhow::ensure;

/// What goes into one record.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    pub key: Option<&'a [u8]>,
    pub value: &'a [u8],
}

/// The records to produce: each value has its number in it, from zero on.
///
/// Without a file values are one letter again and again, behind the number in eight bytes, and there are no keys.
/// With a file they are what is in it, in turns: a key of 16 bytes and a value of JSON, which begins with the number in
/// hexadecimal digits.
#[derive(Debug)]
pub struct Payload {
    entries: Vec<u8>,
    key_size: usize,
    value_size: usize,
    next: u64,
    count: u64,
}

/// Where the digits are in a value of JSON.
const DIGITS: std::ops::Range<usize> = 11..27;
const JSON_KEY: usize = 16;

impl Payload {
    pub fn new(count: u64, value_size: usize) -> Self {
        Self { entries: vec![b'v'; value_size], key_size: 0, value_size, next: 0, count }
    }

    pub fn json(count: u64, value_size: usize, file: &Path) -> anyhow::Result<Self> {
        let entries = std::fs::read(file)?;
        let whole = entries.len() % (JSON_KEY + value_size) == 0 && !entries.is_empty();
        ensure!(
            whole && entries[JSON_KEY..].starts_with(b"{\"number\":\""),
            "another file was expected"
        );
        Ok(Self { entries, key_size: JSON_KEY, value_size, next: 0, count })
    }

    /// The next record, until there were as many as planned.
    #[inline]
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot lend")]
    pub fn next(&mut self) -> Option<Item<'_>> {
        if self.next == self.count {
            return None;
        }
        let number = self.next;
        self.next += 1;
        if self.key_size == 0 {
            self.entries[..8].copy_from_slice(&number.to_be_bytes());
            return Some(Item { key: None, value: &self.entries });
        }
        let size = self.key_size + self.value_size;
        let entries = (self.entries.len() / size) as u64;
        let from = (number % entries) as usize * size;
        let (key, value) = self.entries[from..from + size].split_at_mut(self.key_size);
        for (place, digit) in value[DIGITS].iter_mut().enumerate() {
            *digit = b"0123456789abcdef"[(number >> (60 - 4 * place)) as usize & 15];
        }
        Some(Item { key: Some(key), value })
    }
}
