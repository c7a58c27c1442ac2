//! A real broker: topics to make, to fill, to read back.

use std::cell::RefCell;
use std::collections::HashSet;
use std::process::{Command, Stdio};

use anyhow::ensure;

use crate::arguments::Arguments;
use crate::case::{Case, Mode};
use crate::run::Amount;

pub struct Kafka {
    pub bootstrap: String,
    /// It makes topics, fills them and reads them back: librdkafka.
    program: std::path::PathBuf,
    made: RefCell<u32>,
    /// Topics to consume that are filled.
    filled: RefCell<HashSet<String>>,
}

pub struct Topics {
    pub measured: String,
    pub warm: String,
}

/// Every run on a real broker has the same number of records: what is consumed is filled once.
const RECORDS: u64 = 1_000_000;

impl Kafka {
    pub fn at(arguments: &Arguments, bootstrap: &str) -> Self {
        Self {
            bootstrap: bootstrap.to_owned(),
            program: arguments.programs.join("bench-rdkafka"),
            made: RefCell::new(0),
            filled: RefCell::new(HashSet::new()),
        }
    }

    pub fn records(&self) -> u64 {
        RECORDS
    }

    /// New topics for a producer, a filled one for a consumer.
    pub fn topics(&self, case: &Case, amount: Amount) -> anyhow::Result<Topics> {
        let partitions = case.partitions;
        match case.mode {
            Mode::Produce => {
                let mut made = self.made.borrow_mut();
                *made += 1;
                let measured = format!("bench-{made}");
                let warm = format!("warm-{made}");
                self.call(&["create", &measured, &partitions.to_string()])?;
                self.call(&["create", &warm, &partitions.to_string()])?;
                Ok(Topics { measured, warm })
            }
            Mode::Consume => {
                let (value, records) = (case.value_size, amount.records);
                let name = format!("filled-{value}-{partitions}-{records}");
                if !self.filled.borrow().contains(&name) {
                    self.call(&["create", &name, &partitions.to_string()])?;
                    let mut fill = Command::new(&self.program);
                    fill.args(["produce", "--bootstrap", &self.bootstrap, "--topic", &name]);
                    fill.args(["--partitions", &partitions.to_string()]);
                    fill.args(["--value-size", &value.to_string()]);
                    fill.args(["--records", &records.to_string()]);
                    run(&mut fill)?;
                    self.filled.borrow_mut().insert(name.clone());
                }
                Ok(Topics { measured: name.clone(), warm: name })
            }
        }
    }

    /// Reads a topic from its beginning and returns the reader's line.
    pub fn read_back(&self, case: &Case, topic: &str, records: u64) -> anyhow::Result<String> {
        let mut read = Command::new(&self.program);
        read.args(["consume", "--bootstrap", &self.bootstrap, "--topic", topic]);
        read.args(["--settings", "tuned", "--within", "60"]);
        read.args(["--partitions", &case.partitions.to_string()]);
        read.args(["--value-size", &case.value_size.to_string()]);
        read.args(["--records", &records.to_string()]);
        run(&mut read)
    }

    pub fn delete(&self, topics: &Topics) -> anyhow::Result<()> {
        self.call(&["delete", &topics.measured])?;
        self.call(&["delete", &topics.warm])?;
        Ok(())
    }

    fn call(&self, words: &[&str]) -> anyhow::Result<String> {
        let program = self.program.with_file_name("bench-topics");
        run(Command::new(program).arg(&self.bootstrap).args(words))
    }
}

fn run(command: &mut Command) -> anyhow::Result<String> {
    let output = command.stdin(Stdio::null()).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {}: {}", output.status, said.trim());
    Ok(String::from_utf8(output.stdout)?)
}
