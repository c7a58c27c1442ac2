//! A processor, built and run.

use std::fmt;
use std::sync::Arc;

use ottla_client::Client;
use tracing::Instrument;

use crate::Report;
use crate::builder::ProcessorBuilder;
use crate::counters::Meters;
use crate::driver::Driver;
use crate::error::ProcessorError;
use crate::handle::{Controls, ProcessorHandle};
use crate::handler::Runner;
use crate::settings::Settings;
use crate::sink::{ProducerSink, Sink};
use crate::source::{ConsumerSource, Source};

/// Applies an async function to every record of its input.
///
/// See the [crate's documentation](crate) for what it promises.
pub struct Processor<S: Source = ConsumerSource, K: Sink = ProducerSink> {
    pub(crate) settings: Settings,
    pub(crate) source: S,
    pub(crate) sink: K,
    pub(crate) runner: Box<dyn Runner<S::Message>>,
    pub(crate) controls: Controls,
    pub(crate) handle: ProcessorHandle,
    pub(crate) meters: Arc<Meters>,
}

impl Processor {
    /// Begins a processor that reads and writes through this client.
    pub fn builder(client: &Client) -> ProcessorBuilder {
        ProcessorBuilder::new(client)
    }
}

impl<S: Source, K: Sink> Processor<S, K> {
    /// Controls the processor, before and while it runs.
    pub fn handle(&self) -> ProcessorHandle {
        self.handle.clone()
    }

    /// Runs until [`ProcessorHandle::shutdown`] or something stops it, then commits what is done
    /// and leaves the group.
    ///
    /// Not cancel-safe: dropping the future drops all running handlers, commits nothing more and
    /// leaves the group without a word. Whoever gets the partitions receives everything again
    /// that was not committed.
    ///
    /// # Errors
    /// What made it stop, with the report of what was done until then.
    pub async fn run(self) -> Result<Report, ProcessorError> {
        let Self { settings, source, sink, runner, controls, handle, meters } = self;
        let span =
            tracing::info_span!("processor", name = settings.name, instance = settings.instance);
        let driver = Driver::new(settings, source, sink, runner, controls, meters);
        let report = Box::pin(driver.run()).instrument(span).await;
        // Held until here, so that the driver always has somebody who could control it.
        drop(handle);
        report
    }
}

impl<S: Source, K: Sink> fmt::Debug for Processor<S, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Processor").field("settings", &self.settings).finish_non_exhaustive()
    }
}
