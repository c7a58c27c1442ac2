//! Real Kafka on this machine, for a person or a script. `kafka help` prints the usage.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "invariant: a program for a terminal"
)]

mod arguments;

use std::{
    env,
    path::PathBuf,
    process::{Command, ExitCode, ExitStatus},
};

use arguments::{Arguments, Change, Order, USAGE, Wanted};
use ottla_integration_tests::{Cluster, Jars, Java, LaunchError, NodeState, Settings, Version};

fn main() -> ExitCode {
    let arguments = match Arguments::read(env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(mistake) => {
            eprintln!("kafka: {mistake}\n\n{USAGE}");
            return ExitCode::from(MISTAKE);
        }
    };
    match carry_out(arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("kafka: {error}");
            ExitCode::from(if error.is_missing_program() { MISSING } else { FAILED })
        }
    }
}

fn carry_out(arguments: Arguments) -> Result<ExitCode, LaunchError> {
    let folder = arguments.folder.unwrap_or_else(default_folder);
    match arguments.order {
        Order::Help => println!("{USAGE}"),
        Order::Up(wanted) => {
            let cluster = Cluster::start_in(&folder, &settings(wanted)?, &progress)?;
            let bootstrap = cluster.bootstrap();
            cluster.detach();
            println!("{bootstrap}");
        }
        Order::Down => Cluster::open(&folder)?.down()?,
        Order::Change(change, node) => {
            let mut cluster = Cluster::open(&folder)?;
            match change {
                Change::Kill => cluster.kill(node)?,
                Change::Stop => cluster.stop(node)?,
                Change::Pause => cluster.pause(node)?,
                Change::Resume => cluster.resume(node)?,
                Change::Start => cluster.start_node(node)?,
            }
        }
        Order::Status => print_status(&mut Cluster::open(&folder)?),
        Order::Tool(class, arguments) => {
            let version = match Cluster::open(&folder) {
                Ok(cluster) => cluster.version().clone(),
                Err(LaunchError::NotUp { .. }) => Version::wanted()?,
                Err(error) => return Err(error),
            };
            let mut command = Java::find()?.tool(&Jars::get(&version, &progress)?);
            return Ok(exit_code(command.arg(class).args(arguments), "java"));
        }
        Order::With(wanted, program, arguments) => {
            let settings = settings(wanted)?;
            let cluster = Cluster::start(&settings, &progress)?;
            let code = exit_code(
                Command::new(&program)
                    .args(arguments)
                    .env("BOOTSTRAP_SERVERS", cluster.bootstrap())
                    .env("OTTLA_KAFKA_VERSION", settings.version.as_str()),
                &program,
            );
            cluster.down()?;
            return Ok(code);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn settings(wanted: Wanted) -> Result<Settings, LaunchError> {
    let version = match wanted.version {
        Some(text) => text.parse()?,
        None => Version::wanted()?,
    };
    let properties = wanted.properties;
    Ok(Settings { nodes: wanted.nodes, version, properties, ..Settings::default() })
}

fn print_status(cluster: &mut Cluster) {
    println!("Kafka {} in {}", cluster.version(), cluster.folder().display());
    for node in cluster.nodes() {
        let (id, port) = (node.id(), node.port());
        let pid = node.pid().map_or_else(|| "-".to_owned(), |pid| pid.to_string());
        let state = match node.state() {
            NodeState::Down => "down",
            NodeState::Paused => "paused",
            NodeState::Running if node.answers() => "answers",
            NodeState::Running => "runs, does not answer",
        };
        println!("node {id}  127.0.0.1:{port}  pid {pid}  {state}");
    }
}

/// Runs a command in our place: its exit code becomes ours, in the way of a shell.
fn exit_code(command: &mut Command, name: &str) -> ExitCode {
    match command.status() {
        Ok(status) => ExitCode::from(shell_code(status)),
        Err(error) => {
            eprintln!("kafka: cannot run {name}: {error}");
            ExitCode::from(NOT_RUN)
        }
    }
}

fn shell_code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(u8::MAX);
    }
    // A code that does not fit must not turn into 0.
    status.code().map_or(FAILED, |code| u8::try_from(code).unwrap_or(u8::MAX))
}

fn default_folder() -> PathBuf {
    let user = env::var("USER").unwrap_or_else(|_| "anybody".to_owned());
    env::temp_dir().join(format!("ottla-kafka-of-{}", user.replace('/', "_")))
}

fn progress(sentence: &str) {
    eprintln!("kafka: {sentence}");
}

const FAILED: u8 = 1;

const MISTAKE: u8 = 2;

/// Java or Maven has to be installed.
const MISSING: u8 = 3;

/// What shells answer when there is no such command.
const NOT_RUN: u8 = 127;
