//! Watches the job while it runs: what is committed must have its output in the log already.

use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use ottla::{
    BoxError, Client, Consumer, Fetched, Start, Topic, TopicPartition,
    client::{CoordinatorKind, Lane},
    protocol::api::{
        ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic, OffsetFetchRequest,
        OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
    },
};
use tokio::time::{sleep, timeout};

use crate::{PATIENCE, fill::bar, ledger::Ledger, options::Options, stage::Stage};

/// What the watching found.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    /// How often commits were compared with the log.
    pub(crate) looks: u64,
    /// Records whose offsets were committed before their outputs were written.
    pub(crate) early: u64,
    /// Whether the job came to its end, or got stuck.
    pub(crate) finished: bool,
}

/// Between two looks.
const EVERY: Duration = Duration::from_millis(250);

/// Watches until everything is committed or nothing has moved for a long time.
pub(crate) async fn watch(
    client: &Client,
    stage: &Stage,
    options: &Options,
) -> Result<Audit, BoxError> {
    let mut witness = Witness::new(client, stage, options)?;
    let ends = ends(client, &stage.input, options.partitions).await?;
    // Committed up to here and found in the log.
    let mut confirmed = vec![0i64; ends.len()];
    let mut audit = Audit::default();
    let mut moved = Instant::now();
    let progress = bar(options.records, "enriching");
    loop {
        // First what is committed, then what is written: the other way round a commit could be
        // blamed for outputs that came between the two looks.
        let committed = committed(client, stage, options.partitions).await?;
        let written = self::ends(client, &stage.output, options.partitions).await?;
        witness.read_to(&written, &progress).await?;
        audit.looks += 1;
        for (partition, (confirmed, committed)) in
            (0i32..).zip(confirmed.iter_mut().zip(&committed))
        {
            if *committed > *confirmed {
                moved = Instant::now();
            }
            while *confirmed < *committed {
                if !witness.ledger.has(partition, *confirmed) {
                    audit.early += 1;
                }
                *confirmed += 1;
            }
        }
        audit.finished = committed == ends;
        if audit.finished || moved.elapsed() > PATIENCE {
            progress.finish_and_clear();
            witness.consumer.close(PATIENCE).await?;
            return Ok(audit);
        }
        sleep(EVERY).await;
    }
}

/// Reads the output topic as it grows.
pub(crate) struct Witness {
    consumer: Consumer,
    pub(crate) ledger: Ledger,
    partitions: Vec<TopicPartition>,
}

impl Witness {
    pub(crate) fn new(client: &Client, stage: &Stage, options: &Options) -> Result<Self, BoxError> {
        let partitions: Vec<_> = (0..options.partitions)
            .map(|partition| TopicPartition::new(stage.output.clone(), partition))
            .collect();
        let all = partitions.iter().map(|at| (at.clone(), Start::Beginning));
        let consumer = Consumer::builder(client).assign(all).build()?;
        Ok(Self { consumer, ledger: Ledger::new(options), partitions })
    }

    /// Reads until every partition has been read up to the offset given for it.
    pub(crate) async fn read_to(
        &mut self,
        ends: &[i64],
        progress: &ProgressBar,
    ) -> Result<(), BoxError> {
        let control = self.consumer.control();
        let behind = |partitions: &[TopicPartition]| {
            let positions = partitions.iter().map(|at| control.position(at).unwrap_or(0));
            positions.zip(ends).any(|(position, end)| position < *end)
        };
        while behind(&self.partitions) {
            let polled = timeout(PATIENCE, self.consumer.poll(10_000)).await;
            match polled.map_err(|_| "the output topic cannot be read to its end")?? {
                Fetched::Records(batch) => {
                    for record in batch.iter() {
                        self.ledger.take(record.key(), record.value());
                    }
                    progress.inc(batch.len() as u64);
                }
                Fetched::Failed { at, error, .. } => return Err(format!("{at}: {error}").into()),
                _ => {}
            }
        }
        Ok(())
    }

    pub(crate) async fn close(self) -> Result<Ledger, BoxError> {
        self.consumer.close(PATIENCE).await?;
        Ok(self.ledger)
    }
}

/// The end of every partition of a topic.
pub(crate) async fn ends(
    client: &Client,
    topic: &Topic,
    partitions: i32,
) -> Result<Vec<i64>, BoxError> {
    const LATEST: i64 = -1;
    let known = client.topic_metadata(topic, client.deadline()).await?;
    let mut ends = vec![0; partitions as usize];
    for broker in client.cluster().brokers() {
        let led = known.partitions.iter().filter(|partition| partition.leader == Some(broker.id));
        let asked: Vec<_> = led
            .map(|partition| ListOffsetsPartition {
                partition_index: partition.partition,
                timestamp: LATEST,
                ..ListOffsetsPartition::default()
            })
            .collect();
        if asked.is_empty() {
            continue;
        }
        let request = ListOffsetsRequest {
            replica_id: -1,
            topics: vec![ListOffsetsTopic { name: topic.name().to_owned(), partitions: asked }],
            ..ListOffsetsRequest::default()
        };
        let response = client.request(broker.id, Lane::GENERAL, &request).await?;
        for partition in response.topics.into_iter().flat_map(|topic| topic.partitions) {
            partition.error_code.into_result()?;
            if let Some(end) = ends.get_mut(partition.partition_index as usize) {
                *end = partition.offset;
            }
        }
    }
    Ok(ends)
}

/// What the group has committed for every partition of the input; 0 for nothing yet.
pub(crate) async fn committed(
    client: &Client,
    stage: &Stage,
    partitions: i32,
) -> Result<Vec<i64>, BoxError> {
    let group = || stage.group.clone();
    let indexes: Vec<i32> = (0..partitions).collect();
    let name = stage.input.name().to_owned();
    let topic_id = client.cluster().topic(&stage.input).map(|known| known.id).unwrap_or_default();
    let deadline = client.deadline();
    let coordinator = client.coordinator(CoordinatorKind::Group, &stage.group, deadline).await?;
    let connection = client.connection(coordinator, Lane::GENERAL).await?;
    // From version 8 on a request names groups and in them topics, before that only topics.
    let version = connection.versions().negotiate::<OffsetFetchRequest>()?;
    let request = if version >= 8 {
        let topics = vec![OffsetFetchRequestTopics { name, topic_id, partition_indexes: indexes }];
        let group = OffsetFetchRequestGroup {
            group_id: group(),
            topics: Some(topics),
            ..OffsetFetchRequestGroup::default()
        };
        OffsetFetchRequest { groups: vec![group], ..OffsetFetchRequest::default() }
    } else {
        let topics = vec![OffsetFetchRequestTopic { name, partition_indexes: indexes }];
        OffsetFetchRequest {
            group_id: group(),
            topics: Some(topics),
            ..OffsetFetchRequest::default()
        }
    };
    let response = connection.request(&request).await?;
    let old = response.topics.into_iter().flat_map(|topic| topic.partitions);
    let new = response.groups.into_iter().flat_map(|group| group.topics);
    let new = new.flat_map(|topic| topic.partitions);
    let mut committed = vec![0; partitions as usize];
    for (index, offset) in old
        .map(|partition| (partition.partition_index, partition.committed_offset))
        .chain(new.map(|partition| (partition.partition_index, partition.committed_offset)))
    {
        if let Some(place) = committed.get_mut(index as usize) {
            *place = offset.max(0);
        }
    }
    Ok(committed)
}
