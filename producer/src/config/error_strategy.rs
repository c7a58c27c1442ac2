/// What becomes of a batch that the network failed: the connection broke, or no answer came in time
/// (kafka-sharp's `ErrorStrategy`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub enum ErrorStrategy {
    /// It is sent again.
    #[default]
    Retry,
    /// It is given up at once: not written if nothing of it can have left, else of unknown outcome.
    /// A batch that has not been sent waits for its broker all the same.
    Discard,
}
