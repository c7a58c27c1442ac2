use thiserror::Error;

/// Bytes that are not the message they should be.
///
/// The message and field are those whose reading failed, innermost first found.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{kind} in {message}.{field}")]
pub struct DecodeError {
    /// What is wrong with the bytes.
    pub kind: DecodeErrorKind,
    /// The message structure being read; `frame` outside of any.
    pub message: &'static str,
    /// The field being read; empty when it is the structure as a whole.
    pub field: &'static str,
}

/// What is wrong with the bytes of a message.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// Fewer bytes remain than the value needs.
    #[error("{needed} bytes needed where {remaining} remain")]
    Truncated {
        /// Bytes the value needs.
        needed: usize,
        /// Bytes that are left.
        remaining: usize,
    },
    /// A length below the lowest that means something.
    #[error("negative length {length}")]
    NegativeLength {
        /// The length as sent.
        length: i64,
    },
    /// An array that claims more elements than the remaining bytes could hold.
    #[error("{count} elements claimed where {remaining} bytes remain")]
    TooManyElements {
        /// The count as sent.
        count: usize,
        /// Bytes that are left.
        remaining: usize,
    },
    /// A null where this version allows none.
    #[error("null where version {version} allows none")]
    Null {
        /// The API version being read.
        version: i16,
    },
    /// A variable-length integer that does not end or does not fit.
    #[error("malformed variable-length integer")]
    Varint,
    /// A string that is not UTF-8.
    #[error("string is not UTF-8")]
    Utf8,
    /// Tagged fields out of order or repeated (KIP-482 wants them ascending).
    #[error("tagged field {tag} out of order")]
    TagOrder {
        /// The offending tag.
        tag: u32,
    },
    /// A tagged field whose value is shorter or longer than its length says.
    #[error("tagged field {tag} has {surplus} bytes left over")]
    TagLength {
        /// The offending tag.
        tag: u32,
        /// Bytes left over after reading its value.
        surplus: usize,
    },
    /// Bytes after the end of the message.
    #[error("{count} bytes after the end")]
    TrailingBytes {
        /// How many.
        count: usize,
    },
    /// A version that this library has no description of.
    #[error("version {version} is not supported")]
    UnsupportedVersion {
        /// The version asked for.
        version: i16,
    },
}

impl DecodeError {
    pub(crate) const fn new(kind: DecodeErrorKind) -> Self {
        Self { kind, message: "frame", field: "" }
    }

    /// Names the place, unless a deeper one has been named already.
    #[must_use]
    pub fn within(mut self, message: &'static str, field: &'static str) -> Self {
        if self.field.is_empty() {
            self.message = message;
            self.field = field;
        }
        self
    }
}

/// A message that cannot be written as asked.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{kind} in {message}.{field}")]
pub struct EncodeError {
    /// Why it cannot be written.
    pub kind: EncodeErrorKind,
    /// The message structure being written.
    pub message: &'static str,
    /// The field being written; empty when it is the structure as a whole.
    pub field: &'static str,
}

/// Why a message cannot be written.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum EncodeErrorKind {
    /// A field holds a value that the version has no place for.
    #[error("version {version} cannot carry the value")]
    NotInVersion {
        /// The API version being written.
        version: i16,
    },
    /// A null where this version allows none.
    #[error("null where version {version} allows none")]
    Null {
        /// The API version being written.
        version: i16,
    },
    /// A value longer than its length field can say.
    #[error("{length} bytes or elements, above the {limit} that fit")]
    TooLong {
        /// The value's length.
        length: usize,
        /// The most that fit.
        limit: usize,
    },
    /// A version that this library has no description of.
    #[error("version {version} is not supported")]
    UnsupportedVersion {
        /// The version asked for.
        version: i16,
    },
}

impl EncodeError {
    pub(crate) const fn new(kind: EncodeErrorKind) -> Self {
        Self { kind, message: "frame", field: "" }
    }

    /// Names the place, unless a deeper one has been named already.
    #[must_use]
    pub fn within(mut self, message: &'static str, field: &'static str) -> Self {
        if self.field.is_empty() {
            self.message = message;
            self.field = field;
        }
        self
    }
}
