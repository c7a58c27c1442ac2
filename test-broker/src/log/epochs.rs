//! Which leader wrote which part of a log (KIP-101, KIP-320).

/// The first offset of each leader epoch that wrote something.
#[derive(Debug, Default)]
pub(crate) struct LeaderEpochs(Vec<EpochStart>);

#[derive(Debug, Clone, Copy)]
struct EpochStart {
    epoch: i32,
    start: i64,
}

/// The end of what a log has of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EpochEnd {
    pub(crate) epoch: i32,
    pub(crate) end_offset: i64,
}

impl LeaderEpochs {
    pub(super) fn assign(&mut self, epoch: i32, start: i64) {
        if self.0.last().is_none_or(|last| last.epoch < epoch) {
            self.0.push(EpochStart { epoch, start });
        }
    }

    pub(super) fn truncate(&mut self, end_offset: i64) {
        self.0.retain(|known| known.start < end_offset);
    }

    /// The epoch in which `offset` was written.
    pub(crate) fn of(&self, offset: i64) -> Option<i32> {
        let after = self.0.partition_point(|known| known.start <= offset);
        Some(self.0.get(after.checked_sub(1)?)?.epoch)
    }

    /// The largest epoch up to `epoch` and where it ends, in a log that ends at `log_end` under
    /// leader epoch `current` (`LeaderEpochFileCache.endOffsetFor`).
    pub(crate) fn end_of(&self, epoch: i32, current: i32, log_end: i64) -> Option<EpochEnd> {
        if epoch == current {
            return Some(EpochEnd { epoch, end_offset: log_end });
        }
        let after = self.0.partition_point(|known| known.epoch <= epoch);
        let end_offset = self.0.get(after).map_or(log_end, |next| next.start);
        match after.checked_sub(1).and_then(|before| self.0.get(before)) {
            Some(known) => Some(EpochEnd { epoch: known.epoch, end_offset }),
            // Older than anything the log has: it ends where the log's first epoch begins.
            None => self.0.first().map(|first| EpochEnd { epoch, end_offset: first.start }),
        }
    }
}
