use std::fmt;

/// The outcome a broker reports, as its number: an unknown one is kept.
///
/// Names, numbers and which of them may be tried again are those of Kafka's
/// `org.apache.kafka.common.protocol.Errors`, but for two that the tests against it name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct ErrorCode(pub i16);

/// What a code asks of the client. Classified here, once.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Trying the same again cannot help.
    Terminal,
    /// The same request may succeed later.
    Retriable,
    /// The same request may succeed once the client knows the cluster's present state.
    Stale,
}

macro_rules! codes {
    ($($name:ident = $code:literal $class:ident;)+) => {
        impl ErrorCode {
            $(
                #[doc = concat!("Kafka's `", stringify!($name), "`.")]
                pub const $name: Self = Self($code);
            )+

            /// The code's name in Kafka, or `UNKNOWN`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self.0 {
                    $($code => stringify!($name),)+
                    _ => "UNKNOWN",
                }
            }

            const fn class(self) -> Class {
                match self.0 {
                    $($code => Class::$class,)+
                    _ => Class::Terminal,
                }
            }
        }
    };
}

codes! {
    UNKNOWN_SERVER_ERROR = -1 Terminal;
    NONE = 0 Terminal;
    OFFSET_OUT_OF_RANGE = 1 Terminal;
    CORRUPT_MESSAGE = 2 Retriable;
    UNKNOWN_TOPIC_OR_PARTITION = 3 Stale;
    INVALID_FETCH_SIZE = 4 Terminal;
    LEADER_NOT_AVAILABLE = 5 Stale;
    NOT_LEADER_OR_FOLLOWER = 6 Stale;
    REQUEST_TIMED_OUT = 7 Retriable;
    BROKER_NOT_AVAILABLE = 8 Terminal;
    REPLICA_NOT_AVAILABLE = 9 Stale;
    MESSAGE_TOO_LARGE = 10 Terminal;
    STALE_CONTROLLER_EPOCH = 11 Terminal;
    OFFSET_METADATA_TOO_LARGE = 12 Terminal;
    NETWORK_EXCEPTION = 13 Stale;
    COORDINATOR_LOAD_IN_PROGRESS = 14 Retriable;
    COORDINATOR_NOT_AVAILABLE = 15 Retriable;
    NOT_COORDINATOR = 16 Retriable;
    INVALID_TOPIC_EXCEPTION = 17 Terminal;
    RECORD_LIST_TOO_LARGE = 18 Terminal;
    NOT_ENOUGH_REPLICAS = 19 Retriable;
    NOT_ENOUGH_REPLICAS_AFTER_APPEND = 20 Retriable;
    INVALID_REQUIRED_ACKS = 21 Terminal;
    ILLEGAL_GENERATION = 22 Terminal;
    INCONSISTENT_GROUP_PROTOCOL = 23 Terminal;
    INVALID_GROUP_ID = 24 Terminal;
    UNKNOWN_MEMBER_ID = 25 Terminal;
    INVALID_SESSION_TIMEOUT = 26 Terminal;
    REBALANCE_IN_PROGRESS = 27 Terminal;
    INVALID_COMMIT_OFFSET_SIZE = 28 Terminal;
    TOPIC_AUTHORIZATION_FAILED = 29 Terminal;
    GROUP_AUTHORIZATION_FAILED = 30 Terminal;
    CLUSTER_AUTHORIZATION_FAILED = 31 Terminal;
    INVALID_TIMESTAMP = 32 Terminal;
    UNSUPPORTED_SASL_MECHANISM = 33 Terminal;
    ILLEGAL_SASL_STATE = 34 Terminal;
    UNSUPPORTED_VERSION = 35 Terminal;
    TOPIC_ALREADY_EXISTS = 36 Terminal;
    INVALID_PARTITIONS = 37 Terminal;
    INVALID_REPLICATION_FACTOR = 38 Terminal;
    INVALID_REPLICA_ASSIGNMENT = 39 Terminal;
    INVALID_CONFIG = 40 Terminal;
    NOT_CONTROLLER = 41 Stale;
    INVALID_REQUEST = 42 Terminal;
    UNSUPPORTED_FOR_MESSAGE_FORMAT = 43 Terminal;
    POLICY_VIOLATION = 44 Terminal;
    OUT_OF_ORDER_SEQUENCE_NUMBER = 45 Terminal;
    DUPLICATE_SEQUENCE_NUMBER = 46 Terminal;
    INVALID_PRODUCER_EPOCH = 47 Terminal;
    INVALID_TXN_STATE = 48 Terminal;
    INVALID_PRODUCER_ID_MAPPING = 49 Terminal;
    INVALID_TRANSACTION_TIMEOUT = 50 Terminal;
    CONCURRENT_TRANSACTIONS = 51 Retriable;
    TRANSACTION_COORDINATOR_FENCED = 52 Terminal;
    TRANSACTIONAL_ID_AUTHORIZATION_FAILED = 53 Terminal;
    SECURITY_DISABLED = 54 Terminal;
    OPERATION_NOT_ATTEMPTED = 55 Terminal;
    KAFKA_STORAGE_ERROR = 56 Stale;
    LOG_DIR_NOT_FOUND = 57 Terminal;
    SASL_AUTHENTICATION_FAILED = 58 Terminal;
    UNKNOWN_PRODUCER_ID = 59 Terminal;
    REASSIGNMENT_IN_PROGRESS = 60 Terminal;
    DELEGATION_TOKEN_AUTH_DISABLED = 61 Terminal;
    DELEGATION_TOKEN_NOT_FOUND = 62 Terminal;
    DELEGATION_TOKEN_OWNER_MISMATCH = 63 Terminal;
    DELEGATION_TOKEN_REQUEST_NOT_ALLOWED = 64 Terminal;
    DELEGATION_TOKEN_AUTHORIZATION_FAILED = 65 Terminal;
    DELEGATION_TOKEN_EXPIRED = 66 Terminal;
    INVALID_PRINCIPAL_TYPE = 67 Terminal;
    NON_EMPTY_GROUP = 68 Terminal;
    GROUP_ID_NOT_FOUND = 69 Terminal;
    FETCH_SESSION_ID_NOT_FOUND = 70 Retriable;
    INVALID_FETCH_SESSION_EPOCH = 71 Retriable;
    LISTENER_NOT_FOUND = 72 Stale;
    TOPIC_DELETION_DISABLED = 73 Terminal;
    FENCED_LEADER_EPOCH = 74 Stale;
    UNKNOWN_LEADER_EPOCH = 75 Retriable;
    UNSUPPORTED_COMPRESSION_TYPE = 76 Terminal;
    STALE_BROKER_EPOCH = 77 Terminal;
    OFFSET_NOT_AVAILABLE = 78 Retriable;
    MEMBER_ID_REQUIRED = 79 Terminal;
    PREFERRED_LEADER_NOT_AVAILABLE = 80 Stale;
    GROUP_MAX_SIZE_REACHED = 81 Terminal;
    FENCED_INSTANCE_ID = 82 Terminal;
    ELIGIBLE_LEADERS_NOT_AVAILABLE = 83 Stale;
    ELECTION_NOT_NEEDED = 84 Terminal;
    NO_REASSIGNMENT_IN_PROGRESS = 85 Terminal;
    GROUP_SUBSCRIBED_TO_TOPIC = 86 Terminal;
    INVALID_RECORD = 87 Terminal;
    UNSTABLE_OFFSET_COMMIT = 88 Retriable;
    THROTTLING_QUOTA_EXCEEDED = 89 Retriable;
    PRODUCER_FENCED = 90 Terminal;
    RESOURCE_NOT_FOUND = 91 Terminal;
    DUPLICATE_RESOURCE = 92 Terminal;
    UNACCEPTABLE_CREDENTIAL = 93 Terminal;
    INCONSISTENT_VOTER_SET = 94 Terminal;
    INVALID_UPDATE_VERSION = 95 Terminal;
    FEATURE_UPDATE_FAILED = 96 Terminal;
    PRINCIPAL_DESERIALIZATION_FAILURE = 97 Terminal;
    SNAPSHOT_NOT_FOUND = 98 Terminal;
    POSITION_OUT_OF_RANGE = 99 Terminal;
    UNKNOWN_TOPIC_ID = 100 Stale;
    DUPLICATE_BROKER_REGISTRATION = 101 Terminal;
    BROKER_ID_NOT_REGISTERED = 102 Terminal;
    INCONSISTENT_TOPIC_ID = 103 Stale;
    INCONSISTENT_CLUSTER_ID = 104 Terminal;
    TRANSACTIONAL_ID_NOT_FOUND = 105 Terminal;
    FETCH_SESSION_TOPIC_ID_ERROR = 106 Retriable;
    INELIGIBLE_REPLICA = 107 Terminal;
    NEW_LEADER_ELECTED = 108 Terminal;
    OFFSET_MOVED_TO_TIERED_STORAGE = 109 Terminal;
    FENCED_MEMBER_EPOCH = 110 Terminal;
    UNRELEASED_INSTANCE_ID = 111 Terminal;
    UNSUPPORTED_ASSIGNOR = 112 Terminal;
    STALE_MEMBER_EPOCH = 113 Terminal;
    MISMATCHED_ENDPOINT_TYPE = 114 Terminal;
    UNSUPPORTED_ENDPOINT_TYPE = 115 Terminal;
    UNKNOWN_CONTROLLER_ID = 116 Terminal;
    UNKNOWN_SUBSCRIPTION_ID = 117 Terminal;
    TELEMETRY_TOO_LARGE = 118 Terminal;
    INVALID_REGISTRATION = 119 Terminal;
    TRANSACTION_ABORTABLE = 120 Terminal;
    INVALID_RECORD_STATE = 121 Terminal;
    SHARE_SESSION_NOT_FOUND = 122 Retriable;
    INVALID_SHARE_SESSION_EPOCH = 123 Retriable;
    FENCED_STATE_EPOCH = 124 Terminal;
    INVALID_VOTER_KEY = 125 Terminal;
    DUPLICATE_VOTER = 126 Terminal;
    VOTER_NOT_FOUND = 127 Terminal;
    INVALID_REGULAR_EXPRESSION = 128 Terminal;
    REBOOTSTRAP_REQUIRED = 129 Terminal;
    STREAMS_INVALID_TOPOLOGY = 130 Terminal;
    STREAMS_INVALID_TOPOLOGY_EPOCH = 131 Terminal;
    STREAMS_TOPOLOGY_FENCED = 132 Terminal;
    SHARE_SESSION_LIMIT_REACHED = 133 Retriable;
}

impl ErrorCode {
    /// Whether nothing went wrong.
    #[must_use]
    pub const fn is_ok(self) -> bool {
        self.0 == 0
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub const fn is_retriable(self) -> bool {
        !matches!(self.class(), Class::Terminal)
    }

    /// Whether the code says that the client's picture of the cluster is out of date.
    #[must_use]
    pub const fn invalidates_metadata(self) -> bool {
        matches!(self.class(), Class::Stale)
    }

    /// `Ok` for success, else the code as an error.
    ///
    /// # Errors
    /// The code itself, unless it is [`NONE`](Self::NONE).
    pub const fn into_result(self) -> Result<(), Self> {
        if self.is_ok() { Ok(()) } else { Err(self) }
    }
}

impl std::error::Error for ErrorCode {}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.0)
    }
}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
