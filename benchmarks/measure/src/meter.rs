use std::mem;
use std::time::Instant;

use serde::Serialize;

use crate::{latency::Latency, order::Order, plan::Plan};

/// Measures from its start: the wall's time, the processor's time of all threads of this process, what it allocates.
#[derive(Debug)]
pub struct Meter {
    began: Instant,
    cpu: f64,
    allocated: Option<Allocated>,
    /// When the first record came out, and what had been used by then.
    first: Option<f64>,
    last: f64,
}

#[derive(Clone, Copy, Debug)]
struct Allocated {
    count: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct Report<'a> {
    records: u64,
    /// From the beginning to the last record.
    wall_s: f64,
    /// From the beginning to the first record that was consumed.
    first_s: Option<f64>,
    cpu_s: f64,
    peak_rss_kib: i64,
    allocations: Option<u64>,
    allocated_bytes: Option<u64>,
    /// Produced records that were not acknowledged.
    failed: Option<u64>,
    /// Produced records whose acknowledgement was seen.
    acknowledged: Option<u64>,
    latency: Option<Latency>,
    overload: Option<Overload>,
    consumed: Option<&'a Order>,
}

/// What became of records that were more than the client lets through.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Overload {
    /// Records a second that it does let through.
    pub allowed: f64,
    /// Records that it did not take.
    pub refused: u64,
    /// Records that it took and gave back.
    pub dropped: u64,
    /// Of the numbers of those that were acknowledged, wrapping.
    pub sum: u64,
}

impl Meter {
    pub fn start() -> Self {
        let allocated = Allocated::now();
        Self { began: Instant::now(), cpu: usage().0, allocated, first: None, last: 0.0 }
    }

    /// Records have been consumed.
    pub fn consumed(&mut self) {
        if self.first.is_none() {
            self.first = Some(self.began.elapsed().as_secs_f64());
        }
    }

    /// Prints the result of a consumer.
    pub fn report_consumed(self, plan: &Plan, order: &Order) {
        self.report(plan, None, None, None, Some(order));
    }

    /// Prints the result of a producer.
    pub fn report_produced(
        self,
        plan: &Plan,
        acknowledged: u64,
        failed: u64,
        latency: Option<Latency>,
    ) {
        self.report(plan, Some((acknowledged, failed)), latency, None, None);
    }

    /// Prints the result of a producer that was given too much.
    pub fn report_overload(self, plan: &Plan, acknowledged: u64, failed: u64, overload: Overload) {
        self.report(plan, Some((acknowledged, failed)), None, Some(overload), None);
    }

    fn report(
        mut self,
        plan: &Plan,
        produced: Option<(u64, u64)>,
        latency: Option<Latency>,
        overload: Option<Overload>,
        consumed: Option<&Order>,
    ) {
        self.last = self.began.elapsed().as_secs_f64();
        let (cpu, peak_rss_kib) = usage();
        let allocated = self.allocated.zip(Allocated::now());
        let report = Report {
            records: plan.records,
            wall_s: self.last,
            first_s: self.first,
            cpu_s: cpu - self.cpu,
            peak_rss_kib,
            allocations: allocated.map(|(from, to)| to.count - from.count),
            allocated_bytes: allocated.map(|(from, to)| to.bytes - from.bytes),
            acknowledged: produced.map(|(acknowledged, _)| acknowledged),
            failed: produced.map(|(_, failed)| failed),
            latency,
            overload,
            consumed,
        };
        println!("{}", serde_json::to_string(&report).expect("plain numbers"));
    }
}

/// Seconds of processor time of this process, and its largest resident size in KiB.
fn usage() -> (f64, i64) {
    // SAFETY: the structure is plain numbers, and the call only writes to it.
    let usage = unsafe {
        let mut usage: libc::rusage = mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    (seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_maxrss)
}

impl Allocated {
    /// What `count-malloc` has counted, if that was preloaded.
    fn now() -> Option<Self> {
        let (mut count, mut bytes) = (0_u64, 0_u64);
        // SAFETY: the name ends with a zero; if the symbol exists it is the function of `count-malloc/count.c`.
        unsafe {
            let symbol = libc::dlsym(libc::RTLD_DEFAULT, c"bench_allocated".as_ptr());
            if symbol.is_null() {
                return None;
            }
            let ask: extern "C" fn(*mut u64, *mut u64) = mem::transmute(symbol);
            ask(&mut count, &mut bytes);
        }
        Some(Self { count, bytes })
    }
}
