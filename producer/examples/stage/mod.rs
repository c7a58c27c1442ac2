//! Where the examples run: on a test broker in this process, or on a cluster of yours.

use std::error::Error;

use ottla_client::{Client, Topic};
use ottla_test_broker::TestCluster;

pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

pub(crate) struct Stage {
    pub(crate) client: Client,
    /// `TOPIC`, or `greetings`; on a cluster of yours it has to exist.
    pub(crate) topic: Topic,
    _broker: Option<TestCluster>,
}

impl Stage {
    /// On the cluster that `BOOTSTRAP_SERVERS=host:port` names, if it names one.
    pub(crate) async fn set() -> Result<Self, BoxError> {
        let name = std::env::var("TOPIC").unwrap_or_else(|_| "greetings".to_owned());
        let own = std::env::var("BOOTSTRAP_SERVERS").ok().filter(|servers| !servers.is_empty());
        let (broker, servers) = match own {
            Some(servers) => (None, servers.split(',').map(str::to_owned).collect()),
            None => {
                let broker = TestCluster::builder().topic(&name, 3).build();
                let servers = broker.listen().await?;
                (Some(broker), servers)
            }
        };
        let client = Client::builder().bootstrap(servers).build()?;
        Ok(Self { topic: client.topic(&name), client, _broker: broker })
    }
}
