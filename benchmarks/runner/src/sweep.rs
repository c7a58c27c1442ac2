//! What `linger` and `min_request_spacing` cost and gain: ottla alone, at four rates.

use std::fmt::Write;
use std::time::Instant;

use anyhow::Context;

use crate::arguments::Arguments;
use crate::case::Case;
use crate::client::{self, Client};
use crate::figures::Spread;
use crate::machine::Machine;
use crate::pinning::Pinning;
use crate::run::{Amount, Runner, Sample};
use crate::schedule;

const RATES: [u64; 4] = [1_000, 10_000, 100_000, 300_000];

/// One of the two settings, and what it is set to, in microseconds.
struct Sweep {
    setting: &'static str,
    word: &'static str,
    values: &'static [u64],
    /// How late the broker answers: a linger shows only where something is in flight.
    delay_ms: u64,
}

const SWEEPS: [Sweep; 2] = [
    Sweep {
        setting: "min_request_spacing",
        word: "--x-spacing-us",
        values: &[0, 100, 250, 500, 1_000, 2_000, 5_000],
        delay_ms: 0,
    },
    Sweep {
        setting: "linger",
        word: "--x-linger-us",
        values: &[0, 1_000, 2_000, 5_000, 10_000, 20_000],
        delay_ms: 2,
    },
];

/// How many seconds a run takes.
const SECONDS: f64 = 1.5;

struct Point {
    sweep: &'static Sweep,
    value: u64,
    rate: u64,
    samples: Vec<Sample>,
}

/// Runs every point in every round, and writes the table.
pub fn run(arguments: &Arguments, machine: &Machine, pinning: &Pinning) -> anyhow::Result<String> {
    let began = Instant::now();
    let ottla = client::wanted(arguments, &Case::at(1, 0)).into_iter();
    let ottla =
        ottla.filter(|client| client.name == "ottla").find(|client| client.missing.is_none());
    let ottla = ottla.context("ottla is not built")?;
    let mut points = Vec::new();
    for sweep in &SWEEPS {
        for &value in sweep.values {
            points.extend(RATES.map(|rate| Point { sweep, value, rate, samples: Vec::new() }));
        }
    }
    let bar = schedule::progress(points.len() * arguments.rounds);
    for _ in 0..arguments.rounds {
        for point in &mut points {
            bar.set_message(format!(
                "{} {} µs, {}/s",
                point.sweep.setting, point.value, point.rate
            ));
            let sample = measure(arguments, pinning, &ottla, point)?;
            point.samples.push(sample);
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    Ok(table(arguments, machine, pinning, &points, began.elapsed().as_secs_f64() / 60.0))
}

fn measure(
    arguments: &Arguments,
    pinning: &Pinning,
    ottla: &Client,
    point: &Point,
) -> anyhow::Result<Sample> {
    let words = vec![point.sweep.word.to_owned(), point.value.to_string()];
    let runner = Runner { arguments, pinning, kafka: None, words };
    let records = (point.rate as f64 * SECONDS) as u64;
    let amount = Amount { records, warm: 10_000, rate: Some(point.rate) };
    runner.run(&Case::at(point.rate, point.sweep.delay_ms), ottla, amount, false)
}

fn table(
    arguments: &Arguments,
    machine: &Machine,
    pinning: &Pinning,
    points: &[Point],
    minutes: f64,
) -> String {
    let mut out = format!(
        "# Sweep of `linger` and `min_request_spacing`\n\n{}, {} rounds in {minutes:.1} minutes; medians.\n{}.\n\n",
        machine.date,
        arguments.rounds,
        machine.in_words(pinning)
    );
    for version in machine.versions.iter().filter(|version| version.starts_with("ottla")) {
        let _ = writeln!(out, "- {version}");
    }
    out.push_str(
        "\nottla alone, 100 B to 12 partitions of the null broker, at four rates; the other setting is the default. In \
         each cell: **p50 / p99** in milliseconds from `send` to the acknowledgement, processor time of the client and \
         of the broker in milliseconds for each second, and requests a second.\n",
    );
    for sweep in &SWEEPS {
        let late = match sweep.delay_ms {
            0 => "at once".to_owned(),
            delay => format!("after {delay} ms"),
        };
        let _ = write!(out, "\n## {}, answers {late}\n\n| ms |", sweep.setting);
        for rate in RATES {
            let _ = write!(out, " {rate}/s |");
        }
        let _ = writeln!(out, "\n|--:|{}", "---|".repeat(RATES.len()));
        for &value in sweep.values {
            let _ = write!(out, "| {} |", value as f64 / 1e3);
            let own = |point: &&Point| point.sweep.word == sweep.word && point.value == value;
            for point in points.iter().filter(own) {
                let _ = write!(out, " {} |", cell(&point.samples));
            }
            out.push('\n');
        }
    }
    out
}

fn cell(samples: &[Sample]) -> String {
    let median = |of: fn(&Sample) -> Option<f64>| {
        Spread::of(samples.iter().filter_map(of)).map_or(f64::NAN, |spread| spread.median)
    };
    let p50 = median(|sample| Some(sample.latency?.p50_us / 1e3));
    let p99 = median(|sample| Some(sample.latency?.p99_us / 1e3));
    let client = median(|sample| Some(sample.cpu_s / sample.wall_s * 1e3));
    let broker = median(|sample| Some(sample.broker_cpu_s? / sample.wall_s * 1e3));
    let requests = median(|sample| Some(sample.requests? / sample.wall_s));
    format!("**{p50:.2} / {p99:.2}**, {client:.0} + {broker:.0} ms, {requests:.0} req")
}
