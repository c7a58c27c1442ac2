//! What Kafka has and we do not, each with its reason. Whatever is missing and not named here is
//! reported; so is what is named here and not missing.

/// Requests, without the word at their end, whose APIs we do not have.
pub(crate) const APIS: &[(&str, &str)] = &[
    ("AllocateProducerIds", CONTROLLER),
    ("AlterPartition", CONTROLLER),
    ("AssignReplicasToDirs", CONTROLLER),
    ("BeginQuorumEpoch", CONTROLLER),
    ("BrokerHeartbeat", CONTROLLER),
    ("BrokerRegistration", CONTROLLER),
    ("ControllerRegistration", CONTROLLER),
    ("DeleteShareGroupState", BROKERS),
    ("EndQuorumEpoch", CONTROLLER),
    ("Envelope", CONTROLLER),
    ("FetchSnapshot", CONTROLLER),
    ("InitializeShareGroupState", BROKERS),
    ("ReadShareGroupState", BROKERS),
    ("ReadShareGroupStateSummary", BROKERS),
    ("UpdateRaftVoter", CONTROLLER),
    ("Vote", CONTROLLER),
    ("WriteShareGroupState", BROKERS),
    ("WriteTxnMarkers", BROKERS),
];

const CONTROLLER: &str = "between the nodes of KRaft; no listener of brokers answers it";
const BROKERS: &str = "between brokers; clients are not authorized for it";

/// Definitions of other things.
pub(crate) const OTHERS: &[(&str, &str)] = &[
    ("ControlRecordTypeSchema", "part of records::control; its bytes are compared"),
    ("DefaultPrincipalData", "between brokers"),
    ("EndTxnMarker", "part of records::control; its bytes are compared"),
    ("KRaftVersionRecord", KRAFT),
    ("LeaderChangeMessage", KRAFT),
    ("RequestHeader", "written by hand; its bytes are compared along with every request"),
    ("ResponseHeader", "written by hand; its bytes are compared along with every response"),
    ("SnapshotFooterRecord", KRAFT),
    ("SnapshotHeaderRecord", KRAFT),
    ("VotersRecord", KRAFT),
];

const KRAFT: &str = "in the log of KRaft, which no client reads; records::control skips it";

/// Requests of which we lack the newest version, which is not settled: its bytes may yet change
/// under the same number, so a client must not speak it.
pub(crate) const UNSTABLE: &[&str] = &["InitProducerId"];
