//! Where the job runs: a test broker of our own or a cluster that was named, with fresh topics.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ottla::{
    BoxError, Client, Topic,
    protocol::{
        ErrorCode,
        api::{CreatableTopic, CreateTopicsRequest, DeleteTopicState, DeleteTopicsRequest},
    },
};
use ottla_test_broker::TestCluster;

use crate::options::Options;

pub(crate) struct Stage {
    pub(crate) client: Client,
    pub(crate) input: Topic,
    pub(crate) output: Topic,
    /// The processors' name; their group is named after it.
    pub(crate) name: String,
    pub(crate) group: String,
    /// Lives as long as the job when there is no other cluster.
    _broker: Option<TestCluster>,
}

impl Stage {
    pub(crate) async fn set(options: &Options) -> Result<Self, BoxError> {
        let (broker, addresses) = match &options.bootstrap {
            Some(given) => (None, given.split(',').map(|host| host.trim().to_owned()).collect()),
            None => {
                let broker = TestCluster::builder().brokers(3).build();
                let addresses = broker.listen().await?;
                (Some(broker), addresses)
            }
        };
        println!("cluster {}", addresses.join(","));
        let client = Client::builder().bootstrap(&addresses).client_id("enrich").build()?;
        // Fresh topics and a fresh group for every run.
        let run = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        let name = format!("enrich-{run}-{}", std::process::id());
        let stage = Self {
            input: client.topic(&format!("{name}-in")),
            output: client.topic(&format!("{name}-out")),
            group: format!("{name}-group"),
            name,
            client,
            _broker: broker,
        };
        stage.create(options.partitions).await?;
        Ok(stage)
    }

    async fn create(&self, partitions: i32) -> Result<(), BoxError> {
        let topic = |name: &Topic| CreatableTopic {
            name: name.name().to_owned(),
            num_partitions: partitions,
            // The broker's own default.
            replication_factor: -1,
            ..CreatableTopic::default()
        };
        let request = CreateTopicsRequest {
            topics: vec![topic(&self.input), topic(&self.output)],
            timeout_ms: 30_000,
            ..CreateTopicsRequest::default()
        };
        for created in self.client.controller(&request).await?.topics {
            if created.error_code != ErrorCode::NONE {
                let said = created.error_message.unwrap_or_default();
                let (name, code) = (created.name, created.error_code);
                return Err(format!("topic {name} cannot be created: {code} {said}").into());
            }
        }
        Ok(())
    }

    /// Removes the topics, unless they are to be kept, and ends the client.
    pub(crate) async fn clear(self, keep: bool) {
        if keep {
            println!("kept {} and {}", self.input, self.output);
        } else if let Err(error) = self.delete().await {
            eprintln!("{} and {} could not be removed: {error}", self.input, self.output);
        }
        self.client.close(Duration::from_secs(5)).await;
    }

    async fn delete(&self) -> Result<(), BoxError> {
        let names = [&self.input, &self.output].map(|topic| topic.name().to_owned());
        let by_name = |name: &String| DeleteTopicState {
            name: Some(name.clone()),
            ..DeleteTopicState::default()
        };
        // Up to version 5 the topics are named in one field, from 6 on in another.
        let general = ottla::client::Lane::GENERAL;
        let broker = self.client.cluster().brokers().next().map(|broker| broker.id);
        let connection =
            self.client.connection(broker.ok_or("no broker is known")?, general).await?;
        let version = connection.versions().negotiate::<DeleteTopicsRequest>()?;
        let request = DeleteTopicsRequest {
            topics: if version >= 6 { names.iter().map(by_name).collect() } else { Vec::new() },
            topic_names: if version < 6 { names.to_vec() } else { Vec::new() },
            timeout_ms: 30_000,
        };
        for deleted in self.client.controller(&request).await?.responses {
            deleted.error_code.into_result()?;
        }
        Ok(())
    }
}
