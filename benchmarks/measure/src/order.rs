use serde::Serialize;

/// What a consumer saw: all of it, and in order?
#[derive(Debug, Default, Serialize)]
pub struct Order {
    pub count: u64,
    /// Bytes of values.
    pub bytes: u64,
    /// Of the numbers in the values, wrapping.
    pub sum: u64,
    /// Of the numbers times one more than the offset, wrapping: it changes when values change places.
    pub digest: u64,
    /// Records whose offset did not follow on.
    pub disorder: u64,
    /// Records whose number was not greater than that of the record before.
    pub descents: u64,
    #[serde(skip)]
    partitions: Vec<Partition>,
}

#[derive(Clone, Debug, Default)]
struct Partition {
    next_offset: i64,
    least_number: u64,
}

impl Order {
    pub fn new(partitions: i32) -> Self {
        Self { partitions: vec![Partition::default(); partitions as usize], ..Self::default() }
    }

    #[inline]
    pub fn see(&mut self, partition: i32, offset: i64, value: &[u8]) {
        let partition = &mut self.partitions[partition as usize];
        self.disorder += u64::from(offset != partition.next_offset);
        partition.next_offset = offset + 1;
        let number = value.first_chunk().map_or(u64::MAX, |bytes| u64::from_be_bytes(*bytes));
        self.descents += u64::from(number < partition.least_number);
        partition.least_number = number.wrapping_add(1);
        self.count += 1;
        self.bytes += value.len() as u64;
        self.sum = self.sum.wrapping_add(number);
        self.digest = self.digest.wrapping_add(number.wrapping_mul(offset as u64 + 1));
    }
}
