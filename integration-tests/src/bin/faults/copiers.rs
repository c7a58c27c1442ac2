//! Processors that write what they read to another topic.

use std::{collections::HashSet, sync::Arc, time::Duration};

use fastrand::Rng;
use ottla::{
    Attempt, BoxError, Emit, Message, OffsetReset, Order, Processor, processor::RetryPolicy,
};
use ottla_integration_tests::history::{End, Group, Occurrence, Place, Topic, record_id};
use parking_lot::Mutex;
use tokio::{sync::oneshot, time::sleep};

use crate::world::{Count, World};

/// Copies until it is to leave.
pub(crate) async fn copy(
    world: World,
    member: u32,
    seed: u64,
    leaving: oneshot::Receiver<()>,
) -> Result<End, BoxError> {
    let mut rng = Rng::with_seed(seed);
    let client = world.client(rng.u64(..))?;
    let shared = world.clone();
    let stays: Arc<Mutex<HashSet<u64>>> = Arc::default();
    let handler = move |message: Message, attempt: Attempt| {
        let world = shared.clone();
        let epoch = message.epoch().get();
        if stays.lock().insert(epoch) {
            let place = Place { topic: Topic::Load, partition: message.partition() };
            world.note(Occurrence::Assigned { member, place, epoch, generation: -1 });
        }
        async move {
            let mut rng = Rng::with_seed(seed ^ message.offset().unsigned_abs());
            if rng.u8(0..10) == 0 {
                sleep(Duration::from_millis(rng.u64(1..50))).await;
            }
            if !attempt.is_retry() && rng.u8(0..30) == 0 {
                return Err(BoxError::from("the first attempt fails"));
            }
            // A value that is not as it was sent has no id, and its copy no input.
            let id = message.value().and_then(record_id);
            let id = id.map_or_else(|| "garbled".to_owned(), |id| id.to_string());
            world.count(Count::Copied);
            let text = format!("copy:{}:{}:{id}", message.partition(), message.offset());
            Ok(Emit::value(text).with_input_key())
        }
    };
    let backoff = RetryPolicy::DEFAULT
        .unlimited()
        .backoff(Duration::from_millis(5), Duration::from_millis(100));
    let processor = Processor::builder(&client)
        .name("copier")
        .instance(member.to_string())
        .group(Group::Copiers.name())
        .input([Topic::Load.name()])
        .output(Topic::Copies.name())
        .order(Order::Key)
        .retry(backoff)
        .concurrency(rng.usize(4..60))
        .commit_interval(Duration::from_millis(rng.u64(100..1_000)))
        .drain_timeout(Duration::from_secs(5))
        .close_timeout(Duration::from_secs(20))
        .consumer(|consumer| {
            consumer
                .offset_reset(OffsetReset::Earliest)
                .session_timeout(Duration::from_secs(6))
                .heartbeat_interval(Duration::from_secs(1))
                .max_poll_interval(Some(Duration::from_secs(20)))
                .commit_timeout(Duration::from_secs(10))
        })
        .producer(|producer| producer.request_timeout(Duration::from_secs(4)))
        .handler(handler)
        .build()?;
    let handle = processor.handle();
    let mut running = tokio::spawn(processor.run());
    let ended = tokio::select! {
        ended = &mut running => ended,
        _ = leaving => {
            handle.shutdown();
            running.await
        }
    };
    match ended? {
        Ok(_) => Ok(End::Clean),
        Err(error) => {
            let mut said = error.to_string();
            let mut cause = std::error::Error::source(&error);
            while let Some(error) = cause {
                said = format!("{said}: {error}");
                cause = error.source();
            }
            tell(&said);
            Ok(End::Failed)
        }
    }
}

#[expect(clippy::print_stderr, reason = "invariant: of a program for a terminal")]
fn tell(error: &str) {
    eprintln!("   a processor ended: {error}");
}
