//! What the records say: which one of its key an input is, and which input an output came from.

/// An input record: the number of its key and its place among the records of that key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Item {
    pub(crate) key: u64,
    pub(crate) sequence: u64,
}

/// An output record: the item, and where its input was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Enriched {
    pub(crate) item: Item,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
}

impl Item {
    /// Record number `n` when `keys` keys take turns.
    pub(crate) const fn nth(n: u64, keys: u64) -> Self {
        Self { key: n % keys, sequence: n / keys }
    }

    pub(crate) fn key_text(self) -> String {
        format!("key-{}", self.key)
    }

    pub(crate) fn text(self) -> String {
        format!("{}:{}", self.key, self.sequence)
    }

    pub(crate) fn read(text: &[u8]) -> Option<Self> {
        let mut numbers = std::str::from_utf8(text).ok()?.split(':');
        let item =
            Self { key: numbers.next()?.parse().ok()?, sequence: numbers.next()?.parse().ok()? };
        numbers.next().is_none().then_some(item)
    }
}

impl Enriched {
    pub(crate) fn text(self) -> String {
        format!("{}:{}:{}", self.item.text(), self.partition, self.offset)
    }

    pub(crate) fn read(text: &[u8]) -> Option<Self> {
        let mut numbers = std::str::from_utf8(text).ok()?.split(':');
        let enriched = Self {
            item: Item {
                key: numbers.next()?.parse().ok()?,
                sequence: numbers.next()?.parse().ok()?,
            },
            partition: numbers.next()?.parse().ok()?,
            offset: numbers.next()?.parse().ok()?,
        };
        numbers.next().is_none().then_some(enriched)
    }
}
