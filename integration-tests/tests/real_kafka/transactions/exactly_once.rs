//! Consume, transform, produce: with aborts, kills and fenced zombies every input has one output.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ottla::Producer;
use ottla_integration_tests::{JavaRecord, Kafka, unique_name};
use tokio::time::{Instant, sleep};

use super::{
    copier::{Job, Tally, inputs},
    under_both,
};
use crate::clients::{PATIENCE, client, send_all};

const PARTITIONS: i32 = 4;
const RECORDS: i64 = 16_000;
const LIMIT: Duration = Duration::from_secs(240);

under_both! {
    every_input_has_one_output;
}

async fn every_input_has_one_output(kafka: &Kafka) {
    let (input, output) = (unique_name("once-in"), unique_name("once-out"));
    let group = unique_name("once-group");
    for topic in [&input, &output] {
        kafka.create_topic(topic, PARTITIONS.unsigned_abs(), &[]).await.unwrap();
    }
    let filling = client(kafka);
    let producer = Producer::builder(&filling).build().unwrap();
    let partitions = (0..PARTITIONS).cycle();
    let records: Vec<_> = (0..RECORDS)
        .zip(partitions)
        .map(|(number, partition)| JavaRecord {
            value: Some(number.to_string().into_bytes()),
            partition: Some(partition),
            ..JavaRecord::default()
        })
        .collect();
    send_all(&producer, &input, &records).await.unwrap();
    producer.close(PATIENCE).await;

    let job = Job {
        bootstrap: kafka.bootstrap().to_owned(),
        input: input.clone(),
        output: output.clone(),
        group: group.clone(),
        done: Arc::new(AtomicBool::new(false)),
        tally: Arc::new(Tally::default()),
    };
    let workers: Vec<_> = (0..2)
        .map(|slot| {
            let job = job.clone();
            std::thread::spawn(move || job.run(slot, 7 + u64::from(slot)))
        })
        .collect();
    let began = Instant::now();
    loop {
        sleep(Duration::from_secs(2)).await;
        // There is no group before the first of them has joined.
        let offsets = kafka.group_offsets(&group).await.unwrap_or_default();
        let committed: i64 = offsets.iter().filter_map(|at| at.committed).sum();
        if committed == RECORDS {
            break;
        }
        assert!(began.elapsed() < LIMIT, "{committed} of {RECORDS}: {:?}", job.tally);
        assert!(workers.iter().all(|worker| !worker.is_finished()), "a worker has failed");
    }
    job.done.store(true, Ordering::Relaxed);
    let joined = tokio::task::spawn_blocking(|| {
        workers.into_iter().for_each(|worker| worker.join().unwrap());
    });
    joined.await.unwrap();

    let read = kafka.java_consume(&output).await.unwrap();
    let outputs = read.iter().map(|record| record.value.as_deref().unwrap());
    let found = inputs(outputs);
    for partition in 0..PARTITIONS {
        let expected: Vec<i64> = (0..RECORDS / i64::from(PARTITIONS)).collect();
        assert!(found[&partition] == expected, "partition {partition}: {:?}", job.tally);
    }
    let tally = &job.tally;
    let happened = [&tally.commits, &tally.aborts, &tally.kills, &tally.zombies];
    assert!(happened.iter().all(|count| count.load(Ordering::Relaxed) > 0), "{tally:?}");
    assert_eq!(tally.fenced.load(Ordering::Relaxed), tally.zombies.load(Ordering::Relaxed));
    kafka.delete_group(&group).await.unwrap();
    for topic in [input, output] {
        kafka.delete_topic(&topic).await.unwrap();
    }
}
