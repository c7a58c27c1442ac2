//! One or three nodes that form a cluster, and the folder with everything they write.

use std::{
    env,
    fs::{self, DirBuilder},
    io,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use crate::{
    Jars, Java, LaunchError, Node, Version,
    keeper::Keeper,
    ports::Ports,
    properties::{Addresses, server_properties},
};

/// What to start.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many nodes, 1 to 9; 1 if not set. With three, a write needs two of them.
    pub nodes: usize,
    /// Which Kafka; 4.3.1 if not set.
    pub version: Version,
    /// Properties for all nodes in addition to, or instead of, those of the launcher.
    pub properties: Vec<(String, String)>,
    /// Features that are turned on at another level than the version's own, for instance
    /// `transaction.version`; from Kafka 4.0 on.
    pub features: Vec<(String, i16)>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { nodes: 1, version: Version::default(), properties: Vec::new(), features: Vec::new() }
    }
}

/// A cluster that runs.
///
/// All methods block: some for seconds. One that was started here ends, and its folder is removed,
/// when it is dropped, unless it was detached.
#[derive(Debug)]
pub struct Cluster {
    folder: PathBuf,
    version: Version,
    nodes: Vec<Node>,
    /// Watches while the cluster is to end with this process.
    keeper: Option<Keeper>,
}

impl Cluster {
    /// Starts a cluster in a new folder for temporary files. See [`Cluster::start_in`].
    ///
    /// # Errors
    /// As [`Cluster::start_in`].
    pub fn start(settings: &Settings, progress: &dyn Fn(&str)) -> Result<Self, LaunchError> {
        let folder = env::temp_dir().join(format!("ottla-kafka-{:016x}", fastrand::u64(..)));
        Self::start_in(&folder, settings, progress)
    }

    /// Starts a cluster that keeps all it writes in `folder`, which must not exist. It is ready on
    /// return: every node answers requests and names all the others. `progress` hears what
    /// happens, in short sentences.
    ///
    /// # Errors
    /// A missing program, a version that does not exist, or a node that does not come up, with the
    /// end of its log. Nothing is left running then.
    pub fn start_in(
        folder: &Path,
        settings: &Settings,
        progress: &dyn Fn(&str),
    ) -> Result<Self, LaunchError> {
        if !(1..=MOST_NODES).contains(&settings.nodes) {
            return Err(LaunchError::BadNodeCount { nodes: settings.nodes, most: MOST_NODES });
        }
        let java = Java::find()?;
        let jars = Jars::get(&settings.version, progress)?;
        let mut attempt = 1;
        loop {
            let started = Self::try_start(folder, settings, &java, &jars, progress);
            match started {
                // Between finding a port and using it somebody else took it.
                Err(LaunchError::NodeEnded { log, .. })
                    if attempt < ATTEMPTS && log.contains("Address already in use") =>
                {
                    progress("a port was taken by another process; trying others");
                    attempt += 1;
                }
                done => return done,
            }
        }
    }

    /// The cluster that runs in `folder`, started by another process. Dropping it changes nothing.
    ///
    /// # Errors
    /// [`LaunchError::NotUp`] if there is none.
    pub fn open(folder: &Path) -> Result<Self, LaunchError> {
        let file = folder.join(SUMMARY);
        let read = folder.canonicalize().and_then(|folder| {
            let text = fs::read_to_string(&file)?;
            Ok((folder, text))
        });
        let (folder, text) = match read {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(LaunchError::NotUp { folder: folder.to_owned() });
            }
            Err(error) => return Err(LaunchError::io("read", file)(error)),
        };
        let (version, addresses) = read_summary(&text)?;
        let nodes = numbered(&addresses).map(|(id, at)| Node::new(id, at, &folder)).collect();
        Ok(Self { folder, version, nodes, keeper: None })
    }

    /// The address of every node, as `bootstrap.servers` wants it.
    #[must_use]
    pub fn bootstrap(&self) -> String {
        let addresses: Vec<_> =
            self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port())).collect();
        addresses.join(",")
    }

    /// The Kafka it runs.
    #[must_use]
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// Where it keeps everything.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// All nodes, up or down.
    pub fn nodes(&mut self) -> &mut [Node] {
        &mut self.nodes
    }

    /// Ends a node at once, as a power cut would; nothing happens if it is down.
    ///
    /// # Errors
    /// [`LaunchError::NoSuchNode`], or that the process did not end.
    pub fn kill(&mut self, node: u32) -> Result<(), LaunchError> {
        self.node(node)?.kill()
    }

    /// Lets a node shut down cleanly, for up to a minute; nothing happens if it is down.
    ///
    /// # Errors
    /// [`LaunchError::NoSuchNode`], or [`LaunchError::NotEnded`].
    pub fn stop(&mut self, node: u32) -> Result<(), LaunchError> {
        self.node(node)?.stop()
    }

    /// Makes a node hang: its connections stay open and nothing is answered.
    ///
    /// # Errors
    /// [`LaunchError::NoSuchNode`] or [`LaunchError::NodeDown`].
    pub fn pause(&mut self, node: u32) -> Result<(), LaunchError> {
        self.node(node)?.pause()
    }

    /// Lets a paused node go on.
    ///
    /// # Errors
    /// [`LaunchError::NoSuchNode`] or [`LaunchError::NodeDown`].
    pub fn resume(&mut self, node: u32) -> Result<(), LaunchError> {
        self.node(node)?.resume()
    }

    /// Starts a node that is down, on its old port and data, and waits until it answers and names
    /// itself. Whether it has caught up with its partitions' leaders is not waited for.
    ///
    /// # Errors
    /// [`LaunchError::NoSuchNode`], [`LaunchError::NodeRuns`], or that it does not come up.
    pub fn start_node(&mut self, node: u32) -> Result<(), LaunchError> {
        let (java, jars) = (Java::find()?, Jars::get(&self.version, &|_| ())?);
        let found = self.node(node)?;
        found.spawn(&java, &jars)?;
        found.wait_ready(&[node])
    }

    /// Lets the cluster run on when this process ends; [`Cluster::open`] finds it again.
    pub fn detach(mut self) {
        if let Some(keeper) = self.keeper.take() {
            keeper.dismiss();
        }
    }

    /// Ends all nodes and removes everything they wrote.
    ///
    /// # Errors
    /// If a process does not end or the folder cannot be removed; all is tried nevertheless.
    pub fn down(mut self) -> Result<(), LaunchError> {
        self.remove()
    }

    fn try_start(
        folder: &Path,
        settings: &Settings,
        java: &Java,
        jars: &Jars,
        progress: &dyn Fn(&str),
    ) -> Result<Self, LaunchError> {
        create_private(folder)?;
        // Nodes are recognised by their paths, so each must have one name only.
        let folder = &folder.canonicalize().map_err(LaunchError::io("find", folder))?;
        let ports =
            Ports::find(2 * settings.nodes).map_err(LaunchError::io("find free ports for", folder));
        let keeper = Keeper::watch(folder).map_err(LaunchError::io("watch over", folder));
        let keeper = match keeper {
            Ok(keeper) => keeper,
            Err(error) => {
                let _ = fs::remove_dir_all(folder);
                return Err(error);
            }
        };
        // From here on dropping the cluster undoes everything.
        let mut cluster = Self {
            folder: folder.to_owned(),
            version: settings.version.clone(),
            nodes: Vec::new(),
            keeper: Some(keeper),
        };
        let ports = ports?;
        let addresses: Vec<_> = ports
            .numbers()
            .chunks_exact(2)
            .filter_map(|pair| match *pair {
                [port, controller_port] => Some(Addresses { port, controller_port }),
                _ => None,
            })
            .collect();
        cluster.nodes = numbered(&addresses).map(|(id, at)| Node::new(id, at, folder)).collect();
        progress(&format!("starting Kafka {} with {} node(s)", settings.version, settings.nodes));
        cluster.format(java, jars, &addresses, settings)?;
        let file = folder.join(SUMMARY);
        fs::write(&file, summary(&settings.version, &addresses))
            .map_err(LaunchError::io("write", file))?;
        drop(ports);
        cluster.spawn_all(java, jars)?;
        Ok(cluster)
    }

    fn format(
        &self,
        java: &Java,
        jars: &Jars,
        addresses: &[Addresses],
        settings: &Settings,
    ) -> Result<(), LaunchError> {
        let extra = &settings.properties;
        let cluster_id = random_cluster_id();
        let mut running = Vec::new();
        for node in &self.nodes {
            let folder = self.folder.join(node.id().to_string());
            let properties = server_properties(node.id(), addresses, &folder, extra);
            running.push((
                node,
                node.format(java, jars, &cluster_id, &properties, &settings.features)?,
            ));
        }
        for (node, mut tool) in running {
            let status = tool.wait().map_err(LaunchError::io("wait for", &self.folder))?;
            if !status.success() {
                return Err(LaunchError::NodeEnded { node: node.id(), log: node.log_end() });
            }
        }
        Ok(())
    }

    fn spawn_all(&mut self, java: &Java, jars: &Jars) -> Result<(), LaunchError> {
        let ids: Vec<_> = self.nodes.iter().map(Node::id).collect();
        for node in &mut self.nodes {
            node.spawn(java, jars)?;
        }
        self.nodes.iter_mut().try_for_each(|node| node.wait_ready(&ids))
    }

    fn node(&mut self, id: u32) -> Result<&mut Node, LaunchError> {
        let nodes = self.nodes.len();
        self.nodes
            .iter_mut()
            .find(|node| node.id() == id)
            .ok_or(LaunchError::NoSuchNode { node: id, nodes })
    }

    fn remove(&mut self) -> Result<(), LaunchError> {
        let mut first = Ok(());
        for node in &mut self.nodes {
            first = first.and(node.kill());
        }
        first = first.and(remove_folder(&self.folder));
        if let Some(keeper) = self.keeper.take() {
            keeper.dismiss();
        }
        first
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.keeper.is_some() {
            // Nobody is left to be told.
            let _ = self.remove();
        }
    }
}

/// Creates a folder that nobody else may read: names in the folder for temporary files can be guessed.
fn create_private(folder: &Path) -> Result<(), LaunchError> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => LaunchError::AlreadyUp { folder: folder.to_owned() },
        _ => LaunchError::io("create", folder)(error),
    })
}

/// A process that was just killed may still have a write under way, so one failure proves nothing.
fn remove_folder(folder: &Path) -> Result<(), LaunchError> {
    let mut tries = 0;
    loop {
        match fs::remove_dir_all(folder) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(_) if tries < REMOVALS => tries += 1,
            Err(error) => return Err(LaunchError::io("remove", folder)(error)),
        }
        thread::sleep(BETWEEN_REMOVALS);
    }
}

fn numbered(addresses: &[Addresses]) -> impl Iterator<Item = (u32, Addresses)> + '_ {
    (1..).zip(addresses.iter().copied())
}

/// Kafka's form of a UUID: 16 bytes in 22 characters of base 64, of which the last carries 2 bits.
fn random_cluster_id() -> String {
    std::iter::repeat_with(fastrand::alphanumeric).take(21).chain(['Q']).collect()
}

fn summary(version: &Version, addresses: &[Addresses]) -> String {
    let lines = addresses.iter().map(|at| format!("node {} {}\n", at.port, at.controller_port));
    std::iter::once(format!("version {version}\n")).chain(lines).collect()
}

fn read_summary(text: &str) -> Result<(Version, Vec<Addresses>), LaunchError> {
    let unreadable = |text: &str| LaunchError::Unreadable {
        what: "the cluster's summary",
        text: text.to_owned(),
    };
    let mut version = None;
    let mut addresses = Vec::new();
    for line in text.lines() {
        match *line.split(' ').collect::<Vec<_>>() {
            ["version", text] => version = Some(text.parse()?),
            ["node", port, controller_port] => addresses.push(Addresses {
                port: port.parse().map_err(|_| unreadable(line))?,
                controller_port: controller_port.parse().map_err(|_| unreadable(line))?,
            }),
            _ => return Err(unreadable(line)),
        }
    }
    Ok((version.ok_or_else(|| unreadable(text))?, addresses))
}

/// The file in a cluster's folder that says what it is made of.
const SUMMARY: &str = "cluster";

const MOST_NODES: usize = 9;

/// Losing the race for a port is rare; losing it three times is something else.
const ATTEMPTS: u32 = 3;

const REMOVALS: u32 = 50;

const BETWEEN_REMOVALS: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_read_as_written() {
        let addresses = [(1, 2), (3, 4)]
            .map(|(port, controller_port)| Addresses { port, controller_port })
            .to_vec();
        let version: Version = "3.9.2".parse().unwrap();
        let text = summary(&version, &addresses);
        assert_eq!(read_summary(&text).unwrap(), (version, addresses));
        for bad in ["", "node 1 2\n", "version 3.9.2\nnode 1\n", "version 3.9.2\nnode 1 70000\n"] {
            assert!(read_summary(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn cluster_ids_have_the_form_of_a_uuid() {
        let id = random_cluster_id();
        assert_eq!(id.len(), 22);
        assert!(id.chars().all(|c| c.is_ascii_alphanumeric()));
    }

    #[test]
    fn numbers_of_nodes_are_checked_before_anything_is_done() {
        for nodes in [0, 10] {
            let settings = Settings { nodes, ..Settings::default() };
            let error = Cluster::start(&settings, &|_| ()).unwrap_err();
            assert!(matches!(error, LaunchError::BadNodeCount { .. }), "{error}");
        }
    }

    #[test]
    fn a_folder_in_use_is_left_alone() {
        let folder = env::temp_dir().join(format!("ottla-used-{:016x}", fastrand::u64(..)));
        create_private(&folder).unwrap();
        let error = create_private(&folder).unwrap_err();
        assert!(matches!(error, LaunchError::AlreadyUp { .. }), "{error}");
        remove_folder(&folder).unwrap();
        remove_folder(&folder).unwrap();
    }
}
