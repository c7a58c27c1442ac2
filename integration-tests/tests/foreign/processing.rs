//! The main job through errors and leaders that move: an async function is applied to every record of a
//! topic. What the foreign client reads is every input once, in order within its partition, and
//! everything is committed.

use std::{collections::HashSet, time::Duration};

use ottla::{Attempt, BoxError, Client, Emit, Message, OffsetReset, Order, Processor};
use tokio::time::{sleep, timeout};

use crate::{
    broker::{Broker, FETCH, HEARTBEAT, OFFSET_COMMIT, PATIENCE, PRODUCE},
    judge::number,
};

#[tokio::test]
async fn two_processors_lose_and_repeat_nothing_on_kfake() {
    let broker = &mut Broker::kfake("newest").await;
    broker.order("topic in 6").await;
    broker.order("topic out 6").await;
    broker.order("write in 6 0 1200 lz4").await;
    let client = broker.client();
    let mut handles = Vec::new();
    let mut runs = Vec::new();
    for instance in ["0", "1"] {
        let worker = worker(&client, instance);
        handles.push(worker.handle());
        runs.push(tokio::spawn(worker.run()));
    }
    for step in 1..10 {
        for api in [PRODUCE, FETCH] {
            broker.order(format!("fail {api} 6 1")).await;
        }
        broker.order(format!("fail {OFFSET_COMMIT} 16 1")).await;
        broker.order(format!("fail {HEARTBEAT} 27 1")).await;
        broker.order(format!("move out {} {}", step % 6, step % 2 + 1)).await;
        broker.order(format!("write in 6 {} 1200 none", step * 1200)).await;
    }
    let inputs = numbered(broker, "in").await;
    let committed = async {
        loop {
            let committed = broker.order("committed doubles in 6").await;
            if committed.iter().sum::<i64>() == 12_000 {
                return committed;
            }
            sleep(Duration::from_millis(100)).await;
        }
    };
    let committed = timeout(PATIENCE, committed).await.expect("all is committed in time");
    assert_eq!(committed, vec![2000; 6]);
    for handle in &handles {
        handle.shutdown();
    }
    for run in runs {
        timeout(PATIENCE, run).await.expect("it ends in time").unwrap().unwrap();
    }
    let outputs = numbered(broker, "out").await;
    let all = |parts: &[Vec<u32>]| parts.concat().into_iter().collect::<HashSet<u32>>();
    assert_eq!(outputs.concat().len(), 12_000, "repeated or lost");
    assert!(all(&inputs) == all(&outputs), "something else comes out");
    // Each partition of the input is of one partition of the output, in its order.
    for part in &outputs {
        for residue in 0..6 {
            let of_one = part.iter().filter(|number| *number % 6 == residue);
            assert!(of_one.is_sorted(), "partition {residue} is out of order");
        }
    }
    client.close(PATIENCE).await;
}

fn worker(client: &Client, instance: &str) -> Processor {
    Processor::builder(client)
        .name("doubles")
        .group("doubles")
        .instance(instance)
        .output("out")
        .order(Order::Partition)
        .concurrency(100)
        .input(["in"])
        .commit_interval(Duration::from_millis(200))
        .consumer(|consumer| consumer.offset_reset(OffsetReset::Earliest))
        .handler(number_of)
        .build()
        .unwrap()
}

async fn number_of(message: Message, _: Attempt) -> Result<Emit, BoxError> {
    let place = message.offset() * 6 + i64::from(message.partition());
    sleep(Duration::from_millis(1)).await;
    Ok(Emit::keyed(message.partition().to_string(), place.to_string()))
}

async fn numbered(broker: &mut Broker, topic: &str) -> Vec<Vec<u32>> {
    let found = broker.read(topic, 6).await;
    if topic == "in" {
        // Their values are odd at times; their places say which they are.
        let place = |partition: u32, offset: i64| u32::try_from(offset).unwrap() * 6 + partition;
        let parts = (0..).zip(&found);
        return parts
            .map(|(partition, part)| part.iter().map(|one| place(partition, one.offset)).collect())
            .collect();
    }
    found.iter().map(|part| part.iter().map(|one| number(one).unwrap()).collect()).collect()
}
