//! Twice what the buffer lets through, while the broker answers late: what a record costs that is too many.

use std::collections::VecDeque;
use std::time::Instant;

use anyhow::{Context, ensure};
use measure::{Item, Meter, Overload, Pace, Plan};
use ottla::producer::{Overflow, Reason, Refused};
use ottla::{Client, Delivery, Producer, Record, SendError, Topic};
use tokio::runtime::Handle;

use crate::produce;

/// At a broker that answers 20 ms late this is about a million records of 100 B a second.
const BUFFER: usize = 2 << 20;

pub async fn run(plan: &Plan, strategy: &str) -> anyhow::Result<()> {
    let overflow = match strategy {
        "overload-wait" => Overflow::Wait,
        "overload-fail" => Overflow::Fail,
        "overload-drop-newest" => Overflow::DropNewest,
        _ => Overflow::DropOldest,
    };
    let client = Client::builder().bootstrap([plan.bootstrap.as_str()]).build()?;
    let producer = |overflow| -> anyhow::Result<Producer> {
        let builder = produce::settings(plan, Producer::builder(&client))?;
        Ok(builder.buffer_memory(BUFFER).overflow(overflow).build()?)
    };
    let waiting = producer(Overflow::Wait)?;
    let allowed = let_through(plan, &waiting, &client.topic(&plan.warm_topic)).await?;
    ensure!(waiting.close(plan.within).await.is_clean(), "something was left");

    let mut run = Run {
        producer: producer(overflow)?,
        topic: client.topic(&plan.topic),
        deliveries: VecDeque::with_capacity(plan.window),
        window: plan.window,
        acknowledged: 0,
        failed: 0,
        overload: Overload { allowed, ..Overload::default() },
    };
    let mut payload = plan.payload(plan.records)?;
    let meter = Meter::start();
    let handle = Handle::current();
    let sending = std::thread::spawn(move || {
        handle.block_on(async move {
            let mut pace = Pace::at((allowed * 2.0) as u64);
            let mut number = 0;
            while let Some(item) = payload.next() {
                let _ = pace.wait();
                run.send(item, number).await?;
                number += 1;
            }
            while run.settle().await? {}
            anyhow::Ok(run)
        })
    });
    let run = tokio::task::spawn_blocking(move || sending.join()).await?;
    let run = run.ok().context("the sending thread panicked")??;
    meter.report_overload(plan, run.acknowledged, run.failed, run.overload);
    ensure!(run.producer.buffered() == 0, "the buffer is not empty");
    ensure!(run.producer.close(plan.within).await.is_clean(), "something was left");
    Ok(())
}

/// How many records a second the buffer lets through.
async fn let_through(plan: &Plan, producer: &Producer, topic: &Topic) -> anyhow::Result<f64> {
    let mut payload = plan.payload(plan.warm)?;
    let began = Instant::now();
    while let Some(item) = payload.next() {
        drop(producer.send(topic, Record::value(item.value)).await?);
    }
    producer.flush().await?;
    Ok(plan.warm as f64 / began.elapsed().as_secs_f64())
}

struct Run {
    producer: Producer,
    topic: Topic,
    deliveries: VecDeque<(u64, Delivery)>,
    window: usize,
    acknowledged: u64,
    failed: u64,
    overload: Overload,
}

impl Run {
    async fn send(&mut self, item: Item<'_>, number: u64) -> anyhow::Result<()> {
        if self.deliveries.len() == self.window {
            self.settle().await?;
        }
        match self.producer.send(&self.topic, Record::value(item.value)).await {
            Ok(delivery) => self.deliveries.push_back((number, delivery)),
            Err(Refused::Full { .. }) => self.overload.refused += 1,
            Err(other) => return Err(other.into()),
        }
        Ok(())
    }

    /// Takes in the outcome of the oldest record; whether there was one.
    async fn settle(&mut self) -> anyhow::Result<bool> {
        let Some((number, delivery)) = self.deliveries.pop_front() else { return Ok(false) };
        match delivery.await {
            Ok(_) => {
                self.acknowledged += 1;
                self.overload.sum = self.overload.sum.wrapping_add(number);
            }
            Err(SendError::NotWritten { reason: Reason::Overflow { .. }, record }) => {
                let value = record.value.context("a record came back without its value")?;
                ensure!(value.starts_with(&number.to_be_bytes()), "another record came back");
                self.overload.dropped += 1;
            }
            Err(_) => self.failed += 1,
        }
        Ok(true)
    }
}
