//! What the broker saw, for the report at the end.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde::Serialize;

use crate::prepared::Prepared;
use crate::produced::Partition;

/// The topic that is measured. Others are for warming up, and only their records are checked.
pub const MEASURED: &str = "bench";

#[derive(Debug, Default)]
pub struct Ledger {
    produced: Mutex<HashMap<(String, i32), Partition>>,
    requests: Mutex<BTreeMap<String, u64>>,
    faults: Mutex<Vec<String>>,
    pub produce: Traffic,
    pub fetch: Traffic,
}

/// Requests about the measured topic.
#[derive(Debug, Default, Serialize)]
pub struct Traffic {
    requests: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
}

impl Traffic {
    pub fn request(&self, bytes_in: usize, bytes_out: usize) {
        self.requests.fetch_add(1, Relaxed);
        self.bytes_in.fetch_add(bytes_in as u64, Relaxed);
        self.bytes_out.fetch_add(bytes_out as u64, Relaxed);
    }
}

#[derive(Debug, Default, Serialize)]
struct Totals {
    partitions: u64,
    batches: u64,
    records: u64,
    bytes: u64,
    sum: u64,
    squares: u64,
    disorder: u64,
    repeated: u64,
    compressed: u64,
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    produced: Totals,
    warm: Totals,
    produce: &'a Traffic,
    fetch: &'a Traffic,
    requests: &'a BTreeMap<String, u64>,
    faults: &'a [String],
    period: i64,
    batch_bytes: usize,
    cpu_s: f64,
}

impl Ledger {
    pub fn fault(&self, what: String) {
        self.faults.lock().expect("never poisoned").push(what);
    }

    pub fn count(&self, api: &str, version: i16) {
        let mut requests = self.requests.lock().expect("never poisoned");
        *requests.entry(format!("{api} v{version}")).or_default() += 1;
    }

    pub fn append(&self, topic: &str, partition: i32, records: &[u8]) -> anyhow::Result<i64> {
        let mut produced = self.produced.lock().expect("never poisoned");
        produced.entry((topic.to_owned(), partition)).or_default().append(records)
    }

    pub fn report(&self, prepared: &Prepared) -> anyhow::Result<String> {
        let (mut measured, mut warm) = (Totals::default(), Totals::default());
        for ((topic, _), partition) in &*self.produced.lock().expect("never poisoned") {
            let totals = if topic == MEASURED { &mut measured } else { &mut warm };
            totals.partitions += 1;
            totals.batches += partition.batches;
            totals.records += partition.records;
            totals.bytes += partition.bytes;
            totals.sum = totals.sum.wrapping_add(partition.sum);
            totals.squares = totals.squares.wrapping_add(partition.squares);
            totals.disorder += partition.disorder;
            totals.repeated += partition.repeated;
            totals.compressed += partition.compressed;
        }
        Ok(serde_json::to_string(&Report {
            produced: measured,
            warm,
            produce: &self.produce,
            fetch: &self.fetch,
            requests: &self.requests.lock().expect("never poisoned"),
            faults: &self.faults.lock().expect("never poisoned"),
            period: prepared.period,
            batch_bytes: prepared.batch_bytes(),
            cpu_s: cpu_seconds(),
        })?)
    }
}

fn cpu_seconds() -> f64 {
    // SAFETY: the structure is plain numbers, and the call only writes to it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}
