use ottla_protocol::{Uuid, api::MetadataResponseTopic};

/// A topic of the cluster, as [`Client::list_topics`](crate::Client::list_topics) finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListedTopic {
    /// Its name.
    pub name: String,
    /// Its id (KIP-516); zero if the broker has none to tell.
    pub id: Uuid,
    /// How many partitions it has.
    pub partitions: usize,
    /// Whether Kafka itself made it.
    pub is_internal: bool,
}

impl ListedTopic {
    pub(crate) fn of(described: MetadataResponseTopic) -> Option<Self> {
        let name = described.name.filter(|_| described.error_code.is_ok())?;
        Some(Self {
            name,
            id: described.topic_id,
            partitions: described.partitions.len(),
            is_internal: described.is_internal,
        })
    }
}
