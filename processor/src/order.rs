//! Which records wait for which, going in and coming out.

/// Which records wait for each other before their handler runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Order {
    /// Records of one partition with the same key run one after the other, in the order of their
    /// offsets; different keys run at the same time. Keys are compared by the hash of their bytes.
    /// The default.
    #[default]
    Key,
    /// Records of one partition run one after the other.
    Partition,
    /// No record waits for another.
    None,
}

/// When outputs are produced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutputOrder {
    /// As soon as the handler has completed. The default.
    ///
    /// Outputs of one lane (a key under [`Order::Key`], a partition under [`Order::Partition`])
    /// are produced in input order all the same, as its handlers run one after the other.
    #[default]
    Completion,
    /// In the order of the inputs of each partition: a result waits for the results of all
    /// records before it.
    Input,
}

/// How records without a key are ordered under [`Order::Key`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum NullKeys {
    /// Not at all: a record without a key asks for no order, and to run all of a partition's in
    /// one lane would undo the concurrency. The default.
    #[default]
    Unordered,
    /// Like records of one key: those of a partition run one after the other.
    Ordered,
}
