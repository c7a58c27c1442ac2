//! What the figures were taken on and of.

use std::fs;
use std::process::Command;

use crate::arguments::Arguments;
use crate::pinning::Pinning;

pub struct Machine {
    processor: String,
    processors: usize,
    kernel: String,
    pub date: String,
    pub versions: Vec<String>,
}

impl Machine {
    pub fn look(arguments: &Arguments) -> Self {
        let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = info.lines().find_map(|line| line.strip_prefix("model name"));
        let model = model.map_or("unknown", |model| model.trim_start_matches([' ', '\t', ':']));
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            processor: model.to_owned(),
            processors: info.lines().filter(|line| line.starts_with("processor")).count(),
            kernel: kernel.trim().to_owned(),
            date: said(Command::new("date").args(["-u", "+%Y-%m-%d %H:%M UTC"])),
            versions: arguments.versions.clone(),
        }
    }

    pub fn in_words(&self, pinning: &Pinning) -> String {
        let Self { processor, processors, kernel, .. } = self;
        format!(
            "{processors} × {processor}, Linux {kernel}; load {}; {}",
            fs::read_to_string("/proc/loadavg")
                .unwrap_or_default()
                .split(' ')
                .next()
                .unwrap_or_default(),
            pinning.in_words()
        )
    }
}

fn said(command: &mut Command) -> String {
    let output = command.output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).trim().to_owned()
}
