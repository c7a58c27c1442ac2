/// How many replicas must have a record before the broker answers (`acks`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub enum Acks {
    /// All that are in sync (`all`, `-1`): a record that was answered survives the loss of a broker.
    #[default]
    All,
    /// The leader alone (`1`): records that were answered are lost with it.
    Leader,
    /// Nobody (`0`): the broker does not answer at all. A record counts as written once it has been
    /// handed to the operating system; what becomes of it then, nobody knows.
    None,
}

impl Acks {
    pub(crate) const fn code(self) -> i16 {
        match self {
            Self::All => -1,
            Self::Leader => 1,
            Self::None => 0,
        }
    }
}
