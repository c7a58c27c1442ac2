/// What becomes of a record for which there is no room (kafka-sharp's `OverflowStrategy`).
///
/// There is none when records that have no outcome yet fill the producer's buffer or their topic's,
/// or too many wait for their topic to become known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
#[non_exhaustive]
pub enum Overflow {
    /// [`send`](crate::Producer::send) waits for room, in the order of those who wait, for
    /// [`max_wait`](crate::ProducerBuilder::max_wait) at most (kafka-sharp's `Block`).
    #[default]
    Wait,
    /// `send` refuses it at once, with [`Refused::Full`](crate::Refused::Full).
    Fail,
    /// It is accepted only to be given back: its [`Delivery`](crate::Delivery) ends with
    /// [`Reason::Overflow`](crate::Reason::Overflow) (kafka-sharp's `Discard`, but told).
    DropNewest,
    /// The oldest records that have not been taken to be sent make room for it, up to 64 KiB of
    /// them at a time; they end with [`Reason::Overflow`](crate::Reason::Overflow). If there are
    /// none, it is the new record that is given back.
    DropOldest,
}

impl Overflow {
    /// Whether records are accepted that are not sent.
    pub(crate) const fn drops(self) -> bool {
        matches!(self, Self::DropNewest | Self::DropOldest)
    }
}
