//! One run, from the start of the nodes to the verdict.

use std::{path::Path, path::PathBuf, sync::Arc, time::Duration};

use fastrand::Rng;
use ottla::BoxError;
use ottla_integration_tests::{
    Kafka, Settings, Version,
    history::{Figures, Group, Journal, Occurrence, Topic, check, read_journal},
};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use crate::{
    arguments::Arguments,
    members,
    nemesis::{Nemesis, storm},
    producers::{self, Temper},
    report::{Judged, Report},
    world::{PARTITIONS, World},
};

/// Whether the run counts and nothing is wrong.
pub(crate) async fn run(arguments: &Arguments) -> Result<bool, BoxError> {
    if let Some(file) = &arguments.check {
        println!("{:#?}", Figures::of(&read_journal(file)?));
        return Ok(true);
    }
    let begun = Instant::now();
    println!(
        "seed {}, {} s, {} nodes",
        arguments.seed,
        arguments.lasting.as_secs(),
        arguments.nodes
    );
    let version = Version::wanted()?;
    let history = history(arguments.seed);
    let journal = Journal::create(&history)?;
    let played = play(arguments, &version, journal.clone()).await;
    journal.flush()?;
    let logs = match played {
        Ok(logs) => logs,
        Err(error) => {
            eprintln!("the history so far is in {}", history.display());
            return Err(error);
        }
    };
    let events = read_journal(&history)?;
    let judged = Judged {
        figures: Figures::of(&events),
        verdicts: check(&events, &logs),
        lasting: arguments.lasting,
    };
    let report = Report { arguments, version: &version, judged: &judged, took: begun.elapsed() };
    println!("\n{report}");
    if let Some(folder) = &arguments.report {
        println!("the report is in {}", report.write(folder)?.display());
    }
    let good = judged.is_good();
    if !judged.verdicts.is_empty() {
        let all: Vec<_> = judged.verdicts.iter().map(|verdict| format!("{verdict}\n")).collect();
        std::fs::write(history.with_extension("verdicts"), all.concat())?;
        let commits = logs.commits.iter().map(|commit| format!("{commit:?}\n"));
        std::fs::write(history.with_extension("commits"), commits.collect::<String>())?;
    }
    if good && !arguments.keep {
        std::fs::remove_file(&history)?;
    } else {
        println!("the history is in {}", history.display());
    }
    Ok(good)
}

async fn play(
    arguments: &Arguments,
    version: &Version,
    journal: Journal,
) -> Result<ottla_integration_tests::history::Logs, BoxError> {
    let mut rng = Rng::with_seed(arguments.seed);
    let kafka = Arc::new(start(arguments, version).await?);
    let world = World::new(journal, kafka.bootstrap());
    let nodes = u32::try_from(arguments.nodes)?;
    let nemesis = Nemesis::new(Arc::clone(&kafka), world.clone(), nodes, rng.u64(..))?;

    let (stop_sending, sending_stops) = watch::channel(false);
    let (stop_members, members_stop) = watch::channel(false);
    let shared = world.client(rng.u64(..))?;
    let mut senders = Vec::new();
    for temper in Temper::ALL {
        // Two of them share a client, as applications do.
        let client = match temper {
            Temper::Steady | Temper::Explicit => shared.clone(),
            _ => world.client(rng.u64(..))?,
        };
        let stop = sending_stops.clone();
        senders.push(producers::start(&world, temper, client, rng.u64(..), stop));
    }
    let groups =
        Group::ALL.map(|group| members::start(&world, group, rng.u64(..), members_stop.clone()));
    // The topic of commits comes to be with the first of them.
    sleep(Duration::from_secs(3)).await;
    let ports = kafka.control(|cluster| Ok(ports(cluster))).await?;
    let storm = tokio::spawn(storm(world.clone(), ports, rng.u64(..)));
    let telling = tokio::spawn(tell(world.clone()));

    let until = Instant::now() + arguments.lasting;
    let raged = nemesis.rage(until).await;
    storm.abort();
    world.wire.clear();
    world.calm_down();
    let mut nemesis = raged?;
    nemesis.in_sync().await?;
    world.note(Occurrence::Healed);
    println!("   healed");
    sleep(Duration::from_secs(3)).await;
    stop_sending.send_replace(true);
    let flushed = all(senders);
    timeout(PATIENCE, flushed).await.map_err(|_| "records without outcome after healing")??;
    world.note(Occurrence::Flushed);
    println!("   all records have outcomes");
    timeout(PATIENCE, drain(&mut nemesis)).await.map_err(|_| "the groups do not catch up")??;
    world.note(Occurrence::Drained);
    println!("   everything is committed");
    stop_members.send_replace(true);
    let left = all(groups.into());
    timeout(PATIENCE, left).await.map_err(|_| "members do not leave")??;
    telling.abort();
    println!("   reading the logs");
    Ok(kafka.read_logs(PARTITIONS).await?)
}

async fn start(arguments: &Arguments, version: &Version) -> Result<Kafka, BoxError> {
    // Soon after a node stops answering others lead its partitions.
    let quick = [
        ("broker.session.timeout.ms", "3000"),
        ("broker.heartbeat.interval.ms", "500"),
        ("replica.lag.time.max.ms", "4000"),
        ("group.min.session.timeout.ms", "1000"),
        ("offsets.topic.num.partitions", "4"),
    ];
    let properties = quick.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let settings = Settings {
        properties,
        version: version.clone(),
        nodes: arguments.nodes,
        ..Settings::default()
    };
    println!("   starting Kafka {version}");
    let kafka = Kafka::start_with(settings).await?;
    let partitions = u32::try_from(PARTITIONS)?;
    let load = ["min.insync.replicas=2", "max.message.bytes=600000"];
    kafka.create_topic(Topic::Load.name(), partitions, &load).await?;
    let copies = ["min.insync.replicas=2", "message.timestamp.type=LogAppendTime"];
    kafka.create_topic(Topic::Copies.name(), partitions, &copies).await?;
    Ok(kafka)
}

async fn all(tasks: Vec<JoinHandle<Result<(), BoxError>>>) -> Result<(), BoxError> {
    for task in tasks {
        task.await??;
    }
    Ok(())
}

/// Until both groups have committed everything there is.
async fn drain(nemesis: &mut Nemesis) -> Result<(), BoxError> {
    for group in Group::ALL {
        while !matches!(nemesis.admin.lag(group.name(), Topic::Load.name()).await, Ok(0)) {
            sleep(Duration::from_millis(200)).await;
        }
    }
    Ok(())
}

async fn tell(world: World) {
    let begun = Instant::now();
    loop {
        sleep(Duration::from_secs(5)).await;
        println!("{:4} s  {}", begun.elapsed().as_secs(), world.progress());
    }
}

fn ports(cluster: &mut ottla_integration_tests::Cluster) -> Vec<u16> {
    cluster.nodes().iter().map(ottla_integration_tests::Node::port).collect()
}

fn history(seed: u64) -> PathBuf {
    let name = format!("ottla-faults-{seed}-{:08x}.history", fastrand::u32(..));
    Path::new(&std::env::temp_dir()).join(name)
}

/// What is not done by then is not slow but stuck: longer than the longest delivery timeout.
const PATIENCE: Duration = Duration::from_secs(180);
