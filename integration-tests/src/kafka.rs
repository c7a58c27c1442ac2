//! The handle of tests on a cluster.

use std::{env, process::Stdio, sync::Arc};

use parking_lot::Mutex;
use tokio::{
    process::Child,
    sync::{OnceCell, Semaphore, SemaphorePermit},
    task::spawn_blocking,
};

use crate::{Cluster, Jars, Java, LaunchError, Settings, Version, tool::Tool};

/// A cluster for tests, and the Java tools that speak to it.
///
/// One made by [`Kafka::start`] ends when it is dropped. Futures of its methods may be dropped: a
/// tool is then killed, and a signal to a node still delivered.
#[derive(Debug)]
pub struct Kafka {
    bootstrap: String,
    java: Java,
    jars: Jars,
    /// `None` if the cluster is somebody else's.
    cluster: Option<Arc<Mutex<Cluster>>>,
    /// Declared after the cluster: the next one starts when this one is gone.
    _turn: Option<SemaphorePermit<'static>>,
}

impl Kafka {
    /// Starts a cluster of its own for a test that stops nodes or needs several. Such tests take
    /// turns within a process: a small machine does not carry two of these clusters.
    ///
    /// The version is that of `OTTLA_KAFKA_VERSION`, or else the pinned one.
    ///
    /// # Errors
    /// As [`Cluster::start_in`].
    pub async fn start(nodes: usize) -> Result<Self, LaunchError> {
        let version = Version::wanted()?;
        Self::start_with(Settings { nodes, version, ..Settings::default() }).await
    }

    /// Starts a cluster of its own with other settings; otherwise like [`Kafka::start`].
    ///
    /// # Errors
    /// As [`Cluster::start_in`].
    pub async fn start_with(settings: Settings) -> Result<Self, LaunchError> {
        // Never closed, so always given.
        let turn = TURNS.acquire().await.ok();
        Self::launch(settings, turn).await
    }

    /// The cluster that all tests of this process share: the one at `BOOTSTRAP_SERVERS`, or else
    /// one of a single node, which ends with the process. Tests must use topics and groups with
    /// names of their own, see [`unique_name`].
    ///
    /// # Errors
    /// As [`Cluster::start_in`].
    pub async fn shared() -> Result<&'static Self, LaunchError> {
        static SHARED: OnceCell<Kafka> = OnceCell::const_new();
        let make = || async {
            match env::var("BOOTSTRAP_SERVERS") {
                Ok(bootstrap) if !bootstrap.is_empty() => Self::at(bootstrap).await,
                _ => {
                    let version = Version::wanted()?;
                    Self::launch(Settings { version, ..Settings::default() }, None).await
                }
            }
        };
        SHARED.get_or_try_init(make).await
    }

    /// A cluster that somebody else runs, of any version: the tools are of the version that
    /// `OTTLA_KAFKA_VERSION` names, or else the pinned one.
    ///
    /// # Errors
    /// A missing program, or that the tools cannot be fetched. The cluster is not asked anything.
    pub async fn at(bootstrap: String) -> Result<Self, LaunchError> {
        let version = Version::wanted()?;
        let (java, jars) =
            blocking(move || Ok((Java::find()?, Jars::get(&version, &|_| ())?))).await?;
        Ok(Self { bootstrap, java, jars, cluster: None, _turn: None })
    }

    /// What `bootstrap.servers` should be.
    #[must_use]
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// [`Cluster::kill`], without blocking.
    ///
    /// # Errors
    /// As there; [`LaunchError::NotOurs`] for a cluster that somebody else runs.
    pub async fn kill(&self, node: u32) -> Result<(), LaunchError> {
        self.control(move |cluster| cluster.kill(node)).await
    }

    /// [`Cluster::stop`], without blocking.
    ///
    /// # Errors
    /// As there; [`LaunchError::NotOurs`] for a cluster that somebody else runs.
    pub async fn stop(&self, node: u32) -> Result<(), LaunchError> {
        self.control(move |cluster| cluster.stop(node)).await
    }

    /// [`Cluster::pause`], without blocking.
    ///
    /// # Errors
    /// As there; [`LaunchError::NotOurs`] for a cluster that somebody else runs.
    pub async fn pause(&self, node: u32) -> Result<(), LaunchError> {
        self.control(move |cluster| cluster.pause(node)).await
    }

    /// [`Cluster::resume`], without blocking.
    ///
    /// # Errors
    /// As there; [`LaunchError::NotOurs`] for a cluster that somebody else runs.
    pub async fn resume(&self, node: u32) -> Result<(), LaunchError> {
        self.control(move |cluster| cluster.resume(node)).await
    }

    /// [`Cluster::start_node`], without blocking.
    ///
    /// # Errors
    /// As there; [`LaunchError::NotOurs`] for a cluster that somebody else runs.
    pub async fn start_node(&self, node: u32) -> Result<(), LaunchError> {
        self.control(move |cluster| cluster.start_node(node)).await
    }

    /// Runs `work` on the cluster where it may block.
    ///
    /// # Errors
    /// Those of `work`; [`LaunchError::NotOurs`] for a cluster that somebody else runs.
    pub async fn control<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Cluster) -> Result<T, LaunchError> + Send + 'static,
    ) -> Result<T, LaunchError> {
        let Some(cluster) = self.cluster.clone() else {
            return Err(LaunchError::NotOurs { bootstrap: self.bootstrap.clone() });
        };
        blocking(move || work(&mut cluster.lock())).await
    }

    /// Runs a tool of Kafka or a program of ours, and returns what it printed.
    pub(crate) async fn run(&self, tool: Tool) -> Result<String, LaunchError> {
        tool.run(&self.java, &self.jars).await
    }

    /// Starts a program of ours that says what happens while it runs.
    pub(crate) fn spawn(&self, tool: &Tool) -> Result<Child, LaunchError> {
        tool.spawn(&self.java, &self.jars, Stdio::inherit())
    }

    async fn launch(
        settings: Settings,
        turn: Option<SemaphorePermit<'static>>,
    ) -> Result<Self, LaunchError> {
        let (java, jars, cluster) = blocking(move || {
            let java = Java::find()?;
            let jars = Jars::get(&settings.version, &|_| ())?;
            Ok((java, jars, Cluster::start(&settings, &|_| ())?))
        })
        .await?;
        let bootstrap = cluster.bootstrap();
        let cluster = Some(Arc::new(Mutex::new(cluster)));
        Ok(Self { bootstrap, java, jars, cluster, _turn: turn })
    }
}

/// `prefix` and a random part: a name that no other test, process or earlier run uses.
#[must_use]
pub fn unique_name(prefix: &str) -> String {
    format!("{prefix}-{:016x}", fastrand::u64(..))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LaunchError> + Send + 'static,
) -> Result<T, LaunchError> {
    match spawn_blocking(work).await {
        Ok(done) => done,
        // A runtime that shuts down drops this future, so what is left is a panic: pass it on.
        Err(error) => std::panic::resume_unwind(
            error.try_into_panic().unwrap_or_else(|error| Box::new(error.to_string())),
        ),
    }
}

/// See [`Kafka::start`].
static TURNS: Semaphore = Semaphore::const_new(1);
