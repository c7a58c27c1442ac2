use std::fmt;
use std::sync::Arc;

use super::ProducerBuilder;
use crate::outcome::ProducerEvents;

impl ProducerBuilder {
    /// Tells `events` what becomes of records, batch by batch (kafka-sharp's events, librdkafka's
    /// `dr_msg_cb` and `throttle_cb`). Default: nobody. One value can serve several producers.
    pub fn events(mut self, events: Arc<dyn ProducerEvents>) -> Self {
        self.events = Some(events);
        self
    }
}

impl fmt::Debug for ProducerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProducerBuilder")
            .field("config", &self.config)
            .field("events", &self.events.is_some())
            .finish_non_exhaustive()
    }
}
