//! Who is measured.

use std::path::Path;
use std::process::Command;

use crate::arguments::Arguments;
use crate::case::{Case, Load, Mode};

/// A client by one of its interfaces.
#[derive(Clone, Debug)]
pub struct Client {
    pub name: &'static str,
    /// The program, or what stands for it.
    program: &'static str,
    api: Option<&'static str>,
    /// Whether the program counts its own allocations, because its memory does not come from malloc.
    pub counts_allocations: bool,
    /// Whether it runs on code that is compiled while it runs, so that it needs longer to warm up.
    pub warms_slowly: bool,
    /// Why it cannot run.
    pub missing: Option<String>,
}

/// It has no way to send a single record.
const WHOLE_BATCHES: &str = "rskafka, batches by hand";

const fn client(name: &'static str, program: &'static str, api: Option<&'static str>) -> Client {
    Client { name, program, api, counts_allocations: false, warms_slowly: false, missing: None }
}

const JAVA: &str = "java";

/// What ottla can do with records that are too many; nobody else has all of these.
fn strategies() -> Vec<Client> {
    let ottla = |name, api| client(name, "bench-ottla", Some(api));
    vec![
        ottla("ottla, wait", "overload-wait"),
        ottla("ottla, fail", "overload-fail"),
        ottla("ottla, drop newest", "overload-drop-newest"),
        ottla("ottla, drop oldest", "overload-drop-oldest"),
    ]
}

fn all(case: &Case) -> Vec<Client> {
    if case.load == Load::Overload {
        return strategies();
    }
    let mut all = match case.mode {
        Mode::Produce => vec![
            client("ottla", "bench-ottla", None),
            client("rdkafka ThreadedProducer", "bench-rdkafka", Some("threaded")),
            client("rdkafka FutureProducer", "bench-rdkafka", Some("future")),
            client("krafka", "bench-krafka", None),
            client("rskafka BatchProducer", "bench-rskafka", Some("batch-producer")),
            client(WHOLE_BATCHES, "bench-rskafka", Some("own-batches")),
        ],
        Mode::Consume => vec![
            client("ottla", "bench-ottla", None),
            client("rdkafka BaseConsumer", "bench-rdkafka", Some("base")),
            client("rdkafka StreamConsumer", "bench-rdkafka", Some("stream")),
            client("krafka", "bench-krafka", None),
            client("rskafka StreamConsumer", "bench-rskafka", None),
        ],
    };
    all.push(Client { counts_allocations: true, ..client("franz-go", "bench-franz-go", None) });
    all.push(Client { counts_allocations: true, warms_slowly: true, ..client("Java", JAVA, None) });
    all
}

/// The clients that the command line asks for, those that cannot run included.
pub fn wanted(arguments: &Arguments, case: &Case) -> Vec<Client> {
    let asked = |name: &str| {
        let name = name.to_lowercase();
        arguments.clients.is_empty()
            || arguments.clients.iter().any(|word| name.contains(&word.to_lowercase()))
    };
    let mut wanted: Vec<Client> =
        all(case).into_iter().filter(|client| asked(client.name)).collect();
    if case.is_timed() {
        wanted.retain(|client| client.name != WHOLE_BATCHES);
    }
    for client in &mut wanted {
        client.missing = arguments.missing.get(client.program).cloned().or_else(|| {
            let there = if client.program == JAVA {
                arguments.class_path.is_some()
            } else {
                arguments.programs.join(client.program).exists()
            };
            (!there).then(|| "not built".to_owned())
        });
    }
    wanted
}

impl Client {
    /// The command without its arguments.
    pub fn command(&self, arguments: &Arguments, pinned: Option<usize>) -> Command {
        let program =
            if self.program == JAVA { JAVA.into() } else { arguments.programs.join(self.program) };
        let mut command = crate::pinning::command(&program, pinned);
        if self.program == JAVA {
            command.args(["-Xmx512m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp"]);
            command.arg(arguments.class_path.as_deref().unwrap_or_default());
            command.arg("Client");
        }
        command
    }

    /// Asks for the interface.
    pub fn choose_api(&self, command: &mut Command) {
        if let Some(api) = self.api {
            command.args(["--api", api]);
        }
    }

    /// The library that counts what malloc gives out, for those who do not count themselves.
    pub fn counted(&self, programs: &Path, command: &mut Command) {
        if !self.counts_allocations {
            command.env("LD_PRELOAD", programs.join("libcount-malloc.so"));
        }
    }
}
