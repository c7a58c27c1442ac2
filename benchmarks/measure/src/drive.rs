use std::collections::VecDeque;
use std::future::Future;
use std::time::Instant;

use anyhow::Context;
use tokio::runtime::Handle;

use crate::{Item, Latency, Meter, Pace, Payload, Plan};

/// A client's producer, bound to a topic, as the loop that measures it sees it.
pub trait Sends: Sized + Send + 'static {
    /// What tells later what became of a record.
    type Delivery: Send + 'static;

    /// Gives a record to the client.
    fn send(
        &mut self,
        item: Item<'_>,
    ) -> impl Future<Output = anyhow::Result<Self::Delivery>> + Send;

    /// Waits for the outcome: whether it was acknowledged.
    fn acknowledged(delivery: &mut Self::Delivery) -> impl Future<Output = bool> + Send;
}

/// Warms up, measures and reports a client that gives something to await for each record.
pub async fn drive<S: Sends>(plan: &Plan, warm: S, measured: S) -> anyhow::Result<()> {
    as_fast_as_possible(plan, warm, plan.payload(plan.warm)?).await?;
    let payload = plan.payload(plan.records)?;
    let meter = Meter::start();
    let (acknowledged, latency) = match plan.rate {
        None => (as_fast_as_possible(plan, measured, payload).await?, None),
        Some(rate) => {
            let (window, handle) = (plan.window, Handle::current());
            // On a thread of its own: the runtime's timers are the client's, and would go off together with ours.
            let paced =
                std::thread::spawn(move || handle.block_on(paced(rate, window, measured, payload)));
            let paced = tokio::task::spawn_blocking(move || paced.join()).await?;
            let (acknowledged, latency) = paced.ok().context("the sending thread panicked")??;
            (acknowledged, Some(latency))
        }
    };
    meter.report_produced(plan, acknowledged, plan.records - acknowledged, latency);
    Ok(())
}

/// Sends everything and awaits every delivery, the oldest first.
async fn as_fast_as_possible<S: Sends>(
    plan: &Plan,
    mut sender: S,
    mut payload: Payload,
) -> anyhow::Result<u64> {
    let mut deliveries: VecDeque<S::Delivery> = VecDeque::with_capacity(plan.window);
    let mut acknowledged = 0;
    while let Some(item) = payload.next() {
        if deliveries.len() == plan.window {
            let mut oldest = deliveries.pop_front().expect("the window is full");
            acknowledged += u64::from(S::acknowledged(&mut oldest).await);
        }
        deliveries.push_back(sender.send(item).await?);
    }
    for mut delivery in deliveries {
        acknowledged += u64::from(S::acknowledged(&mut delivery).await);
    }
    Ok(acknowledged)
}

/// The same at an even rate. Of the records that are timed each has a task that waits for it.
async fn paced<S: Sends>(
    rate: u64,
    window: usize,
    mut sender: S,
    mut payload: Payload,
) -> anyhow::Result<(u64, Latency)> {
    let mut deliveries: VecDeque<S::Delivery> = VecDeque::with_capacity(window);
    let mut timed = Vec::new();
    let mut acknowledged = 0;
    let mut pace = Pace::at(rate);
    while let Some(item) = payload.next() {
        if deliveries.len() == window {
            let mut oldest = deliveries.pop_front().expect("the window is full");
            acknowledged += u64::from(S::acknowledged(&mut oldest).await);
        }
        match pace.wait() {
            None => deliveries.push_back(sender.send(item).await?),
            Some(since) => {
                let delivery = sender.send(item).await?;
                timed.push(tokio::spawn(time::<S>(delivery, since)));
            }
        }
    }
    for mut delivery in deliveries {
        acknowledged += u64::from(S::acknowledged(&mut delivery).await);
    }
    let mut times = Vec::with_capacity(timed.len());
    for time in timed {
        times.extend(time.await?);
    }
    acknowledged += times.len() as u64;
    Ok((acknowledged, Latency::of(times)))
}

/// How many nanoseconds it took, if it was acknowledged.
async fn time<S: Sends>(mut delivery: S::Delivery, since: Instant) -> Option<u64> {
    S::acknowledged(&mut delivery).await.then(|| since.elapsed().as_nanos() as u64)
}
