//! Members of a group that come and go.

use std::time::Duration;

use fastrand::Rng;
use ottla::BoxError;
use ottla_integration_tests::history::{End, Group, Occurrence};
use tokio::{
    runtime::{Builder, Runtime},
    sync::{oneshot, watch},
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::{copiers, readers, world::World};

/// A member that runs.
pub(crate) struct Member {
    number: u32,
    world: World,
    /// Of its own, so that it can be torn down with all its tasks and sockets, as by a kill.
    runtime: Option<Runtime>,
    leave: oneshot::Sender<()>,
    task: JoinHandle<Result<End, BoxError>>,
}

impl Member {
    fn join(world: &World, group: Group, seed: u64) -> Result<Self, BoxError> {
        let number = world.member();
        world.note(Occurrence::Joining { member: number, group });
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build()?;
        let (leave, leaving) = oneshot::channel();
        let shared = world.clone();
        let task = match group {
            Group::Readers => runtime.spawn(readers::read(shared, number, seed, leaving)),
            Group::Copiers => runtime.spawn(copiers::copy(shared, number, seed, leaving)),
        };
        Ok(Self { number, world: world.clone(), runtime: Some(runtime), leave, task })
    }

    async fn leave(mut self) -> Result<(), BoxError> {
        let _ = self.leave.send(());
        let ended = timeout(PATIENCE, &mut self.task).await;
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
        let how = ended.map_err(|_| format!("member {} does not leave", self.number))???;
        self.world.note(Occurrence::Ended { member: self.number, how });
        Ok(())
    }

    async fn crash(mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
        // It is over when its task is dropped.
        let _ = timeout(PATIENCE, &mut self.task).await;
        self.world.note(Occurrence::Ended { member: self.number, how: End::Crashed });
    }
}

/// Keeps up to three members of a group running until it is told to stop, and then lets all leave.
/// Once all is calm nobody comes or goes.
pub(crate) fn start(
    world: &World,
    group: Group,
    seed: u64,
    mut stop: watch::Receiver<bool>,
) -> JoinHandle<Result<(), BoxError>> {
    let (world, mut rng) = (world.clone(), Rng::with_seed(seed));
    tokio::spawn(async move {
        let mut members = vec![Member::join(&world, group, rng.u64(..))?];
        loop {
            let next = Duration::from_millis(rng.u64(1_000..8_000));
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break,
                () = sleep(next) => {}
            }
            // One that ended by itself said why.
            while let Some(index) = members.iter().position(|member| member.task.is_finished()) {
                members.swap_remove(index).leave().await?;
            }
            if world.is_calm() {
                if members.is_empty() {
                    members.push(Member::join(&world, group, rng.u64(..))?);
                }
                continue;
            }
            let count = members.len();
            match rng.u8(0..4) {
                0 if count > 1 => members.swap_remove(rng.usize(0..count)).leave().await?,
                1 if count > 1 => members.swap_remove(rng.usize(0..count)).crash().await,
                _ if count < MOST => members.push(Member::join(&world, group, rng.u64(..))?),
                _ => {}
            }
        }
        for member in members {
            member.leave().await?;
        }
        Ok(())
    })
}

const MOST: usize = 3;

/// How long leaving may take: a last commit is tried for ten seconds, a drain takes five.
const PATIENCE: Duration = Duration::from_secs(120);
