//! The figures as Markdown.

use std::fmt::Write;

use crate::arguments::Arguments;
use crate::case::{Case, Mode};
use crate::figures::Spread;
use crate::machine::Machine;
use crate::pinning::Pinning;
use crate::run::Sample;
use crate::schedule::{Entry, Outcome};

const OURS: &str = "ottla";

pub fn table(
    arguments: &Arguments,
    machine: &Machine,
    pinning: &Pinning,
    outcome: &Outcome,
) -> String {
    let mut out = String::new();
    head(&mut out, arguments, machine, pinning, outcome);
    summary(&mut out, outcome);
    for (case, entries) in &outcome.cases {
        one_case(&mut out, case, entries);
    }
    out
}

fn head(
    out: &mut String,
    arguments: &Arguments,
    machine: &Machine,
    pinning: &Pinning,
    outcome: &Outcome,
) {
    let broker = if arguments.kafka.is_some() { "one node of real Kafka" } else { "null broker" };
    let _ = writeln!(out, "# Results: {broker}\n");
    let rounds = outcome.rounds;
    let minutes = outcome.took.as_secs_f64() / 60.0;
    let _ = writeln!(
        out,
        "{}, {rounds} {} in {minutes:.1} minutes.\n{}.\n",
        machine.date,
        if rounds == 1 { "round" } else { "rounds, clients in rotated order," },
        machine.in_words(pinning)
    );
    for version in &machine.versions {
        let _ = writeln!(out, "- {version}");
    }
    out.push_str(
        "\nMedians of the rounds. **CPU s/M**: seconds of processor time of the client's process \
         (user and system) for a million records, and in brackets the least and the most. \
         **× ottla**: that over ottla's of the same round, the median. **records/s**: by the \
         clock. **req/M**: Produce or Fetch requests for a million records. **wire B**: bytes of \
         those requests, or of the responses with records, for a record. **allocs**: allocations \
         for a record, and their bytes; counted in a run of its own where counting costs time. \
         **RSS**: the most memory that was resident. **start**: until a consumer has its first \
         record; not part of its records/s. **broker CPU**: what the null broker took for a \
         million records, warming up included. **runs**: that passed the checks of count, \
         content and order. What the settings are and what is not measured: README.md.\n",
    );
}

fn summary(out: &mut String, outcome: &Outcome) {
    out.push_str(
        "\n## ottla and the best other client\n\nBy processor time; below 1 ottla needs less. In \
         brackets the least and the most of the rounds.\n\n\
         | case | ottla CPU s/M | best other | its CPU s/M | ottla ÷ other | ottla records/s | its |\n\
         |---|--:|---|--:|--:|--:|--:|\n",
    );
    for (case, entries) in &outcome.cases {
        let Some(ours) = entries.iter().find(|entry| entry.client.name == OURS) else { continue };
        let Some(our_cpu) = spread(ours, cpu) else { continue };
        let others = entries.iter().filter(|entry| entry.client.name != OURS);
        let best = others
            .filter_map(|entry| spread(entry, cpu).map(|spread| (entry, spread)))
            .min_by(|(_, a), (_, b)| a.median.total_cmp(&b.median));
        let Some((best, best_cpu)) = best else { continue };
        let ratio = ratio(ours, best).map_or_else(String::new, |ratio| {
            format!("**{:.2}** ({:.2}–{:.2})", ratio.median, ratio.least, ratio.most)
        });
        let _ = writeln!(
            out,
            "| {case} | {:.3} | {} | {:.3} | {ratio} | {} | {} |",
            our_cpu.median,
            best.client.name,
            best_cpu.median,
            rate(ours),
            rate(best),
        );
    }
}

fn one_case(out: &mut String, case: &Case, entries: &[Entry]) {
    let _ = writeln!(out, "\n## {case}\n\n{}\n", in_words(case));
    out.push_str(
        "| client | CPU s/M | × ottla | records/s | req/M | wire B | allocs | alloc B | RSS MiB | start ms | \
         broker CPU | runs |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    let ours = entries.iter().find(|entry| entry.client.name == OURS);
    for entry in entries {
        let name = entry.client.name;
        if let Some(why) = &entry.client.missing {
            let _ = writeln!(out, "| {name} | {why} | | | | | | | | | | |");
            continue;
        }
        let tried = entry.samples.len() + entry.failures.len();
        let Some(cpu_spread) = spread(entry, cpu) else {
            let _ = writeln!(out, "| {name} | none | | | | | | | | | | 0 of {tried} |");
            continue;
        };
        let allocated = |of: fn(&Sample) -> Option<f64>| match &entry.counted {
            Some(sample) => of(sample).map(|figure| figure / sample.records),
            None => spread(entry, |sample| Some(of(sample)? / sample.records)).map(|s| s.median),
        };
        let Spread { least, median, most } = cpu_spread;
        let against = ours.and_then(|ours| ratio(entry, ours)).map(|ratio| ratio.median);
        let million = |of: fn(&Sample) -> Option<f64>| {
            spread(entry, |sample| Some(of(sample)? / sample.records * 1e6)).map(|s| s.median)
        };
        let plain = |of: fn(&Sample) -> Option<f64>| spread(entry, of).map(|s| s.median);
        let wire = million(|sample| sample.wire_bytes).map(|bytes| bytes / 1e6);
        let cells = [
            format!("{median:.3} ({least:.3}–{most:.3})"),
            figure(against, 2),
            rate(entry),
            figure(million(|sample| sample.requests), 0),
            figure(wire, 1),
            figure(allocated(|sample| sample.allocations), 3),
            figure(allocated(|sample| sample.allocated_bytes), 0),
            figure(plain(|sample| Some(sample.peak_rss_kib / 1024.0)), 0),
            figure(plain(|sample| Some(sample.first_s? * 1e3)), 0),
            figure(million(|sample| sample.broker_cpu_s), 3),
            format!("{} of {tried}", entry.samples.len()),
        ];
        let _ = writeln!(out, "| {name} | {} |", cells.join(" | "));
    }
    for entry in entries {
        for failure in &entry.failures {
            let _ = writeln!(out, "\n{} failed: {failure}", entry.client.name);
        }
    }
}

fn in_words(case: &Case) -> String {
    let Case { value_size, partitions, .. } = case;
    let partitions = if *partitions == 1 {
        "1 partition".to_owned()
    } else {
        format!("{partitions} partitions")
    };
    let settings = if case.tuned { "settings alike" } else { "each client's defaults" };
    match case.mode {
        Mode::Produce if case.real_kafka => {
            format!("Producing values of {value_size} B to {partitions}; {settings}.")
        }
        Mode::Produce => format!(
            "Producing values of {value_size} B to {partitions}; acknowledged {}; {settings}.",
            match case.delay_ms {
                0 => "at once".to_owned(),
                delay => format!("after {delay} ms"),
            }
        ),
        Mode::Consume if case.real_kafka => {
            format!("Consuming values of {value_size} B from {partitions}; {settings}.")
        }
        Mode::Consume => format!(
            "Consuming values of {value_size} B from {partitions}, in batches of {} records; \
             {settings}.",
            case.batch_records()
        ),
    }
}

fn cpu(sample: &Sample) -> Option<f64> {
    Some(sample.cpu_s / sample.records * 1e6)
}

fn spread(entry: &Entry, of: impl Fn(&Sample) -> Option<f64>) -> Option<Spread> {
    Spread::of(entry.samples.iter().filter_map(|(_, sample)| of(sample)))
}

/// Processor time of one over the other's, round by round.
fn ratio(entry: &Entry, other: &Entry) -> Option<Spread> {
    Spread::of(entry.samples.iter().filter_map(|(round, sample)| {
        let (_, paired) = other.samples.iter().find(|(other, _)| other == round)?;
        Some(cpu(sample)? / cpu(paired)?)
    }))
}

fn rate(entry: &Entry) -> String {
    let rate = spread(entry, |sample| Some(sample.records / sample.wall_s));
    rate.map_or_else(String::new, |rate| match rate.median {
        many if many >= 1e6 => format!("{:.2} M", many / 1e6),
        some => format!("{:.0} k", some / 1e3),
    })
}

fn figure(figure: Option<f64>, digits: usize) -> String {
    figure.map_or_else(|| "n/a".to_owned(), |figure| format!("{figure:.digits$}"))
}
