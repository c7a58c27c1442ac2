//! How much to ask of a partition at once.

/// Above one in this many bytes that come in vain, more is asked for.
const IN_VAIN: usize = 20;

/// How far it grows: what a fetch asks for by default, eight times over.
const GROWTH: usize = 8;

/// The limit of a partition in a fetch (`max.partition.fetch.bytes`).
///
/// Kafka fills an answer up to that limit to the byte: it cuts the last batch, and what came of it
/// has to be fetched again. With batches of nearly a limit's size that is up to half of all bytes.
/// So the limit grows while too much comes in vain.
#[derive(Debug)]
pub(super) struct FetchSize {
    start: usize,
    bytes: usize,
}

impl FetchSize {
    pub(super) fn new(start: usize) -> Self {
        Self { start, bytes: start }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Of `received` bytes the last `cut` were of no use.
    pub(super) fn handle(&mut self, received: usize, cut: usize) {
        // An answer that another limit has ended says nothing about this one.
        let was_full = received >= self.bytes;
        if was_full && cut > received / IN_VAIN {
            self.bytes = self.bytes.saturating_mul(2).min(self.start.saturating_mul(GROWTH));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::FetchSize;

    #[test]
    fn it_grows_while_batches_are_cut_and_not_for_ever() {
        let mut size = FetchSize::new(1000);
        size.handle(1000, 40);
        size.handle(900, 400);
        assert_eq!(size.bytes(), 1000, "little in vain, or another limit");
        for expected in [2000, 4000, 8000, 8000] {
            size.handle(size.bytes(), size.bytes() / 2);
            assert_eq!(size.bytes(), expected);
        }
    }
}
