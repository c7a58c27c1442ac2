use smallvec::SmallVec;

use super::{budget::Budget, topic::TopicQueues};
use crate::{core::Core, error::Refused};

/// The turns of one who waits for room in several budgets, the topic's before the producer's: who
/// waits for its topic keeps nobody else from the producer.
///
/// Passed on when the record has been sent, or is no longer to be.
#[derive(Debug, Default)]
pub(crate) struct Turns<'a>(SmallVec<[&'a Budget; 3]>);

impl<'a> Turns<'a> {
    /// Waits until there is room everywhere.
    ///
    /// # Cancel safety
    /// Whoever breaks off drops the turns that came, and so passes them on.
    pub(crate) async fn wait(
        &mut self,
        core: &'a Core,
        queues: &'a TopicQueues,
    ) -> Result<(), Refused> {
        loop {
            if let Some(refused) = core.refusal() {
                // Others may have come since all were woken.
                queues.budgets(core).for_each(|budget| budget.wake_all());
                return Err(refused.clone());
            }
            if let Some(refused) = core.transaction_refusal() {
                return Err(*refused);
            }
            let Some(budget) = queues.budgets(core).find(|budget| !self.may_take(budget)) else {
                return Ok(());
            };
            budget.turn().await;
            self.0.push(budget);
        }
    }

    /// Whether there is room, and nobody came before.
    fn may_take(&self, budget: &Budget) -> bool {
        let ours = self.0.iter().any(|turn| std::ptr::eq(*turn, budget));
        if ours { budget.has_room() } else { budget.is_open() }
    }
}

impl Drop for Turns<'_> {
    fn drop(&mut self) {
        self.0.iter().for_each(|budget| budget.pass_on());
    }
}
