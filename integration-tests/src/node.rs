//! One node of Kafka: a JVM that is broker and controller.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    Jars, Java, LaunchError, keeper, probe,
    process::{self, Signal},
    properties::{Addresses, LOG4J_1},
    tool,
};

/// One node of a [`Cluster`](crate::Cluster), and everything it writes.
///
/// ```text
///            start                pause
///   down ───────────► running ◄─────────► paused
///     ▲                  │       resume      │
///     └──────────────────┴───────────────────┘
///             kill (at once), stop (cleanly)
/// ```
#[derive(Debug)]
pub struct Node {
    id: u32,
    addresses: Addresses,
    folder: PathBuf,
    /// The process, if it was started here: only then can and must it be waited for.
    child: Option<Child>,
}

/// What a node's process is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeState {
    /// There is a process; it may not answer yet.
    Running,
    /// The process exists and does nothing, as if it hung; its port stays open.
    Paused,
    /// There is no process.
    Down,
}

impl Node {
    pub(crate) fn new(id: u32, addresses: Addresses, cluster: &Path) -> Self {
        Self { id, addresses, folder: cluster.join(id.to_string()), child: None }
    }

    /// The node's number, from 1; also its broker id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The loopback port where it serves clients.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.addresses.port
    }

    /// The id of its process, unless it is down.
    pub fn pid(&mut self) -> Option<u32> {
        if let Some(child) = &mut self.child {
            // Asking also reaps the child, so that it does not stay a zombie.
            return matches!(child.try_wait(), Ok(None)).then(|| child.id());
        }
        let pid = fs::read_to_string(self.pid_file()).ok()?.trim().parse().ok()?;
        process::exists(pid, &self.mark()).then_some(pid)
    }

    /// What its process is doing.
    pub fn state(&mut self) -> NodeState {
        match self.pid() {
            Some(pid) if process::is_paused(pid) => NodeState::Paused,
            Some(_) => NodeState::Running,
            None => NodeState::Down,
        }
    }

    /// Whether it answers requests now, and knows itself to be part of the cluster.
    #[must_use]
    pub fn answers(&self) -> bool {
        self.ready(&[self.id]).is_ok()
    }

    /// Writes its settings, and starts the tool that prepares its folder for data.
    pub(crate) fn format(
        &self,
        java: &Java,
        jars: &Jars,
        cluster_id: &str,
        properties: &str,
        features: &[(String, i16)],
    ) -> Result<Child, LaunchError> {
        fs::create_dir_all(self.folder.join("tmp"))
            .map_err(LaunchError::io("create", &self.folder))?;
        let file = self.properties_file();
        fs::write(&file, properties).map_err(LaunchError::io("write", &file))?;
        let logging = self.folder.join("log4j.properties");
        fs::write(&logging, LOG4J_1).map_err(LaunchError::io("write", &logging))?;
        let mut command = self.command(java, jars, FORMAT_HEAP_MIB)?;
        command.args(["kafka.tools.StorageTool", "format", "-t", cluster_id, "-c"]).arg(file);
        for (feature, level) in features {
            command.arg("--feature").arg(format!("{feature}={level}"));
        }
        let tool = command.spawn().map_err(LaunchError::io("run", "java"))?;
        // So that the keeper ends it too: it would write into a folder that was just removed.
        let pid = self.pid_file();
        fs::write(&pid, tool.id().to_string()).map_err(LaunchError::io("write", pid))?;
        Ok(tool)
    }

    /// Starts its process, detached: it outlives this one unless a keeper watches.
    pub(crate) fn spawn(&mut self, java: &Java, jars: &Jars) -> Result<(), LaunchError> {
        if self.pid().is_some() {
            return Err(LaunchError::NodeRuns { node: self.id });
        }
        let mut command = self.command(java, jars, HEAP_MIB)?;
        command.arg("kafka.Kafka").arg(self.properties_file());
        let child = command.spawn().map_err(LaunchError::io("run", "java"))?;
        let pid = child.id().to_string();
        self.child = Some(child);
        fs::write(self.pid_file(), pid).map_err(LaunchError::io("write", self.pid_file()))
    }

    /// Waits until the node answers and names exactly the brokers `wanted`, or only itself among
    /// others if `wanted` is just that.
    pub(crate) fn wait_ready(&mut self, wanted: &[u32]) -> Result<(), LaunchError> {
        let started = Instant::now();
        loop {
            let Err(last) = self.ready(wanted) else { return Ok(()) };
            if self.state() == NodeState::Down {
                return Err(LaunchError::NodeEnded { node: self.id, log: self.log_end() });
            }
            let waited = started.elapsed();
            if waited >= START_LIMIT {
                let log = self.log_end();
                return Err(LaunchError::NotReady {
                    node: self.id,
                    waited: START_LIMIT,
                    last,
                    log,
                });
            }
            thread::sleep(INTERVAL);
        }
    }

    /// Ends its process at once, as a power cut would. A node that is down stays down.
    pub(crate) fn kill(&mut self) -> Result<(), LaunchError> {
        let Some(pid) = self.pid() else { return Ok(()) };
        self.send(pid, Signal::Kill)?;
        self.wait_down(KILL_LIMIT)
    }

    /// Lets it shut down cleanly: it hands its leaderships over and flushes.
    pub(crate) fn stop(&mut self) -> Result<(), LaunchError> {
        let Some(pid) = self.pid() else { return Ok(()) };
        self.send(pid, Signal::Terminate)?;
        self.wait_down(STOP_LIMIT)
    }

    /// Stops its process from running, while its connections stay open.
    pub(crate) fn pause(&mut self) -> Result<(), LaunchError> {
        let pid = self.pid().ok_or(LaunchError::NodeDown { node: self.id })?;
        self.send(pid, Signal::Stop)?;
        // The signal arrives when the process is given the processor next.
        let until = Instant::now() + STOP_SIGNAL_LIMIT;
        while !process::is_paused(pid) {
            if Instant::now() > until {
                let late = io::Error::from(io::ErrorKind::TimedOut);
                return Err(LaunchError::io("pause the process of", &self.folder)(late));
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Lets a paused process run on.
    pub(crate) fn resume(&mut self) -> Result<(), LaunchError> {
        let pid = self.pid().ok_or(LaunchError::NodeDown { node: self.id })?;
        self.send(pid, Signal::Continue)
    }

    /// The last lines of its log.
    pub(crate) fn log_end(&self) -> String {
        let log = fs::read(self.log_file()).unwrap_or_default();
        tool::tail(&String::from_utf8_lossy(&log), 20)
    }

    fn ready(&self, wanted: &[u32]) -> Result<(), String> {
        let answer = probe::ask(self.addresses.port).map_err(|error| error.to_string())?;
        let named = match wanted {
            [only] => answer.brokers.contains(only),
            all => answer.brokers == all,
        };
        if named && answer.has_controller { Ok(()) } else { Err(format!("it said {answer:?}")) }
    }

    fn send(&self, pid: u32, signal: Signal) -> Result<(), LaunchError> {
        process::send(pid, signal)
            .map_err(LaunchError::io("send a signal to the process of", &self.folder))
    }

    fn wait_down(&mut self, limit: Duration) -> Result<(), LaunchError> {
        let started = Instant::now();
        while self.pid().is_some() {
            if started.elapsed() >= limit {
                return Err(LaunchError::NotEnded { node: self.id, waited: limit });
            }
            thread::sleep(INTERVAL);
        }
        Ok(())
    }

    fn command(&self, java: &Java, jars: &Jars, heap_mib: u32) -> Result<Command, LaunchError> {
        let path = self.log_file();
        let log = File::options().create(true).append(true).open(&path);
        let log = log.map_err(LaunchError::io("open", &path))?;
        let errors = log.try_clone().map_err(LaunchError::io("open", &path))?;
        let mut command = java.command(heap_mib);
        command
            .arg(format!("-Djava.io.tmpdir={}", self.folder.join("tmp").display()))
            .arg(format!(
                "-Dlog4j.configuration=file:{}",
                self.folder.join("log4j.properties").display()
            ))
            .args(["-cp", &jars.class_path()])
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors);
        keeper::own_group(&mut command);
        Ok(command)
    }

    /// What only this node's process has on its command line.
    fn mark(&self) -> String {
        self.properties_file().display().to_string()
    }

    fn properties_file(&self) -> PathBuf {
        self.folder.join("server.properties")
    }

    fn pid_file(&self) -> PathBuf {
        self.folder.join("pid")
    }

    fn log_file(&self) -> PathBuf {
        self.folder.join("log")
    }
}

/// Enough for tests; three nodes fit on a small machine.
const HEAP_MIB: u32 = 512;

const FORMAT_HEAP_MIB: u32 = 128;

/// How often a state that nobody announces is looked at.
const INTERVAL: Duration = Duration::from_millis(50);

/// A node is up in two to five seconds; a loaded machine is given much more.
const START_LIMIT: Duration = Duration::from_secs(120);

/// A controlled shutdown without the other nodes ends only after its own time-outs.
const STOP_LIMIT: Duration = Duration::from_secs(60);

const STOP_SIGNAL_LIMIT: Duration = Duration::from_secs(20);

const KILL_LIMIT: Duration = Duration::from_secs(20);
