//! The job itself: two processors of one group.

use std::time::Duration;

use ottla::{
    Attempt, BoxError, Client, Consumer, Emit, Message, OffsetReset, Order, Processor,
    ProcessorHandle, Producer, Report,
    processor::{ConsumerSource, ProcessorBuilder, ProcessorError, ProducerSink},
};
use tokio::{task::JoinHandle, time::sleep};

use crate::{
    fault::{Fault, FaultySink},
    item::{Enriched, Item},
    options::Options,
    stage::Stage,
};

/// A processor at work.
pub(crate) struct Worker {
    handle: ProcessorHandle,
    run: JoinHandle<Result<Report, ProcessorError>>,
}

/// Often, so that a short run shows many commits.
const COMMIT_EVERY: Duration = Duration::from_millis(500);

pub(crate) fn start(
    client: &Client,
    stage: &Stage,
    options: &Options,
) -> Result<Vec<Worker>, BoxError> {
    ["0", "1"].into_iter().map(|instance| worker(client, stage, options, instance)).collect()
}

fn worker(
    client: &Client,
    stage: &Stage,
    options: &Options,
    instance: &str,
) -> Result<Worker, BoxError> {
    let builder = Processor::builder(client)
        .name(&stage.name)
        .instance(instance)
        .output(stage.output.name())
        .order(Order::Key)
        .concurrency(options.concurrency);
    let (handle, run) = match options.fault {
        None => {
            let processor = builder
                .input([stage.input.name()])
                .commit_interval(COMMIT_EVERY)
                .consumer(|consumer| consumer.offset_reset(OffsetReset::Earliest))
                .handler(enrich)
                .build()?;
            (processor.handle(), tokio::spawn(processor.run()))
        }
        Some(fault) => {
            let processor = faulty(builder, client, stage, options, fault)?;
            (processor.handle(), tokio::spawn(processor.run()))
        }
    };
    Ok(Worker { handle, run })
}

/// The same processor, with a sink that does not do what it says.
fn faulty(
    builder: ProcessorBuilder,
    client: &Client,
    stage: &Stage,
    options: &Options,
    fault: Fault,
) -> Result<Processor<ConsumerSource, FaultySink>, BoxError> {
    let consumer = Consumer::builder(client)
        .group(&stage.group)
        .topics([stage.input.name()])
        .offset_reset(OffsetReset::Earliest)
        .commit_interval(Some(COMMIT_EVERY));
    let producer = ProducerSink::new(Producer::builder(client).build()?);
    let sink = FaultySink::new(producer, fault, options.clone());
    Ok(builder.build_with(ConsumerSource::new(consumer)?, sink, enrich)?)
}

/// What is done to every record; think of an HTTP call.
async fn enrich(message: Message, _: Attempt) -> Result<Emit, BoxError> {
    let item = Item::read(message.value().unwrap_or_default()).ok_or("not an item")?;
    sleep(Duration::from_millis(5)).await;
    let enriched = Enriched { item, partition: message.partition(), offset: message.offset() };
    Ok(Emit::value(enriched.text()).with_input_key())
}

/// Ends the processors in good order and returns what they report.
pub(crate) async fn finish(workers: Vec<Worker>) -> Result<Vec<Report>, BoxError> {
    for worker in &workers {
        worker.handle.shutdown();
    }
    let mut reports = Vec::new();
    for worker in workers {
        reports.push(worker.run.await??);
    }
    Ok(reports)
}
