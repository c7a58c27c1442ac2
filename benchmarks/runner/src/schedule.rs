//! Who runs when: in each round everybody once, each time beginning with another.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::arguments::Arguments;
use crate::case::{self, Case, Load, Mode};
use crate::client::{self, Client};
use crate::kafka::Kafka;
use crate::pinning::Pinning;
use crate::run::{Amount, Runner, Sample};

/// A client on a case, and how its runs went.
pub struct Entry {
    pub client: Client,
    /// By round; what failed is not among them.
    pub samples: Vec<(usize, Sample)>,
    /// The run whose allocations were counted, if they needed one of their own.
    pub counted: Option<Sample>,
    pub failures: Vec<String>,
    amount: Option<Amount>,
}

pub struct Outcome {
    pub cases: Vec<(Case, Vec<Entry>)>,
    pub rounds: usize,
    pub took: Duration,
}

impl Outcome {
    pub fn failures_of(&self, name: &str) -> Vec<String> {
        let entries = self.cases.iter().flat_map(|(case, entries)| {
            entries.iter().filter(|entry| entry.client.name == name).map(move |entry| (case, entry))
        });
        entries
            .flat_map(|(case, entry)| {
                entry.failures.iter().map(move |why| format!("{case}: {why}"))
            })
            .collect()
    }
}

/// What a probe sends, to see how fast a client is.
const PROBE: Amount = Amount { records: 200_000, warm: 50_000, rate: None };
/// For about a second at twice of what is let through, which is seen while warming up.
const OVERLOAD: Amount = Amount { records: 1_500_000, warm: 500_000, rate: None };
/// With how many records those warm up at least who warm slowly.
const SLOWLY_WARM: u64 = 300_000;
const QUICK: Amount = Amount { records: 50_000, warm: 5_000, rate: None };
/// For how many seconds records are sent whose time is taken: a thousand a second make two that say what p99.9 is.
const TIMED: u64 = 2;
/// Two failures are not by chance.
const MOST_FAILURES: usize = 2;
/// What a run takes beside its measured part, in seconds: processes that start, that warm up, the checks.
const AROUND_A_RUN: f64 = 0.45;
/// The same of those who warm slowly. They take part in every second round.
const AROUND_A_SLOW_RUN: f64 = 3.0;
/// For how many seconds clients warm up.
const WARM: f64 = 0.15;
const WARM_SLOWLY: f64 = 2.0;
/// A bound in memory and time for who is fast, and the least that says anything.
const MOST_RECORDS: f64 = 8e6;
const LEAST_RECORDS: f64 = 1e5;
/// What is read to the end has to be far more than what is fetched ahead.
const LEAST_CONSUMED: f64 = 1e6;
/// How much longer than planned it may take before further rounds are left out, if there were some.
const PATIENCE: f64 = 1.15;
const LEAST_ROUNDS: usize = 3;

pub fn run(arguments: &Arguments, pinning: &Pinning) -> anyhow::Result<Outcome> {
    let began = Instant::now();
    let kafka = arguments.kafka.as_ref().map(|at| Kafka::at(arguments, at));
    let runner = Runner { arguments, pinning, kafka: kafka.as_ref(), words: Vec::new() };
    let mut cases: Vec<(Case, Vec<Entry>)> = case::wanted(arguments)
        .into_iter()
        .map(|case| {
            let clients = client::wanted(arguments, &case).into_iter();
            let entries = clients.map(|client| Entry {
                client,
                samples: Vec::new(),
                counted: None,
                failures: Vec::new(),
                amount: None,
            });
            let entries = entries.collect();
            (case, entries)
        })
        .collect();
    let Runs { fast, slow, timed } = runs(arguments, &cases);
    let bar = progress(fast + slow);
    let around = fast as f64 * AROUND_A_RUN
        + slow as f64 * AROUND_A_SLOW_RUN
        + (timed as u64 * TIMED) as f64;
    let free = arguments.minutes * 60.0 - around;
    let target = (free / (fast + slow - timed).max(1) as f64).clamp(0.25, 3.0);

    if !arguments.quick {
        for (case, entries) in &mut cases {
            for entry in entries {
                probe(&runner, case, entry, target, &bar);
            }
        }
    }
    let mut rounds = 0;
    for round in 0..arguments.rounds {
        let by_then = began.elapsed().as_secs_f64() * (round + 2) as f64 / (round + 1) as f64;
        if round >= LEAST_ROUNDS && by_then > arguments.minutes * 60.0 * PATIENCE {
            bar.println(format!("{round} rounds have to do: the machine is slower than thought"));
            break;
        }
        rounds = round + 1;
        for (case, entries) in &mut cases {
            let count = entries.len();
            for turn in 0..count {
                let entry = &mut entries[(turn + round) % count];
                turn_of(&runner, case, entry, round, &bar);
            }
        }
    }
    bar.finish_and_clear();
    Ok(Outcome { cases, rounds, took: began.elapsed() })
}

/// How many runs there will be, probes included.
#[derive(Default)]
struct Runs {
    /// Of those who warm fast, and of those who warm slowly.
    fast: usize,
    slow: usize,
    /// Of both, those that take a fixed time.
    timed: usize,
}

fn runs(arguments: &Arguments, cases: &[(Case, Vec<Entry>)]) -> Runs {
    let probes = usize::from(!arguments.quick);
    let mut runs = Runs::default();
    for (case, entries) in cases {
        for entry in entries.iter().filter(|entry| entry.client.missing.is_none()) {
            let slowly = entry.client.warms_slowly;
            let rounds = if slowly { arguments.rounds.div_ceil(2) } else { arguments.rounds };
            *if slowly { &mut runs.slow } else { &mut runs.fast } += probes + rounds;
            runs.timed += if case.is_timed() { rounds } else { 0 };
        }
    }
    runs
}

/// Sees how fast a client is, and how much it allocates.
fn probe(runner: &Runner<'_>, case: &Case, entry: &mut Entry, target: f64, bar: &ProgressBar) {
    if entry.client.missing.is_some() {
        return;
    }
    bar.set_message(format!("probe · {case} · {}", entry.client.name));
    if matches!(case.load, Load::Rate(_) | Load::Overload) {
        bar.inc(1);
        return;
    }
    let mut amount = PROBE;
    amount.records = case.records(amount.records);
    if entry.client.warms_slowly {
        amount.warm = amount.records;
    }
    match runner.run(case, &entry.client, amount, true) {
        Ok(sample) => {
            let rate = sample.records / sample.wall_s.max(1e-3);
            let least = match case.mode {
                Mode::Produce => LEAST_RECORDS,
                Mode::Consume => LEAST_CONSUMED,
            };
            // Who is measured in a time that short was hardly measured at all.
            let records = (rate * target).clamp(least, MOST_RECORDS) as u64;
            let seconds = if entry.client.warms_slowly { WARM_SLOWLY } else { WARM };
            let warm = (rate * seconds).clamp(1e4, 2e6) as u64;
            let records = runner.kafka.map_or_else(|| case.records(records), Kafka::records);
            // A consumer can warm up on as much as there is.
            let most = if case.mode == Mode::Consume { records } else { u64::MAX };
            entry.amount = Some(Amount { records, warm: warm.min(most), rate: None });
            if case.load == Load::Half {
                // As long as others are measured, for a rate to take the half of.
                if let Ok(sample) =
                    runner.run(case, &entry.client, Amount { records, ..amount }, false)
                {
                    entry.amount = Some(at_a_rate((sample.records / sample.wall_s / 2.0) as u64));
                }
            } else if !entry.client.counts_allocations {
                entry.counted = Some(sample);
            }
        }
        Err(error) => {
            bar.println(format!("{case}: {}: {error:#}", entry.client.name));
            entry.failures.push(format!("{error:#}"));
        }
    }
    bar.inc(1);
}

fn at_a_rate(rate: u64) -> Amount {
    let rate = rate.max(100);
    Amount { records: rate * TIMED, warm: (rate / 4).clamp(1_000, 500_000), rate: Some(rate) }
}

fn turn_of(runner: &Runner<'_>, case: &Case, entry: &mut Entry, round: usize, bar: &ProgressBar) {
    if entry.client.missing.is_some() || (entry.client.warms_slowly && round % 2 == 1) {
        return;
    }
    bar.set_message(format!("round {} · {case} · {}", round + 1, entry.client.name));
    if entry.failures.len() < MOST_FAILURES {
        let mut amount = match case.load {
            Load::Rate(rate) => at_a_rate(rate),
            Load::Overload => OVERLOAD,
            Load::Half => entry.amount.unwrap_or_else(|| at_a_rate(20_000)),
            Load::Most => entry.amount.unwrap_or(QUICK),
        };
        if entry.client.warms_slowly {
            amount.warm = amount.warm.max(SLOWLY_WARM);
        }
        amount.records = case.records(amount.records);
        match runner.run(case, &entry.client, amount, false) {
            Ok(sample) => entry.samples.push((round, sample)),
            Err(error) => {
                bar.println(format!("{case}: {}: {error:#}", entry.client.name));
                entry.failures.push(format!("{error:#}"));
            }
        }
    }
    bar.inc(1);
}

pub fn progress(length: usize) -> ProgressBar {
    let bar = ProgressBar::new(length as u64);
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} runs, {eta} to go · {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(500));
    bar
}
