//! Reads everything back when the job is over, and says what is true.

use std::time::Duration;

use indicatif::ProgressBar;
use ottla::{BoxError, Client, Report};

use crate::{
    audit::{self, Audit, Witness},
    ledger::Ledger,
    options::Options,
    stage::Stage,
};

/// What is in the cluster after the job.
pub(crate) struct Checked {
    outputs: Ledger,
    inputs: i64,
    /// Partitions whose committed offset is not their end.
    uncommitted: usize,
    committed: i64,
}

pub(crate) async fn read_back(
    client: &Client,
    stage: &Stage,
    options: &Options,
) -> Result<Checked, BoxError> {
    let partitions = options.partitions;
    let ends = audit::ends(client, &stage.input, partitions).await?;
    let committed = audit::committed(client, stage, partitions).await?;
    let written = audit::ends(client, &stage.output, partitions).await?;
    let mut witness = Witness::new(client, stage, options)?;
    witness.read_to(&written, &ProgressBar::hidden()).await?;
    Ok(Checked {
        outputs: witness.close().await?,
        inputs: ends.iter().sum(),
        uncommitted: ends.iter().zip(&committed).filter(|(end, done)| end != done).count(),
        committed: committed.iter().sum(),
    })
}

/// Prints what was found, and returns whether every check is true.
pub(crate) fn print(
    options: &Options,
    checked: &Checked,
    audit: &Audit,
    reports: &[Report],
    took: Duration,
) -> bool {
    let outputs = &checked.outputs;
    let shares: Vec<String> = reports.iter().map(|report| report.succeeded.to_string()).collect();
    println!("records in         {}", checked.inputs);
    println!("records out        {}", outputs.records);
    println!("shared out as      {}", shares.join(" + "));
    println!("records per second {:.0}", options.records as f64 / took.as_secs_f64());
    let mut all = true;
    let mut check = |what: &str, bad: u64, of: String| {
        all &= bad == 0;
        println!("{} {what:36} {bad}{of}", if bad == 0 { "ok  " } else { "FAIL" });
    };
    check("lost", outputs.lost(), String::new());
    check("repeated", outputs.repeated, String::new());
    check("out of order within their key", outputs.out_of_order, String::new());
    check("not ours, or under a wrong key", outputs.foreign, String::new());
    let (looks, early) = (audit.looks, audit.early);
    check("committed before they were written", early, format!(" (in {looks} looks)"));
    let committed = format!(" (committed {} of {})", checked.committed, checked.inputs);
    check("partitions not committed to their end", checked.uncommitted as u64, committed);
    let missing = options.records.abs_diff(checked.inputs.max(0) as u64);
    check("inputs missing", missing, String::new());
    check("stuck", u64::from(!audit.finished), String::new());
    println!("{}", if all { "all checks true" } else { "not all checks are true" });
    all
}
