//! The highest mark of each partition.

use crate::error::Fenced;
use crate::mark::{AssignmentEpoch, Mark};
use crate::partitions::Slot;

/// Per partition what is marked and what of it is committed, fenced by assignment epoch.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    slots: Vec<Place>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Place {
    epoch: Option<AssignmentEpoch>,
    marked: Option<(i64, i32)>,
    /// The application has sought since: its next mark counts, also if it is lower.
    restarted: bool,
    committed: Option<i64>,
    /// The stay before, for those who still wait to hear what of it was committed.
    before: Option<Ended>,
}

/// A stay that is over.
#[derive(Debug, Clone, Copy)]
struct Ended {
    epoch: AssignmentEpoch,
    committed: Option<i64>,
    /// What was marked and not committed, until the application has been told that it has left.
    untold: Option<(i64, i32)>,
}

/// An offset that is to be committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) slot: Slot,
    pub(crate) epoch: AssignmentEpoch,
    pub(crate) offset: i64,
    pub(crate) leader_epoch: i32,
}

/// What has become of an offset that was to be committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// It still is, perhaps further on by now.
    Due(Due),
    Committed,
    /// Its partition has left.
    Gone,
}

impl Marks {
    /// A partition was assigned: marks of this epoch are taken from now on.
    pub(crate) fn open(&mut self, slot: Slot, epoch: AssignmentEpoch) {
        let place = self.place_mut(slot);
        *place = Place { epoch: Some(epoch), before: place.before, ..Place::default() };
    }

    /// A stay is over: marks of it are refused, and what was not committed is forgotten.
    pub(crate) fn fence(&mut self, slot: Slot, epoch: AssignmentEpoch) {
        let place = self.place_mut(slot);
        if place.epoch == Some(epoch) {
            let committed = place.committed;
            let untold = place.marked.filter(|(offset, _)| committed != Some(*offset));
            *place = Place::default();
            place.before = Some(Ended { epoch, committed, untold });
        }
    }

    /// The application knows that a stay is over: commits asked for from now on do not mean it.
    pub(crate) fn told(&mut self, slot: Slot, epoch: AssignmentEpoch) {
        if let Some(before) = &mut self.place_mut(slot).before {
            if before.epoch == epoch {
                before.untold = None;
            }
        }
    }

    /// Takes a mark. The highest one counts.
    pub(crate) fn mark(&mut self, mark: Mark) -> Result<(), Fenced> {
        let place = self.slots.get_mut(mark.slot.0 as usize).ok_or(Fenced)?;
        if place.epoch != Some(mark.epoch) {
            return Err(Fenced);
        }
        let restarted = std::mem::take(&mut place.restarted);
        if restarted || place.marked.is_none_or(|(offset, _)| offset < mark.next_offset) {
            place.marked = Some((mark.next_offset, mark.leader_epoch));
        }
        Ok(())
    }

    /// The application reads from `position` on: what it marks from now on counts, also if it is
    /// lower than before. What it marked before is still to be committed, but nothing from
    /// `position` on, which it wants to read once more. `None`: from where is not known yet, so that
    /// all of it may be read once more.
    pub(crate) fn seek(&mut self, slot: Slot, position: Option<i64>) {
        let place = self.place_mut(slot);
        place.restarted = true;
        // A negative offset is none: a group must never be told of one.
        let Some(position) = position.filter(|position| *position >= 0) else {
            place.marked = None;
            return;
        };
        if place.marked.is_some_and(|(offset, _)| offset > position) {
            let beyond_committed = place.committed.is_none_or(|committed| committed < position);
            // Of which epoch the record before it is, nobody has said.
            place.marked = beyond_committed.then_some((position, -1));
        }
    }

    pub(crate) fn committed(&self, slot: Slot) -> Option<i64> {
        self.slots.get(slot.0 as usize)?.committed
    }

    /// The group has this offset, as found or as committed.
    pub(crate) fn set_committed(&mut self, slot: Slot, epoch: AssignmentEpoch, offset: i64) {
        let place = self.place_mut(slot);
        if place.epoch == Some(epoch) {
            place.committed = Some(offset);
        }
    }

    /// The group has the offset that was found when the partition was assigned.
    pub(crate) fn found_committed(&mut self, slot: Slot, offset: i64) {
        let place = self.place_mut(slot);
        if place.epoch.is_some() && place.committed.is_none() {
            place.committed = Some(offset);
        }
    }

    /// What is marked and not committed.
    pub(crate) fn due(&self) -> Vec<Due> {
        let places = (0_u32..).map(Slot).zip(&self.slots);
        places
            .filter_map(|(slot, place)| {
                let (offset, leader_epoch) = place.marked?;
                (!place.is_committed(offset)).then_some(Due {
                    slot,
                    epoch: place.epoch?,
                    offset,
                    leader_epoch,
                })
            })
            .collect()
    }

    /// What a commit asked for now has to answer for: what is due, and what was until its
    /// partition left without the application knowing it.
    pub(crate) fn asked(&self) -> Vec<Due> {
        let mut asked = self.due();
        asked.extend((0_u32..).map(Slot).zip(&self.slots).filter_map(|(slot, place)| {
            let before = place.before?;
            let (offset, leader_epoch) = before.untold?;
            Some(Due { slot, epoch: before.epoch, offset, leader_epoch })
        }));
        asked
    }

    /// Whether the partition of an offset left before it was committed.
    pub(crate) fn is_gone(&self, due: &Due) -> bool {
        let Some(place) = self.slots.get(due.slot.0 as usize) else { return true };
        if place.epoch == Some(due.epoch) {
            return false;
        }
        let before = place.before.filter(|before| before.epoch == due.epoch);
        before.and_then(|before| before.committed).is_none_or(|committed| committed < due.offset)
    }

    pub(super) fn progress(&self, due: &Due) -> Progress {
        match self.slots.get(due.slot.0 as usize) {
            Some(place) if place.epoch == Some(due.epoch) => match place.marked {
                Some((offset, _)) if place.is_committed(offset) => Progress::Committed,
                Some((offset, leader_epoch)) => Progress::Due(Due { offset, leader_epoch, ..*due }),
                // Marks have started over: what was to be committed is no longer wanted.
                None => Progress::Committed,
            },
            _ => Progress::Gone,
        }
    }

    fn place_mut(&mut self, slot: Slot) -> &mut Place {
        let index = slot.0 as usize;
        if self.slots.len() <= index {
            self.slots.resize(index + 1, Place::default());
        }
        #[expect(clippy::indexing_slicing, reason = "invariant: the list was made long enough")]
        &mut self.slots[index]
    }
}

impl Place {
    /// Whether the mark is in the group. A commit that was under way while the application sought
    /// back may have brought more than is marked since: only a mark takes that back.
    fn is_committed(&self, marked: i64) -> bool {
        match self.committed {
            Some(committed) if self.restarted => committed >= marked,
            committed => committed == Some(marked),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(slot: u32, epoch: AssignmentEpoch, next_offset: i64) -> Mark {
        Mark { slot: Slot(slot), epoch, next_offset, leader_epoch: 1 }
    }

    #[test]
    fn the_highest_mark_counts() {
        let (mut marks, epoch) = (Marks::default(), AssignmentEpoch::fresh());
        marks.open(Slot(2), epoch);
        for offset in [5, 9, 7] {
            marks.mark(mark(2, epoch, offset)).unwrap();
        }
        let due = marks.due();
        assert_eq!(due, [Due { slot: Slot(2), epoch, offset: 9, leader_epoch: 1 }]);
        marks.set_committed(Slot(2), epoch, 9);
        assert!(marks.due().is_empty());
        assert_eq!(marks.committed(Slot(2)), Some(9));
    }

    #[test]
    fn a_mark_from_before_the_partition_left_is_refused() {
        let (mut marks, old) = (Marks::default(), AssignmentEpoch::fresh());
        assert_eq!(marks.mark(mark(0, old, 1)), Err(Fenced), "never assigned");
        marks.open(Slot(0), old);
        marks.mark(mark(0, old, 3)).unwrap();
        marks.fence(Slot(0), old);
        assert_eq!(marks.mark(mark(0, old, 4)), Err(Fenced), "gone");
        let new = AssignmentEpoch::fresh();
        marks.open(Slot(0), new);
        assert_eq!(marks.mark(mark(0, old, 5)), Err(Fenced), "back, but another stay");
        assert!(marks.due().is_empty());
        marks.mark(mark(0, new, 2)).unwrap();
        assert_eq!(marks.due()[0].offset, 2);
        marks.set_committed(Slot(0), old, 9);
        assert_eq!(marks.committed(Slot(0)), None, "an answer of the old stay");
    }

    #[test]
    fn what_left_uncommitted_is_remembered_for_those_who_asked() {
        let (mut marks, old) = (Marks::default(), AssignmentEpoch::fresh());
        marks.open(Slot(0), old);
        marks.mark(mark(0, old, 3)).unwrap();
        let first = marks.asked();
        marks.set_committed(Slot(0), old, 3);
        marks.mark(mark(0, old, 5)).unwrap();
        let second = marks.asked();
        assert!(!marks.is_gone(&first[0]) && !marks.is_gone(&second[0]));
        marks.fence(Slot(0), old);
        assert!(!marks.is_gone(&first[0]), "it was committed before");
        assert!(marks.is_gone(&second[0]));
        assert_eq!(marks.asked(), second, "the application does not know yet");
        marks.open(Slot(0), AssignmentEpoch::fresh());
        assert!(!marks.is_gone(&first[0]) && marks.is_gone(&second[0]));
        marks.told(Slot(0), old);
        assert!(marks.asked().is_empty());
    }

    #[test]
    fn after_a_seek_lower_marks_count() {
        let (mut marks, epoch) = (Marks::default(), AssignmentEpoch::fresh());
        marks.open(Slot(0), epoch);
        marks.mark(mark(0, epoch, 10)).unwrap();
        marks.set_committed(Slot(0), epoch, 10);
        marks.seek(Slot(0), Some(2));
        assert!(marks.due().is_empty());
        marks.mark(mark(0, epoch, 4)).unwrap();
        assert_eq!(marks.due()[0].offset, 4);
        marks.mark(mark(0, epoch, 3)).unwrap();
        assert_eq!(marks.due()[0].offset, 4, "the highest since then");
    }

    #[test]
    fn a_seek_forgets_no_mark_of_what_is_not_read_again() {
        let (mut marks, epoch) = (Marks::default(), AssignmentEpoch::fresh());
        let due = |marks: &Marks| marks.due().first().map(|due| due.offset);
        marks.open(Slot(0), epoch);
        marks.mark(mark(0, epoch, 10)).unwrap();
        marks.seek(Slot(0), Some(50));
        assert_eq!(due(&marks), Some(10), "ahead");
        marks.seek(Slot(0), Some(6));
        assert_eq!(due(&marks), Some(6), "back");
        marks.set_committed(Slot(0), epoch, 6);
        assert_eq!(due(&marks), None);
        marks.mark(mark(0, epoch, 9)).unwrap();
        marks.seek(Slot(0), Some(3));
        assert_eq!(due(&marks), None, "behind what is committed");
    }

    #[test]
    fn a_seek_to_where_nobody_knows_the_offset_leaves_nothing_to_commit() {
        let (mut marks, epoch) = (Marks::default(), AssignmentEpoch::fresh());
        marks.open(Slot(0), epoch);
        marks.mark(mark(0, epoch, 10)).unwrap();
        for unknown in [None, Some(-1), Some(i64::MIN)] {
            marks.mark(mark(0, epoch, 10)).unwrap();
            marks.seek(Slot(0), unknown);
            assert!(marks.due().is_empty(), "{:?}", marks.due());
        }
    }

    #[test]
    fn a_commit_under_way_during_a_seek_back_stays() {
        let (mut marks, epoch) = (Marks::default(), AssignmentEpoch::fresh());
        marks.open(Slot(0), epoch);
        marks.mark(mark(0, epoch, 10)).unwrap();
        let asked = marks.asked();
        marks.seek(Slot(0), Some(4));
        marks.set_committed(Slot(0), epoch, 10);
        assert!(marks.due().is_empty());
        assert_eq!(marks.progress(&asked[0]), Progress::Committed);
        marks.mark(mark(0, epoch, 5)).unwrap();
        assert_eq!(marks.due()[0].offset, 5);
    }
}
