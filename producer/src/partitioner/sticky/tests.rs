use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::routes::Route;
use super::*;

/// Partitions with nothing in front of them, but for these.
#[derive(Default)]
struct Fixed(BTreeMap<u32, Waiting>);

impl Queues for Fixed {
    fn waiting(&self, partition: u32) -> Waiting {
        self.0.get(&partition).copied().unwrap_or_default()
    }
}

const STAY: usize = 64 << 10;

fn among(partitions: impl IntoIterator<Item = u32>) -> Arc<Routes> {
    let partitions: Vec<u32> = partitions.into_iter().collect();
    let count = partitions.iter().max().map_or(0, |most| most + 1);
    let led = |partition: u32| partitions.contains(&partition);
    let route = |partition| Route { led: led(partition), healthy: true };
    Arc::new(Routes::new((0..count).map(route).collect()))
}

fn sticky(seed: u64, settings: &Partitioner, routes: &Arc<Routes>) -> Sticky {
    let sticky = Sticky::new(settings, seed);
    sticky.rerouted(true, routes, &Fixed::default());
    sticky
}

fn pick(sticky: &Sticky, size: usize, routes: &Arc<Routes>, queues: &Fixed) -> u32 {
    sticky.pick(size, || Arc::clone(routes), queues)
}

#[tokio::test(start_paused = true)]
async fn kip_480_stays_and_then_moves_and_spreads_evenly() {
    let routes = among(0..6);
    let sticky = sticky(7, &Partitioner::java(), &routes);
    let idle = Fixed::default();
    let mut bytes = [0usize; 6];
    let (mut previous, mut stayed) = (pick(&sticky, 100, &routes, &idle), 0);
    for _ in 0..600_000 {
        let partition = pick(&sticky, 100, &routes, &idle);
        bytes[partition as usize] += 100;
        if partition == previous {
            stayed += 1;
        } else {
            assert!(stayed >= 500, "moved on after {stayed} records");
            (previous, stayed) = (partition, 0);
        }
    }
    let mean = bytes.iter().sum::<usize>() / 6;
    assert!(bytes.iter().all(|&b| b > mean / 2 && b < mean * 3 / 2), "{bytes:?}");
}

#[tokio::test(start_paused = true)]
async fn leaves_a_partition_that_lost_its_leader_and_goes_to_no_other_such() {
    let routes = among(0..4);
    let sticky = sticky(1, &Partitioner::java(), &routes);
    for lost in 0..4 {
        let routes = among((0..5).filter(|&partition| partition != lost));
        sticky.rerouted(false, &routes, &Fixed::default());
        assert!((0..100).all(|_| pick(&sticky, STAY, &routes, &Fixed::default()) != lost));
    }
}

#[tokio::test(start_paused = true)]
async fn one_partition_or_none() {
    let none = among([]);
    let sticky = sticky(1, &Partitioner::java(), &none);
    assert!((0..10).all(|_| pick(&sticky, STAY, &none, &Fixed::default()) == 0));
    let one = among([3]);
    sticky.rerouted(false, &one, &Fixed::default());
    assert!((0..10).all(|_| pick(&sticky, STAY, &one, &Fixed::default()) == 3));
}

/// How often each of four partitions was chosen when so many bytes wait in front of the first.
fn chosen(settings: &Partitioner, waiting: Waiting) -> [u32; 4] {
    let routes = among(0..4);
    let sticky = sticky(3, settings, &routes);
    let queues = Fixed(BTreeMap::from([(0, waiting)]));
    sticky.rerouted(true, &routes, &queues);
    let mut chosen = [0; 4];
    for _ in 0..4_000 {
        chosen[pick(&sticky, STAY, &routes, &queues) as usize] += 1;
    }
    chosen
}

#[tokio::test(start_paused = true)]
async fn kip_794_less_goes_where_more_waits() {
    let slow = Waiting { bytes: 9 * STAY, blocked_since: None };
    let chosen_adaptively = chosen(&Partitioner::java(), slow);
    // One chance in thirty-one.
    assert!((60..250).contains(&chosen_adaptively[0]), "{chosen_adaptively:?}");
    assert!(chosen_adaptively[1..].iter().all(|&times| times > 1_000), "{chosen_adaptively:?}");
    let chosen_blindly = chosen(&Partitioner::java().adaptive(false), slow);
    assert!(chosen_blindly.iter().all(|&times| times > 800), "{chosen_blindly:?}");
}

#[tokio::test(start_paused = true)]
async fn kip_794_a_broker_that_is_not_ready_is_left_out() {
    let blocked = Waiting { bytes: 0, blocked_since: Some(Instant::now()) };
    tokio::time::advance(Duration::from_secs(2)).await;
    let timeout = |secs| Partitioner::java().availability_timeout(Duration::from_secs(secs));
    assert_eq!(chosen(&timeout(2), blocked)[0], 0);
    assert!(chosen(&timeout(3), blocked)[0] > 800);
    assert!(chosen(&Partitioner::java(), blocked)[0] > 800);
}
