use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ottla_client::{BrokerId, RequestError};

use super::{histogram::Histogram, snapshot::BrokerStatistics};

/// What is counted for the producer as a whole, once for each batch that is sent.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    pub(crate) queue: Histogram,
    pub(crate) batch_records: Histogram,
    pub(crate) batch_bytes: Histogram,
    pub(crate) compression: Histogram,
    latest: Latest,
}

/// How long the last answer took; nothing before the first.
#[derive(Debug, Default)]
struct Latest(AtomicU64);

impl Latest {
    fn set(&self, took: u64) {
        self.0.store(took.saturating_add(1), Ordering::Relaxed);
    }

    fn get(&self) -> Option<Duration> {
        self.0.load(Ordering::Relaxed).checked_sub(1).map(Duration::from_micros)
    }
}

impl Meter {
    /// A batch is sent for the first time, so long after it was begun.
    pub(crate) fn sent(&self, waited: Duration, records: u32, raw_bytes: usize, bytes: usize) {
        self.queue.count(micros(waited));
        self.batch_records.count(records.into());
        self.batch_bytes.count(bytes as u64);
        let percent = (bytes as u64).saturating_mul(100).checked_div(raw_bytes as u64);
        self.compression.count(percent.unwrap_or(100));
    }

    pub(crate) fn latest_latency(&self) -> Option<Duration> {
        self.latest.get()
    }
}

/// The requests to one broker.
#[derive(Debug, Default)]
pub(crate) struct RequestMeter {
    sent: AtomicU64,
    done: AtomicU64,
    timed_out: AtomicU64,
    failed: AtomicU64,
    unreachable: AtomicU64,
    throttled: AtomicU64,
    latest: Latest,
    latency: Histogram,
}

impl RequestMeter {
    pub(crate) fn sent(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    /// A request came to an end, so long after it was sent.
    pub(crate) fn done(&self, took: Duration, error: Option<&RequestError>, all: &Meter) {
        match error {
            None => {
                let took = micros(took);
                self.latency.count(took);
                self.latest.set(took);
                all.latest.set(took);
            }
            Some(RequestError::TimedOut { .. }) => {
                self.timed_out.fetch_add(1, Ordering::Relaxed);
            }
            Some(_) => {
                self.failed.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.done.fetch_add(1, Ordering::Release);
    }

    /// No connection could be had.
    pub(crate) fn unreachable(&self) {
        self.unreachable.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn throttled(&self, pause: Duration) {
        self.throttled.fetch_add(micros(pause), Ordering::Relaxed);
    }

    pub(crate) fn read(&self, broker: BrokerId) -> BrokerStatistics {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        // Ends are read before beginnings, so that none shows without the other.
        let done = self.done.load(Ordering::Acquire);
        let sent = get(&self.sent);
        BrokerStatistics {
            broker,
            requests: sent,
            in_flight: sent.saturating_sub(done),
            timed_out: get(&self.timed_out),
            failed: get(&self.failed),
            unreachable: get(&self.unreachable),
            throttled: Duration::from_micros(get(&self.throttled)),
            latest_latency: self.latest.get(),
            latency: self.latency.snapshot(),
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
