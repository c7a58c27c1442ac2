use serde::Serialize;

/// How long records took from `send` to the acknowledgement that the program saw, in microseconds.
#[derive(Debug, Serialize)]
pub struct Latency {
    pub timed: usize,
    pub p50_us: f64,
    pub p99_us: f64,
    pub p999_us: f64,
    pub max_us: f64,
}

impl Latency {
    /// Of times in nanoseconds.
    pub fn of(mut times: Vec<u64>) -> Self {
        times.sort_unstable();
        let at = |share: f64| {
            let place = (times.len() as f64 * share) as usize;
            times.get(place).or(times.last()).map_or(f64::NAN, |nanos| *nanos as f64 / 1e3)
        };
        Self {
            timed: times.len(),
            p50_us: at(0.5),
            p99_us: at(0.99),
            p999_us: at(0.999),
            max_us: at(1.0),
        }
    }
}
