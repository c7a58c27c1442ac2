//! Handlers that fail.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

use super::world::{TestMessage, Verdict, World, text};
use crate::*;

fn fill(world: &World, records: usize) {
    for number in 0..records {
        world.append(0, &format!("k{}", number % 5), &number.to_string());
    }
    world.assign(&[0]);
}

/// Fails record 7 with what `failure` says.
fn poison<F>(failure: F) -> impl Handler<TestMessage>
where
    F: Fn(Attempt) -> Failure + Send + Sync + Clone + 'static,
{
    move |m: TestMessage, attempt: Attempt| {
        let failure = failure.clone();
        async move { if m.value() == "7" { Err(failure(attempt)) } else { Ok(m.echo()) } }
    }
}

#[tokio::test(start_paused = true)]
async fn attempts_end_and_the_processor_stops() {
    let world = World::new();
    fill(&world, 20);
    let start = Instant::now();
    let error = world.start(poison(|_| Failure::error("no"))).ended().await.unwrap_err();
    let StopReason::Handler { offset, attempt, source, .. } = &error.reason else {
        panic!("{error}")
    };
    assert_eq!((*offset, *attempt, source.to_string()), (7, 10, "no".to_owned()));
    assert_eq!((error.report.failed, error.report.retried), (10, 9));
    assert!((40..55).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    // All but its key went on meanwhile, but cannot be committed.
    assert_eq!((error.report.succeeded, world.committed(0)), (17, Some(7)));
    assert_eq!(error.report.undone, 13);
    assert!(error.is_fatal());
}

#[tokio::test(start_paused = true)]
async fn a_record_succeeds_at_a_later_attempt_and_its_key_waited() {
    let world = World::new();
    fill(&world, 20);
    let seen = world.clone();
    let order = Arc::new(Mutex::new(Vec::new()));
    let started = Arc::clone(&order);
    let running = world.start(move |m: TestMessage, attempt: Attempt| {
        let (seen, started) = (seen.clone(), Arc::clone(&started));
        async move {
            let _entered = seen.enter(&m);
            if m.offset() % 5 == 2 {
                started.lock().push((m.offset(), attempt.number()));
            }
            sleep(Duration::from_millis(1)).await;
            if m.offset() == 7 && attempt.number() < 4 {
                Err("again")?;
            }
            Ok::<_, Failure>(m.echo())
        }
    });
    running.all_done().await;
    let report = running.shutdown().await.unwrap();
    let expected = [(2, 1), (7, 1), (7, 2), (7, 3), (7, 4), (12, 1), (17, 1)];
    assert_eq!(*order.lock(), expected);
    assert_eq!((report.succeeded, report.failed, report.retried), (20, 3, 3));
}

#[tokio::test(start_paused = true)]
async fn a_poison_record_becomes_a_dead_letter() {
    let world = World::new();
    let letters = world.client.topic("dlt");
    let world = world.with(|settings| {
        settings.dead_letter = Some(letters);
        settings.exhausted = Exhausted::DeadLetter;
        settings.retry = RetryPolicy::DEFAULT.attempts(3);
    });
    fill(&world, 20);
    let running = world.start(poison(|_| Failure::error("cannot read this")));
    running.all_done().await;
    let report = running.shutdown().await.unwrap();
    assert_eq!((report.succeeded, report.dead_lettered, report.emitted), (19, 1, 19));
    assert_eq!(world.committed(0), Some(20));
    let letters = world.outputs("dlt");
    let [letter] = &letters[..] else { panic!("{letters:?}") };
    assert_eq!(text(letter.value_bytes().unwrap()), "7");
    assert_eq!(text(letter.key_bytes().unwrap()), "k2");
    let headers: HashMap<_, _> =
        letter.headers().iter().map(|h| (&*h.key, text(h.value.as_ref().unwrap()))).collect();
    for (name, value) in [
        (dead_letter_header::TOPIC, "in"),
        (dead_letter_header::PARTITION, "0"),
        (dead_letter_header::OFFSET, "7"),
        (dead_letter_header::TIMESTAMP, "1000007"),
        (dead_letter_header::ATTEMPTS, "3"),
        (dead_letter_header::PROCESSOR, "test"),
        (dead_letter_header::ERROR, "cannot read this"),
    ] {
        assert_eq!(headers[name], value, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_that_cannot_be_written_is_not_committed() {
    for verdict in [Remedy::Never, Remedy::Stop] {
        let world = World::new();
        let letters = world.client.topic("dlt");
        let world = world.with(|settings| settings.dead_letter = Some(letters));
        fill(&world, 20);
        world.decide(move |topic, _| match topic.name() {
            "dlt" => Verdict::Fails(verdict, Duration::from_millis(1)),
            _ => Verdict::Written(Duration::from_millis(1)),
        });
        let running = world.start(poison(|_| Failure::dead_letter("no")));
        let error = running.ended().await.unwrap_err();
        assert!(matches!(error.reason, StopReason::Output { offset: 7, .. }), "{error}");
        assert_eq!(world.committed(0), Some(7));
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_without_a_topic_stops() {
    let world = World::new();
    fill(&world, 20);
    let error = world.start(poison(|_| Failure::dead_letter("no"))).ended().await.unwrap_err();
    assert!(matches!(error.reason, StopReason::Handler { offset: 7, attempt: 1, .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failure_of_its_record() {
    let world = World::new();
    fill(&world, 20);
    let running = world.start(async |m: TestMessage, attempt: Attempt| {
        assert!(m.value() != "7" || attempt.number() > 2, "boom");
        Ok::<_, BoxError>(m.echo())
    });
    running.all_done().await;
    let report = running.shutdown().await.unwrap();
    assert_eq!((report.failed, report.succeeded), (2, 20));
    let world = World::new().with(|settings| settings.retry = RetryPolicy::NEVER);
    fill(&world, 20);
    let running = world.start(async |m: TestMessage, _| {
        assert!(m.value() != "7", "boom {}", m.value());
        Ok::<_, BoxError>(m.echo())
    });
    let error = running.ended().await.unwrap_err();
    let source = std::error::Error::source(&error.reason).unwrap();
    assert_eq!(source.to_string(), "the handler panicked: boom 7");
}

#[tokio::test(start_paused = true)]
async fn a_handler_may_stop_the_processor() {
    let world = World::new();
    fill(&world, 20);
    let error = world.start(poison(|_| Failure::stop("enough"))).ended().await.unwrap_err();
    assert!(matches!(error.reason, StopReason::Handler { attempt: 1, .. }), "{error}");
    assert_eq!(world.committed(0), Some(7));
}

#[tokio::test(start_paused = true)]
async fn retries_come_at_the_time_asked_for() {
    let world = World::new();
    fill(&world, 8);
    let start = Instant::now();
    let times = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&times);
    let running = world.start(poison(move |attempt| {
        seen.lock().push(start.elapsed().as_secs());
        match attempt.number() {
            1 => Failure::Retry(When::After(Duration::from_secs(5))),
            2 => Failure::Retry(When::At(start + Duration::from_secs(60))),
            3 => Failure::Retry(When::After(Duration::MAX)),
            number => panic!("attempt {number}"),
        }
    }));
    sleep(Duration::from_secs(1000)).await;
    assert_eq!(*times.lock(), [0, 5, 60]);
    assert_eq!(running.handle.stats().waiting, 1);
    let report = running.shutdown().await.unwrap();
    assert_eq!((report.undone, world.committed(0)), (1, Some(7)));
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_retry_lets_go_of_its_batch() {
    let world = World::new();
    fill(&world, 8);
    let running = world.start(async |m: TestMessage, attempt: Attempt| {
        assert_eq!(m.detached, attempt.is_retry());
        if attempt.number() < 3 { Err(Failure::error("again")) } else { Ok(m.echo()) }
    });
    running.all_done().await;
    // Each time for the same reason.
    assert_eq!(running.shutdown().await.unwrap().failed, 16);
}

#[tokio::test(start_paused = true)]
async fn a_parked_record_waits_for_somebody() {
    let world = World::new();
    fill(&world, 20);
    let repaired = Arc::new(Mutex::new(false));
    let is_repaired = Arc::clone(&repaired);
    let running = world.start(move |m: TestMessage, attempt: Attempt| {
        let broken = m.value() == "7" && !*is_repaired.lock();
        async move {
            assert_eq!(attempt.number(), 1);
            if broken { Err(Failure::Park) } else { Ok(m.echo()) }
        }
    });
    sleep(Duration::from_secs(1000)).await;
    assert_eq!(world.marked(0), Some(7));
    assert_eq!(world.written("out").len(), 17, "its key waits");
    let at = world.at(0);
    assert!(!running.handle.unpark(&at, 8).await);
    assert!(running.handle.unpark(&at, 7).await);
    sleep(Duration::from_secs(1)).await;
    *repaired.lock() = true;
    assert_eq!(running.handle.unpark_all().await, 1);
    running.all_done().await;
    assert_eq!(running.handle.unpark_all().await, 0);
    let report = running.shutdown().await.unwrap();
    assert_eq!((report.parked, report.succeeded), (2, 20));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_stops_or_is_skipped() {
    for unreadable in [Unreadable::Stop, Unreadable::Skip] {
        let world = World::new().with(|settings| settings.unreadable = unreadable);
        fill(&world, 20);
        let running = world.start(async |m: TestMessage, _| Ok::<_, BoxError>(m.echo()));
        running.all_done().await;
        world.gap(0, 30);
        world.append(0, "k", "behind");
        let error = "a corrupt batch".into();
        world.event(Ok(Event::Failed { partition: world.at(0), error, resume_at: 50 }));
        if unreadable == Unreadable::Stop {
            let error = running.ended().await.unwrap_err();
            assert!(matches!(error.reason, StopReason::Unreadable { resume_at: 50, .. }));
            continue;
        }
        running.all_done().await;
        assert_eq!((world.marked(0), world.seeks(0)), (Some(51), vec![50]));
        assert_eq!(running.shutdown().await.unwrap().unreadable, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failing_source_is_asked_again_until_it_fails_for_good() {
    let world = World::new();
    for _ in 0..5 {
        world.event(Err(SourceError::retriable("not now")));
    }
    fill(&world, 20);
    let running = world.start(async |m: TestMessage, _| Ok::<_, BoxError>(m.echo()));
    running.all_done().await;
    world.event(Err(SourceError::fatal("fenced")));
    let error = running.ended().await.unwrap_err();
    assert!(matches!(error.reason, StopReason::Source(_)), "{error}");
    assert_eq!(world.committed(0), Some(20));
}
