//! Producing outputs: in which order, and what follows when it fails.

use std::time::Duration;

use tokio::time::sleep;

use super::world::{TestMessage, Verdict, World, text};
use crate::*;

const MS: Duration = Duration::from_millis(1);

fn by_input() -> World {
    World::new().with(|settings| {
        settings.order = Order::None;
        settings.output_order = OutputOrder::Input;
    })
}

async fn uneven(m: TestMessage, _: Attempt) -> Result<Output, BoxError> {
    sleep(MS * (m.offset() as u32 * 7 % 13)).await;
    Ok(m.echo())
}

fn fill(world: &World, records: usize) {
    for number in 0..records {
        world.append(0, &format!("k{}", number % 5), &number.to_string());
    }
    world.assign(&[0]);
}

fn numbers(values: &[String]) -> Vec<usize> {
    values.iter().map(|value| value.parse().unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn outputs_come_in_input_order() {
    let world = by_input();
    fill(&world, 300);
    let running = world.start(uneven);
    running.all_done().await;
    running.shutdown().await.unwrap();
    assert_eq!(numbers(&world.written("out")), (0..300).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn outputs_come_on_completion() {
    let world = World::new().with(|settings| settings.order = Order::None);
    fill(&world, 100);
    let running = world.start(uneven);
    running.all_done().await;
    running.shutdown().await.unwrap();
    let mut values = numbers(&world.written("out"));
    assert_ne!(values, (0..100).collect::<Vec<_>>());
    values.sort_unstable();
    assert_eq!(values, (0..100).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn under_input_order_a_failed_output_rewinds_its_partition() {
    let world = by_input();
    fill(&world, 100);
    let mut failed = false;
    world.decide(move |_, output| {
        if text(output.value_bytes().unwrap()) == "40" && !std::mem::replace(&mut failed, true) {
            return Verdict::Fails(Remedy::Again, MS * 20);
        }
        Verdict::Written(MS * 3)
    });
    let running = world.start(uneven);
    running.all_done().await;
    let report = running.shutdown().await.unwrap();
    assert_eq!((report.rewinds, report.resent), (1, 0));
    assert_eq!(world.seeks(0), [40]);
    assert_eq!(world.committed(0), Some(100));
    // Its successors come again, after it: the last of each is in order.
    let values = numbers(&world.written("out"));
    let at = values.iter().position(|&value| value == 40).unwrap();
    assert!(values[..at].iter().any(|&value| value > 40), "nothing had followed it");
    assert_eq!(values[at..], (40..100).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_rewind_forgets_nothing_that_is_done() {
    let world = by_input();
    fill(&world, 100);
    world.decide(|_, output| match text(output.value_bytes().unwrap()).as_str() {
        "40" => Verdict::Fails(Remedy::Again, MS * 20),
        _ => Verdict::Written(MS * 3),
    });
    let running = world.start(uneven);
    world.until("a rewind", || !world.seeks(0).is_empty()).await;
    world.revoke(&[0]).await;
    assert_eq!(world.committed(0), Some(40));
    running.shutdown().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn outputs_of_a_key_rewind_too() {
    let world = World::new();
    fill(&world, 50);
    let mut failures = 3;
    world.decide(move |_, output| {
        if text(output.value_bytes().unwrap()) == "20" && failures > 0 {
            failures -= 1;
            return Verdict::MaybeWritten(MS * 20);
        }
        Verdict::Written(MS * 3)
    });
    let running = world.start(uneven);
    running.all_done().await;
    let report = running.shutdown().await.unwrap();
    assert_eq!((report.rewinds, world.seeks(0)), (3, vec![20; 3]));
    // The last of each key is the newest.
    let values = numbers(&world.written("out"));
    for key in 0..5 {
        let last = values.iter().rev().find(|&&value| value % 5 == key);
        assert_eq!(last, Some(&(45 + key)));
    }
}

#[tokio::test(start_paused = true)]
async fn without_an_order_a_failed_output_is_produced_again() {
    let world = World::new().with(|settings| settings.order = Order::None);
    fill(&world, 100);
    let mut count = 0;
    world.decide(move |_, _| {
        count += 1;
        if count % 10 == 0 {
            Verdict::Fails(Remedy::Again, MS * 5)
        } else {
            Verdict::Written(MS * 3)
        }
    });
    let running = world.start(uneven);
    running.all_done().await;
    let report = running.shutdown().await.unwrap();
    assert!(report.resent >= 10, "{report:?}");
    assert_eq!((report.rewinds, report.received, report.emitted), (0, 100, 100));
    assert_eq!(world.committed(0), Some(100));
}

#[tokio::test(start_paused = true)]
async fn a_refused_output_stops_the_processor_uncommitted() {
    for after in [Duration::ZERO, MS * 4] {
        let world = World::new();
        fill(&world, 20);
        world.decide(move |_, output| {
            let poison = text(output.value_bytes().unwrap()) == "7";
            if poison { Verdict::Fails(Remedy::Never, after) } else { Verdict::Written(MS) }
        });
        let running = world.start(uneven);
        let error = running.ended().await.unwrap_err();
        assert!(matches!(error.reason, StopReason::Output { offset: 7, .. }), "{error}");
        assert_eq!(world.committed(0), Some(7));
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_output_becomes_a_dead_letter() {
    for order in [OutputOrder::Input, OutputOrder::Completion] {
        let world = World::new();
        let letters = world.client.topic("dlt");
        let world = world.with(|settings| {
            settings.dead_letter = Some(letters);
            settings.exhausted = Exhausted::DeadLetter;
            settings.output_order = order;
        });
        fill(&world, 20);
        world.decide(move |topic, output| {
            let poison = topic.name() == "out" && text(output.value_bytes().unwrap()) == "7";
            if poison { Verdict::Fails(Remedy::Never, MS) } else { Verdict::Written(MS) }
        });
        let running = world.start(uneven);
        running.all_done().await;
        let report = running.shutdown().await.unwrap();
        assert_eq!((report.succeeded, report.dead_lettered), (19, 1));
        assert_eq!(world.written("dlt"), ["7"]);
        assert_eq!(world.committed(0), Some(20));
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_producer_stops_the_processor() {
    let world = World::new();
    fill(&world, 20);
    world.decide(|_, _| Verdict::Fails(Remedy::Stop, MS));
    let error = world.start(uneven).ended().await.unwrap_err();
    assert!(matches!(error.reason, StopReason::Output { .. }), "{error}");
    assert_eq!(world.committed(0), None);
    assert_eq!(error.report.undone, 20);
}

#[tokio::test(start_paused = true)]
async fn a_full_producer_is_waited_for() {
    for order in [OutputOrder::Input, OutputOrder::Completion] {
        let world = by_input().with(|settings| settings.output_order = order);
        *world.capacity.lock() = 3;
        fill(&world, 200);
        let running = world.start(uneven);
        running.all_done().await;
        running.shutdown().await.unwrap();
        let values = numbers(&world.written("out"));
        assert_eq!(values.len(), 200);
        if order == OutputOrder::Input {
            assert_eq!(values, (0..200).collect::<Vec<_>>());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_output_needs_a_topic() {
    let world = World::new().with(|settings| settings.output = None);
    fill(&world, 1);
    let error = world.start(uneven).ended().await.unwrap_err();
    assert!(matches!(error.reason, StopReason::Output { .. }), "{error}");
    let world = World::new().with(|settings| settings.output = None);
    fill(&world, 1);
    let other = world.client.topic("other");
    let running = world.start(move |m: TestMessage, _| {
        let other = other.clone();
        async move { Ok::<_, BoxError>(m.echo().topic(other)) }
    });
    running.all_done().await;
    running.shutdown().await.unwrap();
    assert_eq!(world.written("other"), ["0"]);
}

#[tokio::test(start_paused = true)]
async fn the_input_key_is_kept_if_asked() {
    let world = World::new();
    world.append(0, "key", "v");
    world.append(0, "", "v");
    world.assign(&[0]);
    let running = world.start(async |m: TestMessage, _| {
        let echo = m.echo();
        let mut output = Output::value("new").input_key();
        output.headers = echo.headers().to_vec();
        Ok::<_, BoxError>(output)
    });
    running.all_done().await;
    running.shutdown().await.unwrap();
    let keys: Vec<_> = world.outputs("out").iter().map(|o| o.key_bytes().map(text)).collect();
    assert_eq!(keys, [Some("key".to_owned()), None]);
}
