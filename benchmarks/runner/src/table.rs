//! The figures as Markdown.

use std::fmt::Write;

use crate::arguments::Arguments;
use crate::case::{Case, Load, Mode, Settings};
use crate::figures::Spread;
use crate::machine::Machine;
use crate::pinning::Pinning;
use crate::run::{Latency, Sample};
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
        match case.load {
            Load::Most => one_case(&mut out, case, entries),
            Load::Rate(_) | Load::Half => one_timed_case(&mut out, case, entries),
            Load::Overload => overload(&mut out, case, entries),
        }
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
         million records, warming up and, of compressed batches, inflating included. \
         **p50, p99, p99.9**: from `send` to the acknowledgement that the program saw, medians of \
         the rounds. **runs**: that passed the checks of count, content and order. What the \
         settings are and what is not measured: README.md.\n",
    );
}

fn summary(out: &mut String, outcome: &Outcome) {
    out.push_str(
        "\n## ottla and the best other client\n\nBy processor time; below 1 ottla needs less. In \
         brackets the least and the most of the rounds.\n\n\
         | case | ottla CPU s/M | best other | its CPU s/M | ottla ÷ other | ottla records/s | its |\n\
         |---|--:|---|--:|--:|--:|--:|\n",
    );
    for (case, entries) in outcome.cases.iter().filter(|(case, _)| case.load == Load::Most) {
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

fn one_timed_case(out: &mut String, case: &Case, entries: &[Entry]) {
    let _ = writeln!(out, "\n## {case}\n\n{}\n", in_words(case));
    out.push_str(
        "| client | p50 ms | p99 ms | p99.9 ms | records/s | CPU µs a record | requests a record | \
         RSS MiB | broker CPU s/M | runs |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for entry in entries {
        let name = entry.client.name;
        if let Some(why) = &entry.client.missing {
            let _ = writeln!(out, "| {name} | {why} | | | | | | | | |");
            continue;
        }
        let tried = entry.samples.len() + entry.failures.len();
        let Some(p99) = milliseconds(entry, |latency| latency.p99_us) else {
            let _ = writeln!(out, "| {name} | none | | | | | | | | 0 of {tried} |");
            continue;
        };
        let plain = |of: fn(&Sample) -> Option<f64>| spread(entry, of).map(|s| s.median);
        let median = |spread: Option<Spread>| spread.map(|spread| spread.median);
        let cells = [
            figure(median(milliseconds(entry, |latency| latency.p50_us)), 2),
            format!("{:.2} ({:.2}–{:.2})", p99.median, p99.least, p99.most),
            figure(median(milliseconds(entry, |latency| latency.p999_us)), 2),
            rate(entry),
            figure(plain(cpu), 2),
            figure(plain(|sample| Some(sample.requests? / sample.records)), 5),
            figure(plain(|sample| Some(sample.peak_rss_kib / 1024.0)), 0),
            figure(plain(|sample| Some(sample.broker_cpu_s? / sample.records * 1e6)), 2),
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

fn overload(out: &mut String, case: &Case, entries: &[Entry]) {
    let _ = writeln!(out, "\n## {case}\n\n{}\n", in_words(case));
    out.push_str(
        "| strategy | CPU ns a record that was offered | offered/s | let through/s | acknowledged | refused | \
         dropped | RSS MiB | runs |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for entry in entries {
        let name = entry.client.name;
        let tried = entry.samples.len() + entry.failures.len();
        let plain = |of: fn(&Sample) -> Option<f64>| spread(entry, of).map(|s| s.median);
        let percent = |of: fn(&Sample) -> Option<f64>| {
            let share = spread(entry, |sample| Some(of(sample)? / sample.records * 100.0));
            share.map_or_else(|| "n/a".to_owned(), |share| format!("{:.1} %", share.median))
        };
        let cells = [
            figure(plain(cpu).map(|micros| micros * 1e3), 0),
            rate(entry),
            figure(plain(|sample| Some(sample.overload?.allowed)), 0),
            percent(|sample| sample.acknowledged),
            percent(|sample| Some(sample.overload?.refused as f64)),
            percent(|sample| Some(sample.overload?.dropped as f64)),
            figure(plain(|sample| Some(sample.peak_rss_kib / 1024.0)), 0),
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

fn milliseconds(entry: &Entry, of: impl Fn(&Latency) -> f64) -> Option<Spread> {
    spread(entry, |sample| Some(of(sample.latency.as_ref()?) / 1e3))
}

/// The table that the README has: what is best of each library, by case.
pub fn for_readme(machine: &Machine, outcome: &Outcome) -> String {
    let libraries = ["ottla", "franz-go", "rdkafka", "rskafka", "krafka", "Java"];
    let mut out = format!(
        "Seconds of the client's processor time for a million records, on a broker that only checks and\n\
         acknowledges; below that, milliseconds from `send` to the acknowledgement. Medians of {} interleaved\n\
         rounds ({}); every run's count and order were checked. Of several interfaces of a library\n\
         the best.\n\n| | {} |\n|---|{}\n",
        outcome.rounds,
        machine.date,
        libraries.join(" | "),
        "--:|".repeat(libraries.len()),
    );
    for (case, entries) in outcome.cases.iter().filter(|(case, _)| case.load != Load::Overload) {
        let cells = libraries.map(|library| {
            let entries = entries.iter().filter(|entry| entry.client.name.starts_with(library));
            let figures = entries.filter_map(|entry| {
                let spread = if case.is_timed() {
                    milliseconds(entry, |latency| latency.p99_us)
                } else {
                    spread(entry, cpu)
                };
                spread.map(|spread| spread.median)
            });
            figures.min_by(f64::total_cmp)
        });
        let best = cells.iter().flatten().copied().min_by(f64::total_cmp);
        let digits = if case.is_timed() { 2 } else { 3 };
        let cells = cells.map(|cell| match cell {
            None => "n/a".to_owned(),
            Some(cell) if Some(cell) == best => format!("**{cell:.digits$}**"),
            Some(cell) => format!("{cell:.digits$}"),
        });
        let _ = writeln!(out, "| {} | {} |", in_short(case), cells.join(" | "));
    }
    out
}

fn in_short(case: &Case) -> String {
    let Case { value_size, partitions, delay_ms, .. } = case;
    let value = if *value_size % 1024 == 0 {
        format!("{} KiB", value_size / 1024)
    } else {
        format!("{value_size} B")
    };
    let partitions = match partitions {
        1 => "1 partition".to_owned(),
        1000 => "1,000 partitions".to_owned(),
        some => format!("{some} partitions"),
    };
    let mut out = match (case.mode, case.load) {
        (Mode::Consume, _) => format!("consume {value}, {partitions}"),
        (Mode::Produce, Load::Most) => format!("produce {value}, {partitions}"),
        (_, Load::Rate(rate)) => format!("p99 ms at {rate}/s"),
        (_, Load::Half) => "p99 ms at half of its most".to_owned(),
        (_, Load::Overload) => "overload".to_owned(),
    };
    if let Some(codec) = case.codec {
        let _ = write!(out, ", JSON, {codec}");
    }
    if *delay_ms > 0 {
        let _ = write!(out, ", answers {delay_ms} ms late");
    }
    match case.settings {
        Settings::Defaults => {}
        Settings::Tuned => out.push_str(", settings alike"),
        Settings::NoLinger => out.push_str(", linger 0"),
    }
    out
}

fn in_words(case: &Case) -> String {
    let Case { value_size, partitions, .. } = case;
    let partitions = if *partitions == 1 {
        "1 partition".to_owned()
    } else {
        format!("{partitions} partitions")
    };
    let mut settings = match case.settings {
        Settings::Defaults => "each client's defaults",
        Settings::Tuned => "settings alike",
        Settings::NoLinger => "each client's defaults, but for a linger of 0",
    }
    .to_owned();
    match case.load {
        Load::Most => {}
        Load::Rate(rate) => {
            let _ = write!(settings, "; {rate} records a second");
        }
        Load::Half => settings.push_str("; half of the records a second that the client can"),
        Load::Overload => settings.push_str("; twice what a buffer of 2 MiB lets through"),
    }
    if let Some(codec) = case.codec {
        let _ = write!(settings, "; values of JSON with keys of 16 B, compressed with {codec}");
    }
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
