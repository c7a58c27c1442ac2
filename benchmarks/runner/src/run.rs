//! One run of one client, checked.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde::Deserialize;

use crate::arguments::Arguments;
use crate::case::{Case, Load, Mode};
use crate::client::Client;
use crate::json;
use crate::kafka::Kafka;
use crate::null_broker::{NullBroker, Report};
use crate::pinning::Pinning;

/// After which a client is stuck. It ends itself then.
const WITHIN: Duration = Duration::from_secs(90);

/// How much is run.
#[derive(Clone, Copy, Debug)]
pub struct Amount {
    pub records: u64,
    pub warm: u64,
    /// Records a second; as many as possible without.
    pub rate: Option<u64>,
}

/// What one run took.
#[derive(Clone, Debug)]
pub struct Sample {
    pub records: f64,
    pub cpu_s: f64,
    /// Without a consumer's start.
    pub wall_s: f64,
    /// Until a consumer has its first record.
    pub first_s: Option<f64>,
    pub peak_rss_kib: f64,
    pub allocations: Option<f64>,
    pub allocated_bytes: Option<f64>,
    /// Produce or Fetch requests; known from the null broker only, as what follows.
    pub requests: Option<f64>,
    /// Of the direction in which the records go.
    pub wire_bytes: Option<f64>,
    pub broker_cpu_s: Option<f64>,
    pub latency: Option<Latency>,
    pub overload: Option<Overload>,
    pub acknowledged: Option<f64>,
}

/// What became of records that were too many.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Overload {
    pub allowed: f64,
    pub refused: u64,
    pub dropped: u64,
    pub sum: u64,
}

/// From `send` to the acknowledgement.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Latency {
    pub timed: u64,
    pub p50_us: f64,
    pub p99_us: f64,
    pub p999_us: f64,
}

/// The line that a client prints; `measure` writes it.
#[derive(Debug, Deserialize)]
struct Line {
    records: u64,
    wall_s: f64,
    first_s: Option<f64>,
    cpu_s: f64,
    peak_rss_kib: f64,
    allocations: Option<f64>,
    allocated_bytes: Option<f64>,
    failed: Option<u64>,
    acknowledged: Option<u64>,
    latency: Option<Latency>,
    overload: Option<Overload>,
    consumed: Option<Consumed>,
}

#[derive(Debug, Deserialize)]
struct Consumed {
    count: u64,
    bytes: u64,
    sum: u64,
    digest: u64,
    disorder: u64,
    descents: u64,
}

pub struct Runner<'a> {
    pub arguments: &'a Arguments,
    pub pinning: &'a Pinning,
    pub kafka: Option<&'a Kafka>,
    /// What else is said to the client.
    pub words: Vec<String>,
}

impl Runner<'_> {
    /// Runs a client once. An error says what was wrong with the run.
    pub fn run(
        &self,
        case: &Case,
        client: &Client,
        amount: Amount,
        count_allocations: bool,
    ) -> anyhow::Result<Sample> {
        if case.mode == Mode::Consume {
            ensure!(amount.warm <= amount.records, "there is less to read than to warm up with");
        }
        if let Some(kafka) = self.kafka {
            return self.run_on_kafka(kafka, case, client, amount, count_allocations);
        }
        let processor = self.pinning.broker();
        let broker = NullBroker::start(self.arguments, case, amount.records, processor)?;
        let target = Target { bootstrap: &broker.bootstrap, topics: None };
        let line = self.client(case, client, amount, &target, count_allocations);
        let report = broker.report()?;
        let line = line?;
        ensure!(report.faults.is_empty(), "the broker complains: {:?}", report.faults);
        let mut sample = sample(&line);
        let traffic = match case.mode {
            Mode::Produce => {
                check_produced(&line, &report, amount, case)?;
                sample.wire_bytes = Some(report.produce.bytes_in as f64);
                &report.produce
            }
            Mode::Consume => {
                check_consumed(&line, case, report.period, amount.records)?;
                sample.wire_bytes = Some(report.fetch.bytes_out as f64);
                &report.fetch
            }
        };
        sample.requests = Some(traffic.requests as f64);
        sample.broker_cpu_s = Some(report.cpu_s);
        Ok(sample)
    }

    fn run_on_kafka(
        &self,
        kafka: &Kafka,
        case: &Case,
        client: &Client,
        amount: Amount,
        count_allocations: bool,
    ) -> anyhow::Result<Sample> {
        let topics = kafka.topics(case, amount)?;
        let target = Target {
            bootstrap: &kafka.bootstrap,
            topics: Some((topics.measured.as_str(), topics.warm.as_str())),
        };
        let line = self.client(case, client, amount, &target, count_allocations)?;
        match case.mode {
            Mode::Produce => {
                check_acknowledged(&line, amount.records)?;
                let read = kafka.read_back(case, &topics.measured, amount.records)?;
                let read: Line = serde_json::from_str(&read)?;
                check_read(&read, amount.records, case)?;
                kafka.delete(&topics)?;
            }
            Mode::Consume => check_read(&line, amount.records, case)?,
        }
        Ok(sample(&line))
    }

    /// Runs the client's process and reads its line.
    fn client(
        &self,
        case: &Case,
        client: &Client,
        amount: Amount,
        target: &Target<'_>,
        count_allocations: bool,
    ) -> anyhow::Result<Line> {
        let mut command = client.command(self.arguments, self.pinning.client());
        if count_allocations {
            client.counted(&self.arguments.programs, &mut command);
        }
        command.arg(match case.mode {
            Mode::Produce => "produce",
            Mode::Consume => "consume",
        });
        client.choose_api(&mut command);
        command.args(["--bootstrap", target.bootstrap]);
        command.args(["--partitions", &case.partitions.to_string()]);
        command.args(["--value-size", &case.value_size.to_string()]);
        command.args(["--settings", case.settings()]);
        command.args(["--records", &amount.records.to_string()]);
        command.args(["--warm", &amount.warm.to_string()]);
        command.args(["--within", &WITHIN.as_secs().to_string()]);
        if let Some(codec) = case.codec {
            let payload = json::write(&self.arguments.programs, case.value_size)?;
            command.args(["--codec", codec, "--json"]).arg(payload);
        }
        command.args(&self.words);
        if let Some(rate) = amount.rate {
            command.args(["--rate", &rate.to_string()]);
        }
        if let Some((measured, warm)) = target.topics {
            command.args(["--topic", measured, "--warm-topic", warm]);
        }
        let output = command.stdin(Stdio::null()).output().context("the client does not start")?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
            bail!("{}: {}", output.status, last.trim());
        }
        let said = String::from_utf8(output.stdout)?;
        let line = said.lines().find(|line| line.starts_with('{')).context("no result")?;
        serde_json::from_str(line).with_context(|| format!("result not understood: {line}"))
    }
}

struct Target<'a> {
    bootstrap: &'a str,
    /// The measured one and the one to warm up on, if not the usual ones.
    topics: Option<(&'a str, &'a str)>,
}

fn sample(line: &Line) -> Sample {
    Sample {
        records: line.records as f64,
        cpu_s: line.cpu_s,
        wall_s: line.wall_s - line.first_s.unwrap_or(0.0),
        first_s: line.first_s,
        peak_rss_kib: line.peak_rss_kib,
        allocations: line.allocations,
        allocated_bytes: line.allocated_bytes,
        requests: None,
        wire_bytes: None,
        broker_cpu_s: None,
        latency: line.latency,
        overload: line.overload,
        acknowledged: line.acknowledged.map(|count| count as f64),
    }
}

fn check_acknowledged(line: &Line, records: u64) -> anyhow::Result<()> {
    let (acknowledged, failed) = (line.acknowledged.unwrap_or(0), line.failed.unwrap_or(0));
    ensure!(failed == 0, "{failed} records were not delivered");
    ensure!(acknowledged == records, "{acknowledged} of {records} deliveries were told");
    Ok(())
}

/// Everything arrived once, unharmed, and in order?
fn check_produced(line: &Line, report: &Report, amount: Amount, case: &Case) -> anyhow::Result<()> {
    let Amount { records, rate, .. } = amount;
    if case.load == Load::Overload {
        return check_overload(line, report, records);
    }
    check_acknowledged(line, records)?;
    if rate.is_some() {
        let timed = line.latency.map_or(0, |latency| latency.timed);
        ensure!(timed > 0, "nothing was timed");
    }
    let seen = &report.produced;
    // Whoever sends what does not become smaller may send it as it is.
    let expected = if case.codec.is_some() { seen.batches } else { 0 };
    ensure!(
        seen.compressed == expected,
        "{} of {} batches came compressed",
        seen.compressed,
        seen.batches
    );
    ensure!(seen.records == records, "{} of {records} records arrived", seen.records);
    let (sum, squares) = sums(records);
    ensure!(seen.sum == sum && seen.squares == squares, "other records arrived than were sent");
    ensure!(seen.disorder == 0, "{} records or batches out of order", seen.disorder);
    ensure!(seen.repeated == 0, "{} batches came twice", seen.repeated);
    ensure!(seen.batches > 0 && report.requests.len() > 1, "the broker counted nothing");
    Ok(())
}

/// Every record has an outcome, and what arrived is what was acknowledged, in order?
fn check_overload(line: &Line, report: &Report, records: u64) -> anyhow::Result<()> {
    let overload = line.overload.context("no overload")?;
    let (acknowledged, failed) = (line.acknowledged.unwrap_or(0), line.failed.unwrap_or(0));
    let told = acknowledged + overload.refused + overload.dropped;
    ensure!(
        failed == 0 && told == records,
        "of {records} records {told} were told, {failed} failed"
    );
    let seen = &report.produced;
    ensure!(
        seen.records == acknowledged,
        "{} arrived, {acknowledged} were acknowledged",
        seen.records
    );
    ensure!(seen.sum == overload.sum, "other records arrived than were acknowledged");
    ensure!(seen.disorder == 0, "{} records or batches out of order", seen.disorder);
    ensure!(seen.repeated == 0, "{} batches came twice", seen.repeated);
    Ok(())
}

/// The sum of all numbers below this, and of their squares, both wrapping.
fn sums(records: u64) -> (u64, u64) {
    (0..records).fold((0, 0), |(sum, squares): (u64, u64), number| {
        (sum.wrapping_add(number), squares.wrapping_add(number.wrapping_mul(number)))
    })
}

/// All of the null broker's log was read, unharmed and in order?
fn check_consumed(line: &Line, case: &Case, period: i64, records: u64) -> anyhow::Result<()> {
    let seen = line.consumed.as_ref().context("no consumer's result")?;
    let end = records / case.partitions as u64;
    let period = period as u64;
    let (mut sum, mut digest) = (0_u64, 0_u64);
    for offset in 0..end {
        let number = offset % period;
        sum = sum.wrapping_add(number);
        digest = digest.wrapping_add(number.wrapping_mul(offset + 1));
    }
    let partitions = case.partitions as u64;
    ensure!(seen.count == records, "{} of {records} records were read", seen.count);
    ensure!(seen.disorder == 0, "{} offsets did not follow on", seen.disorder);
    ensure!(seen.bytes == records * case.value_size as u64, "values of other lengths were read");
    ensure!(seen.sum == sum.wrapping_mul(partitions), "other values were read");
    ensure!(seen.digest == digest.wrapping_mul(partitions), "values changed places");
    ensure!(seen.descents == (end - 1) / period * partitions, "values came in another order");
    Ok(())
}

/// All of what was produced to Kafka was read, in the order in which it was sent?
fn check_read(line: &Line, records: u64, case: &Case) -> anyhow::Result<()> {
    let seen = line.consumed.as_ref().context("no consumer's result")?;
    ensure!(seen.count == records, "{} of {records} records were read", seen.count);
    ensure!(seen.disorder == 0, "{} offsets did not follow on", seen.disorder);
    ensure!(seen.bytes == records * case.value_size as u64, "values of other lengths were read");
    ensure!(seen.sum == sums(records).0, "other values were read");
    ensure!(seen.descents == 0, "{} records are not in the order of sending", seen.descents);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDS: u64 = 1000;

    fn produced(change: impl FnOnce(&mut Line, &mut Report)) -> anyhow::Result<()> {
        let mut line: Line = serde_json::from_value(serde_json::json!({
            "records": RECORDS, "wall_s": 1.0, "first_s": null, "cpu_s": 1.0, "peak_rss_kib": 1,
            "allocations": null, "allocated_bytes": null, "failed": 0, "acknowledged": RECORDS,
            "latency": null, "overload": null, "consumed": null,
        }))?;
        let (sum, squares) = sums(RECORDS);
        let traffic = || serde_json::json!({"requests": 1, "bytes_in": 1, "bytes_out": 1});
        let mut report: Report = serde_json::from_value(serde_json::json!({
            "produced": {
                "batches": 1, "records": RECORDS, "sum": sum, "squares": squares, "disorder": 0,
                "repeated": 0, "compressed": 0,
            },
            "produce": traffic(), "fetch": traffic(), "requests": {"Produce v9": 1, "Metadata v9": 1},
            "faults": [], "period": 0, "cpu_s": 0.0,
        }))?;
        change(&mut line, &mut report);
        let amount = Amount { records: RECORDS, warm: 0, rate: None };
        let case = crate::case::wanted(&Arguments::plain()).remove(0);
        check_produced(&line, &report, amount, &case)
    }

    #[test]
    fn a_producer_is_believed_only_if_everything_arrived_once_in_order() {
        produced(|_, _| {}).unwrap();
        let faults: [fn(&mut Line, &mut Report); 8] = [
            |line, _| line.acknowledged = Some(RECORDS - 1),
            |line, _| line.failed = Some(1),
            |_, report| report.produced.records -= 1,
            |_, report| report.produced.sum += 1,
            |_, report| report.produced.squares += 1,
            |_, report| report.produced.disorder = 1,
            |_, report| report.produced.repeated = 1,
            |_, report| report.produced.compressed = 1,
        ];
        for (number, fault) in faults.into_iter().enumerate() {
            assert!(produced(fault).is_err(), "fault {number} was not noticed");
        }
    }

    fn consumed(change: impl FnOnce(&mut Consumed)) -> anyhow::Result<()> {
        let arguments = Arguments { full: true, ..Arguments::plain() };
        let case = crate::case::wanted(&arguments)
            .into_iter()
            .find(|case| case.mode == Mode::Consume && case.partitions == 12)
            .expect("a case with twelve partitions");
        let (end, period) = (50, 20);
        let mut seen = Consumed { count: 0, bytes: 0, sum: 0, digest: 0, disorder: 0, descents: 0 };
        for offset in (0..end).cycle().take(12 * end as usize) {
            let number = offset % period;
            seen.count += 1;
            seen.bytes += case.value_size as u64;
            seen.sum += number;
            seen.digest += number * (offset + 1);
            seen.descents += u64::from(offset > 0 && number == 0);
        }
        let records = seen.count;
        change(&mut seen);
        let line = Line {
            records,
            wall_s: 1.0,
            first_s: None,
            cpu_s: 1.0,
            peak_rss_kib: 1.0,
            allocations: None,
            allocated_bytes: None,
            failed: None,
            acknowledged: None,
            latency: None,
            overload: None,
            consumed: Some(seen),
        };
        check_consumed(&line, &case, period as i64, records)
    }

    #[test]
    fn a_consumer_is_believed_only_if_it_saw_everything_in_order() {
        consumed(|_| {}).unwrap();
        let faults: [fn(&mut Consumed); 6] = [
            |seen| seen.count += 1,
            |seen| seen.bytes -= 1,
            |seen| seen.sum += 1,
            |seen| seen.digest -= 1,
            |seen| seen.disorder = 1,
            |seen| seen.descents += 1,
        ];
        for (number, fault) in faults.into_iter().enumerate() {
            assert!(consumed(fault).is_err(), "fault {number} was not noticed");
        }
    }
}
