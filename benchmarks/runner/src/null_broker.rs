//! The null broker as a process.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Stdio};

use anyhow::{Context, ensure};
use serde::Deserialize;

use crate::arguments::Arguments;
use crate::case::{Case, Mode};
use crate::pinning;

/// A null broker that runs until it is asked what it saw.
pub struct NullBroker {
    process: Child,
    output: BufReader<ChildStdout>,
    pub bootstrap: String,
}

#[derive(Debug, Deserialize)]
pub struct Totals {
    pub batches: u64,
    pub records: u64,
    pub sum: u64,
    pub squares: u64,
    pub disorder: u64,
    pub repeated: u64,
    pub compressed: u64,
}

#[derive(Debug, Deserialize)]
pub struct Traffic {
    pub requests: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
}

/// What it saw.
#[derive(Debug, Deserialize)]
pub struct Report {
    pub produced: Totals,
    pub produce: Traffic,
    pub fetch: Traffic,
    pub requests: BTreeMap<String, u64>,
    pub faults: Vec<String>,
    pub period: i64,
    pub cpu_s: f64,
}

impl NullBroker {
    pub fn start(
        arguments: &Arguments,
        case: &Case,
        records: u64,
        processor: Option<usize>,
    ) -> anyhow::Result<Self> {
        let mut command = pinning::command(&arguments.programs.join("null-broker"), processor);
        command.args(["--partitions", &case.partitions.to_string()]);
        command.args(["--delay-ms", &case.delay_ms.to_string()]);
        if case.mode == Mode::Consume {
            let end = records / case.partitions as u64;
            command.args(["--end-offset", &end.to_string()]);
            command.args(["--value-size", &case.value_size.to_string()]);
            command.args(["--batch-records", &case.batch_records().to_string()]);
        }
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the null broker does not start")?;
        let mut output = BufReader::new(process.stdout.take().context("no output")?);
        let mut line = String::new();
        output.read_line(&mut line)?;
        let bootstrap = line.trim().strip_prefix("listening ").map(str::to_owned);
        let bootstrap = bootstrap.context("the null broker does not listen")?;
        Ok(Self { process, output, bootstrap })
    }

    /// Ends it and asks what it saw.
    pub fn report(mut self) -> anyhow::Result<Report> {
        drop(self.process.stdin.take());
        let mut line = String::new();
        self.output.read_to_string(&mut line)?;
        ensure!(self.process.wait()?.success(), "the null broker failed");
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for NullBroker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
