//! The command line.

use std::path::PathBuf;

pub(crate) const USAGE: &str = "\
Runs real Apache Kafka on this machine, from the jars of Maven Central.
Needs a Java development kit (17 or newer) and, to fetch a version for the first time, Maven.

usage: kafka [--dir FOLDER] COMMAND

  up [--nodes N] [--version V] [--set NAME=VALUE]...
                   start N nodes (1) of version V (4.3.1) and leave them running;
                   prints the bootstrap address, and nothing else, on standard output
  down             end all nodes and remove everything they wrote
  status           say what each node does
  kill NODE        end a node at once, as a power cut would
  stop NODE        let a node shut down cleanly
  start NODE       start a node that is down, on its old port and data
  pause NODE       make a node hang: its connections stay open, nothing is answered
  resume NODE      let a paused node go on
  tool CLASS [ARGUMENT]...
                   run a tool of Kafka, such as org.apache.kafka.tools.TopicCommand
  with [--nodes N] [--version V] [--set NAME=VALUE]... -- COMMAND [ARGUMENT]...
                   start a cluster of its own, run COMMAND with BOOTSTRAP_SERVERS set,
                   remove the cluster, and exit with the code of COMMAND
  help             print this

Nodes are numbered from 1. `--set` adds a line to server.properties, or replaces one.
--dir is where `up` keeps what the nodes write, so that there can be several clusters.

environment: JAVA_HOME; XDG_CACHE_HOME, where the jars are kept; OTTLA_KAFKA_VERSION, if
no --version is given.

exit code: 0; 1 if it failed; 2 if the command line is wrong; 3 if Java or Maven is
missing; of `with` and `tool` that of the command, 127 if it could not be run.";

/// A command line that makes sense.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    pub(crate) folder: Option<PathBuf>,
    pub(crate) order: Order,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Help,
    Up(Wanted),
    Down,
    Status,
    Change(Change, u32),
    Tool(String, Vec<String>),
    With(Wanted, String, Vec<String>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Kill,
    Stop,
    Start,
    Pause,
    Resume,
}

/// The cluster to start.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) nodes: usize,
    pub(crate) version: Option<String>,
    pub(crate) properties: Vec<(String, String)>,
}

impl Arguments {
    /// Reads the words after the program's name; an error is a sentence for the user.
    pub(crate) fn read(words: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut words = words.into_iter();
        let mut folder = None;
        let command = loop {
            let word = words.next().ok_or("a command is missing")?;
            match word.as_str() {
                "--dir" => folder = Some(PathBuf::from(value_of("--dir", &mut words)?)),
                _ => break word,
            }
        };
        let order = match command.as_str() {
            "help" | "--help" | "-h" => Order::Help,
            "up" => {
                let (wanted, more) = read_wanted(&mut words, &mut folder)?;
                if more {
                    return Err("`up` takes no command to run; `with` does".to_owned());
                }
                Order::Up(wanted)
            }
            "with" => {
                let (wanted, _) = read_wanted(&mut words, &mut folder)?;
                let program = words.next().ok_or("`with` needs `--` and a command to run")?;
                Order::With(wanted, program, words.by_ref().collect())
            }
            "tool" => {
                let class = words.next().ok_or("`tool` needs the name of a class")?;
                Order::Tool(class, words.by_ref().collect())
            }
            "down" => Order::Down,
            "status" => Order::Status,
            "kill" => Order::Change(Change::Kill, node(&mut words)?),
            "stop" => Order::Change(Change::Stop, node(&mut words)?),
            "start" => Order::Change(Change::Start, node(&mut words)?),
            "pause" => Order::Change(Change::Pause, node(&mut words)?),
            "resume" => Order::Change(Change::Resume, node(&mut words)?),
            other => return Err(format!("there is no command `{other}`")),
        };
        // What follows one of the short commands can only be the folder.
        while let Some(word) = words.next() {
            match word.as_str() {
                "--dir" => folder = Some(PathBuf::from(value_of("--dir", &mut words)?)),
                _ => return Err(format!("`{word}` is not understood here")),
            }
        }
        if folder.is_some() && matches!(order, Order::With(..)) {
            return Err("`with` has a folder of its own; `--dir` is for `up`".to_owned());
        }
        Ok(Self { folder, order })
    }
}

/// Reads options until the end, or until `--`: the second value says which.
fn read_wanted(
    words: &mut impl Iterator<Item = String>,
    folder: &mut Option<PathBuf>,
) -> Result<(Wanted, bool), String> {
    let mut wanted = Wanted { nodes: 1, version: None, properties: Vec::new() };
    while let Some(word) = words.next() {
        match word.as_str() {
            "--" => return Ok((wanted, true)),
            "--nodes" => {
                let text = value_of("--nodes", words)?;
                wanted.nodes = text.parse().map_err(|_| format!("`{text}` is not a number"))?;
            }
            "--version" => wanted.version = Some(value_of("--version", words)?),
            "--set" => {
                let text = value_of("--set", words)?;
                let (name, value) =
                    text.split_once('=').ok_or_else(|| format!("`{text}` is not NAME=VALUE"))?;
                wanted.properties.push((name.to_owned(), value.to_owned()));
            }
            "--dir" => *folder = Some(PathBuf::from(value_of("--dir", words)?)),
            _ => return Err(format!("`{word}` is not understood here")),
        }
    }
    Ok((wanted, false))
}

fn value_of(option: &str, words: &mut impl Iterator<Item = String>) -> Result<String, String> {
    words.next().ok_or_else(|| format!("`{option}` needs a value"))
}

fn node(words: &mut impl Iterator<Item = String>) -> Result<u32, String> {
    let text = words.next().ok_or("the number of a node is missing")?;
    text.parse().map_err(|_| format!("`{text}` is not the number of a node"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Arguments, String> {
        Arguments::read(line.split_whitespace().map(str::to_owned))
    }

    fn order(line: &str) -> Order {
        read(line).unwrap().order
    }

    #[test]
    fn up_takes_options_in_any_order() {
        let wanted = Wanted {
            nodes: 3,
            version: Some("3.9.2".into()),
            properties: vec![("a.b".into(), "c=d".into())],
        };
        assert_eq!(order("up --set a.b=c=d --version 3.9.2 --nodes 3"), Order::Up(wanted));
        let plain = Wanted { nodes: 1, version: None, properties: vec![] };
        assert_eq!(order("up"), Order::Up(plain));
    }

    #[test]
    fn a_folder_may_come_first_or_last() {
        for line in ["--dir /x down", "down --dir /x"] {
            let read = read(line).unwrap();
            assert_eq!((read.folder, read.order), (Some("/x".into()), Order::Down), "{line}");
        }
        assert_eq!(read("up --dir /x --nodes 3").unwrap().folder, Some("/x".into()));
    }

    #[test]
    fn what_follows_is_left_to_the_command() {
        let Order::With(wanted, program, rest) = order("with --nodes 3 -- cargo test -- --nodes")
        else {
            panic!("not `with`");
        };
        assert_eq!((wanted.nodes, program.as_str()), (3, "cargo"));
        assert_eq!(rest, ["test", "--", "--nodes"]);
        let tool = order("tool a.B --dir --help");
        assert_eq!(tool, Order::Tool("a.B".into(), vec!["--dir".into(), "--help".into()]));
    }

    #[test]
    fn nodes_are_numbers() {
        assert_eq!(order("pause 2"), Order::Change(Change::Pause, 2));
        for line in ["kill", "kill x", "kill -1", "kill 1 2"] {
            assert!(read(line).is_err(), "{line}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (line, said) in [
            ("", "a command is missing"),
            ("upp", "there is no command `upp`"),
            ("up --nodes", "`--nodes` needs a value"),
            ("up --nodes many", "`many` is not a number"),
            ("up --set x", "`x` is not NAME=VALUE"),
            ("up 3", "`3` is not understood here"),
            ("up -- ls", "`up` takes no command to run; `with` does"),
            ("with --nodes 3", "`with` needs `--` and a command to run"),
            ("with --dir /x -- ls", "`with` has a folder of its own; `--dir` is for `up`"),
            ("tool", "`tool` needs the name of a class"),
            ("down now", "`now` is not understood here"),
        ] {
            assert_eq!(read(line).unwrap_err(), said, "{line:?}");
        }
    }
}
