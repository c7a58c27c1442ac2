/// Over what records are gathered while requests are in flight (kafka-sharp's `BatchStrategy`:
/// `ByNode`, `Global`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
#[non_exhaustive]
pub enum Gathering {
    /// For each broker: its request goes when it is full or the oldest of its own records has
    /// lingered. Requests are as few and as full as they can be.
    #[default]
    ByBroker,
    /// Over the whole producer: as soon as all records that wait would fill a request, or one of
    /// them has lingered, every broker gets what there is for it. Records that were sent together
    /// leave together, in more and smaller requests: with three brokers up to three times as many.
    OverAll,
}
