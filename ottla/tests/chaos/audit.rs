//! What the logs of the broker say about the job.

use std::collections::HashMap;

use ottla_test_broker::TestCluster;

use crate::run::{GROUP, PARTITIONS};

/// The inputs that were appended, and what was found of them in the output so far.
#[derive(Default)]
pub(crate) struct Audit {
    /// The number of each record, by partition and offset of the input.
    inputs: Vec<Vec<usize>>,
    /// How often each number is in the output.
    seen: Vec<u32>,
    /// Where the log of each output partition was read up to.
    read: Vec<i64>,
    committed: Vec<i64>,
    /// The inputs of each key, by what of them is to come first next.
    keys: HashMap<Vec<u8>, Key>,
}

#[derive(Default)]
struct Key {
    inputs: Vec<usize>,
    next: usize,
}

impl Audit {
    pub(crate) fn new() -> Self {
        let partitions = usize::try_from(PARTITIONS).unwrap();
        Self {
            inputs: vec![Vec::new(); partitions],
            read: vec![0; partitions],
            committed: vec![0; partitions],
            ..Self::default()
        }
    }

    pub(crate) fn appended(&mut self, partition: usize, key: Option<&[u8]>, number: usize) {
        self.inputs[partition].push(number);
        self.seen.resize(self.seen.len().max(number + 1), 0);
        if let Some(key) = key {
            self.keys.entry(key.to_vec()).or_default().inputs.push(number);
        }
    }

    /// Reads on in the output, and then compares the committed offsets with it.
    pub(crate) fn sample(&mut self, cluster: &TestCluster) {
        for (partition, before) in (0..PARTITIONS).zip(self.committed.clone()) {
            let committed = cluster.committed(GROUP, "in", partition).unwrap_or(0);
            if committed == before {
                continue;
            }
            self.read_outputs(cluster);
            let index = usize::try_from(partition).unwrap();
            assert!(committed > before, "in/{partition}: committed {committed} after {before}");
            let end = self.inputs[index].len();
            let covered = 0..usize::try_from(committed).unwrap();
            assert!(covered.end <= end, "in/{partition}: committed {committed} behind the end");
            for offset in covered {
                let number = self.inputs[index][offset];
                assert!(
                    self.seen[number] > 0,
                    "in/{partition}: committed {committed} but {offset} (record {number}) has no \
                     output"
                );
            }
            self.committed[index] = committed;
        }
    }

    pub(crate) fn read_outputs(&mut self, cluster: &TestCluster) {
        for partition in 0..PARTITIONS {
            let index = usize::try_from(partition).unwrap();
            if cluster.log_end("out", partition) == self.read[index] {
                continue;
            }
            let behind = self.read[index];
            for record in cluster.records("out", partition) {
                if record.offset < behind {
                    continue;
                }
                assert_eq!(record.offset, self.read[index], "out/{partition}: a hole");
                self.read[index] += 1;
                let value = String::from_utf8(record.value.unwrap().to_vec()).unwrap();
                let number: usize = value.parse().unwrap();
                self.seen[number] += 1;
                if let (Some(key), 1) = (record.key, self.seen[number]) {
                    let key = self.keys.get_mut(key.as_ref()).expect("a key that was never put in");
                    assert_eq!(number, key.inputs[key.next], "out/{partition}: out of order");
                    key.next += 1;
                }
            }
        }
    }

    /// Whether everything that was put in is committed.
    pub(crate) fn is_complete(&self) -> bool {
        self.inputs
            .iter()
            .zip(&self.committed)
            .all(|(inputs, committed)| i64::try_from(inputs.len()).unwrap() == *committed)
    }

    pub(crate) fn assert_nothing_lost(&self) {
        let lost: Vec<_> = (0..self.seen.len()).filter(|number| self.seen[*number] == 0).collect();
        assert!(lost.is_empty(), "lost: {lost:?}");
    }

    /// How many outputs there are beyond one for each input.
    pub(crate) fn repeated(&self) -> u32 {
        self.seen.iter().map(|times| times.saturating_sub(1)).sum()
    }

    pub(crate) fn progress(&self) -> String {
        let ends: Vec<_> = self.inputs.iter().map(Vec::len).collect();
        let seen = self.seen.iter().filter(|times| **times > 0).count();
        format!("committed {:?} of {ends:?}; {seen} of {} done", self.committed, self.seen.len())
    }
}
