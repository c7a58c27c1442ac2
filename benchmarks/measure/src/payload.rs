/// The values to produce: each begins with its number, from zero.
#[derive(Debug)]
pub struct Payload {
    value: Vec<u8>,
    next: u64,
    count: u64,
}

impl Payload {
    pub fn new(count: u64, value_size: usize) -> Self {
        Self { value: vec![b'v'; value_size], next: 0, count }
    }

    /// The next value, until there were as many as planned.
    #[inline]
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot lend")]
    pub fn next(&mut self) -> Option<&[u8]> {
        if self.next == self.count {
            return None;
        }
        self.value[..8].copy_from_slice(&self.next.to_be_bytes());
        self.next += 1;
        Some(&self.value)
    }
}
