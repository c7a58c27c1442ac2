//! What a run found, for a person and for the record.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use ottla_integration_tests::{
    Version,
    history::{Anomaly, Figures, Verdict},
};

use crate::{
    arguments::Arguments,
    nemesis::{KILL, PAUSE, is_of_cluster},
};

/// A run, looked at.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) figures: Figures,
    pub(crate) verdicts: Vec<Verdict>,
    pub(crate) lasting: Duration,
}

impl Judged {
    pub(crate) fn is_good(&self) -> bool {
        self.verdicts.is_empty() && self.missing().is_empty()
    }

    /// Why the run does not count, if it does not.
    fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        let faults = &self.figures.faults;
        // Twenty in ten minutes, and five in one.
        let wanted = if self.lasting >= Duration::from_secs(300) { 20 } else { 5 };
        let of_cluster: u64 =
            faults.iter().filter(|(kind, _)| is_of_cluster(kind)).map(|(_, count)| count).sum();
        if of_cluster < wanted {
            missing.push(format!("only {of_cluster} faults of nodes and leaders, not {wanted}"));
        }
        for kind in [KILL, PAUSE] {
            if !faults.contains_key(&kind.replace(' ', "_")) {
                missing.push(format!("no {kind}"));
            }
        }
        if !self.figures.has_all_outcomes() {
            missing.push("not every kind of outcome".to_owned());
        }
        missing
    }
}

/// The report of a run, as Markdown.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    pub(crate) arguments: &'a Arguments,
    pub(crate) version: &'a Version,
    pub(crate) judged: &'a Judged,
    pub(crate) took: Duration,
}

impl Report<'_> {
    /// Writes it into a folder, under the date and the seed.
    pub(crate) fn write(&self, folder: &Path) -> io::Result<PathBuf> {
        fs::create_dir_all(folder)?;
        let file = folder.join(format!("faults-{}-seed-{}.md", today(), self.arguments.seed));
        fs::write(&file, format!("{self}\n"))?;
        Ok(file)
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (figures, verdicts) = (&self.judged.figures, &self.judged.verdicts);
        let missing = self.judged.missing();
        writeln!(f, "# Faults, {}\n", today())?;
        let verdict = match (verdicts.len(), missing.len()) {
            (0, 0) => "Nothing is wrong.".to_owned(),
            (0, _) => format!("Not counted: {}.", missing.join("; ")),
            (count, _) => format!("**{count} anomalies.**"),
        };
        writeln!(f, "{verdict}\n")?;
        writeln!(f, "| | |\n|---|---|")?;
        writeln!(f, "| seed | {} |", self.arguments.seed)?;
        writeln!(f, "| faults for | {} s |", self.judged.lasting.as_secs())?;
        writeln!(f, "| all took | {} s |", self.took.as_secs())?;
        let commit = commit().unwrap_or_else(|| "unknown".to_owned());
        writeln!(f, "| ottla | {}, commit {commit} |", env!("CARGO_PKG_VERSION"))?;
        writeln!(f, "| Kafka | {}, {} nodes |", self.version, self.arguments.nodes)?;
        let cores = thread::available_parallelism().map_or(0, usize::from);
        writeln!(f, "| machine | {cores} cores |")?;

        writeln!(f, "\n## What went wrong on purpose\n\n| fault | times |\n|---|--:|")?;
        for (kind, count) in &figures.faults {
            writeln!(f, "| {} | {count} |", kind.replace('_', " "))?;
        }
        writeln!(f, "\n## What became of the records\n\n| outcome | records |\n|---|--:|")?;
        writeln!(f, "| sent | {} |", figures.sent)?;
        writeln!(f, "| written | {} |", figures.written)?;
        writeln!(f, "| of these, offset not known | {} |", figures.written_without_offset)?;
        for (reason, count) in &figures.not_written {
            writeln!(f, "| not written: {} | {count} |", reason.replace('_', " "))?;
        }
        for (reason, count) in &figures.unknown {
            writeln!(f, "| unknown: {} | {count} |", reason.replace('_', " "))?;
        }
        writeln!(f, "\n## What the groups did\n\n| | |\n|---|--:|")?;
        for (how, count) in &figures.members {
            writeln!(f, "| members that ended {how} | {count} |")?;
        }
        writeln!(f, "| partitions assigned | {} |", figures.assignments)?;
        writeln!(f, "| partitions lost | {} |", figures.losses)?;
        writeln!(f, "| records that readers got | {} |", figures.handed)?;
        writeln!(f, "| of these, again | {} |", figures.handed_again)?;
        writeln!(f, "| marks accepted | {} |", figures.marks)?;
        writeln!(f, "| marks refused | {} |", figures.marks_refused)?;
        writeln!(f, "| commits confirmed when asked for | {} |", figures.commits)?;
        writeln!(f, "| commits not confirmed | {} |", figures.commits_failed)?;
        self.recovery(f)?;

        writeln!(f, "\n## Anomalies\n\n| anomaly | found |\n|---|--:|")?;
        for anomaly in Anomaly::ALL {
            let count = verdicts.iter().filter(|verdict| verdict.anomaly == anomaly).count();
            writeln!(f, "| {anomaly} | {count} |")?;
        }
        if !verdicts.is_empty() {
            writeln!(f, "\nThe first of each kind:\n")?;
        }
        for anomaly in Anomaly::ALL {
            let of_kind = verdicts.iter().filter(|verdict| verdict.anomaly == anomaly);
            for verdict in of_kind.take(SHOWN) {
                writeln!(f, "- {verdict}")?;
            }
        }
        Ok(())
    }
}

impl Report<'_> {
    fn recovery(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figures = &self.judged.figures;
        writeln!(f, "\n## How long it took to recover\n")?;
        writeln!(
            f,
            "From when a fault was mended until every partition had taken a new record.\n"
        )?;
        writeln!(f, "| fault | median | longest |\n|---|--:|--:|")?;
        for kind in figures.faults.keys() {
            let of_kind = figures.recoveries.iter().filter(|recovery| recovery.kind == *kind);
            let mut times: Vec<_> = of_kind.map(|recovery| recovery.after).collect();
            times.sort_unstable();
            let (Some(median), Some(longest)) = (times.get(times.len() / 2), times.last()) else {
                continue;
            };
            writeln!(f, "| {} | {median} ms | {longest} ms |", kind.replace('_', " "))?;
        }
        let milliseconds = |time: Option<u64>| {
            time.map_or_else(|| "never".to_owned(), |time| format!("{time} ms"))
        };
        let flushed = milliseconds(figures.flushed_after);
        let drained = milliseconds(figures.drained_after);
        writeln!(f, "\nAfter the last fault all records had outcomes in {flushed}, and all was")?;
        writeln!(
            f,
            "committed by both groups in {drained}; producers went on for the first three"
        )?;
        writeln!(f, "seconds of it.")
    }
}

/// The commit of the tree that this runs in, if it is one of git.
fn commit() -> Option<String> {
    let output = Command::new("git").args(["rev-parse", "--short", "HEAD"]).output().ok()?;
    let name = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| name.trim().to_owned())
}

/// The date, by the time of Greenwich.
fn today() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    date(i64::try_from(since.as_secs() / 86_400).unwrap_or_default())
}

/// The date that is so many days after the first of January 1970.
fn date(days: i64) -> String {
    // Years are counted from March on, so that a leap day is the last of its year; an era is 400
    // years, after which the calendar repeats.
    let shifted = days + 719_468;
    let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let in_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * in_year + 2) / 153;
    let day = in_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!("{:04}-{month:02}-{day:02}", year + era * 400 + next)
}

/// Of each kind of anomaly.
const SHOWN: usize = 5;

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(11_016), "2000-02-29");
        assert_eq!(date(11_017), "2000-03-01");
        assert_eq!(date(20_778), "2026-11-21");
    }
}
