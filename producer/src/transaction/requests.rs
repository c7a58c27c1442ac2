//! Asks the coordinators, and says what their answers mean.

use std::sync::Arc;
use std::time::Duration;

use ottla_client::{
    BrokerId, Connection, CoordinatorError, CoordinatorKind, RequestError, RequestOptions,
};
use ottla_protocol::{
    ApiKey, ErrorCode,
    api::{
        AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, AddPartitionsToTxnTopic, EndTxnRequest,
        InitProducerIdRequest, Request as Api,
    },
};
use tokio::time::Instant;

use super::{
    error::{AbortCause, FatalCause},
    machine::{Answer, End, Protocol, Request},
    offsets::GroupOffsets,
    roll::Roll,
};
use crate::{accumulator::PartitionQueue, core::Core, idempotence::Identity};

/// From here on a producer can ask for its next epoch without fencing another (KIP-360).
const RAISES_EPOCH_FROM: i16 = 3;
/// From the next version on the request is one between brokers.
const NEWEST_ADD_PARTITIONS: i16 = 3;
/// From the next version on the group comes to the transaction by itself (KIP-890).
const NEWEST_OFFSETS_OF_FIRST: i16 = 4;
/// From the next version on an end raises the epoch (KIP-890).
const NEWEST_END_OF_FIRST: i16 = 4;

/// Everything that one request needs.
pub(super) struct Asker {
    pub(super) core: Arc<Core>,
    /// Whom the producer holds itself to be; none before it was told.
    pub(super) identity: Option<Identity>,
    pub(super) protocol: Protocol,
    /// What `Request::CommitOffsets` is about.
    pub(super) offsets: Option<GroupOffsets>,
}

/// Why there is no response.
enum Failed {
    Coordinator(CoordinatorError),
    Request(RequestError),
}

impl Asker {
    pub(super) async fn ask(self, request: Request<Arc<PartitionQueue>>) -> Answer {
        let Some(roll) = &self.core.roll else { return Answer::Fatal(FatalCause::Ended) };
        match (request, self.identity) {
            (Request::Initialise { expected }, _) => self.initialise(roll, expected).await,
            (Request::AddPartitions(partitions), Some(identity)) => {
                self.add_partitions(roll, identity, &partitions).await
            }
            (Request::AddOffsets(group), Some(identity)) => {
                self.add_offsets(roll, identity, &group).await
            }
            (Request::CommitOffsets(_), Some(identity)) => {
                self.commit_offsets(roll, identity).await
            }
            (Request::End(end), Some(identity)) => self.end(roll, identity, end).await,
            // Nothing is added to a transaction before the producer has an identity.
            (_, None) => Answer::Fatal(FatalCause::Ended),
        }
    }

    async fn initialise(&self, roll: &Roll, expected: Option<Identity>) -> Answer {
        let timeout = i32::try_from(roll.timeout.as_millis()).unwrap_or(i32::MAX);
        let request = InitProducerIdRequest {
            transactional_id: Some(roll.id().to_owned()),
            transaction_timeout_ms: timeout,
            producer_id: expected.map_or(-1, |identity| identity.id),
            producer_epoch: expected.map_or(-1, |identity| identity.epoch),
        };
        let connection = match self.coordinator(CoordinatorKind::Transaction, roll.id()).await {
            Ok(connection) => connection,
            Err(failed) => return self.failed(roll, InitProducerIdRequest::KEY, &failed),
        };
        if expected.is_some() {
            let version = connection.versions().negotiate::<InitProducerIdRequest>();
            if version.is_ok_and(|version| version < RAISES_EPOCH_FROM) {
                return Answer::CannotRaise("no epoch is raised before Kafka 2.5".to_owned());
            }
        }
        match self.send(&connection, &request, None).await {
            Ok(response) => {
                throttle(&connection, response.throttle_time_ms);
                let (id, epoch) = (response.producer_id, response.producer_epoch);
                match response.error_code {
                    ErrorCode::NONE => Answer::Named(Identity { id, epoch }),
                    // Of an earlier transaction that has to be aborted first.
                    ErrorCode::TRANSACTION_ABORTABLE => again(response.error_code, false),
                    code => match self.code(roll, InitProducerIdRequest::KEY, code) {
                        Answer::Refused(_) | Answer::Stranger(_) | Answer::NothingOpen(_) => {
                            Answer::Fatal(FatalCause::Broker {
                                api: InitProducerIdRequest::KEY,
                                code,
                            })
                        }
                        answer => answer,
                    },
                }
            }
            Err(error) => self.failed(roll, InitProducerIdRequest::KEY, &Failed::Request(error)),
        }
    }

    async fn add_partitions(
        &self,
        roll: &Roll,
        identity: Identity,
        partitions: &[Arc<PartitionQueue>],
    ) -> Answer {
        const API: ApiKey = AddPartitionsToTxnRequest::KEY;
        let mut topics: Vec<AddPartitionsToTxnTopic> = Vec::new();
        for partition in partitions {
            let name = partition.at.topic.name();
            match topics.iter_mut().find(|topic| topic.name == name) {
                Some(topic) => topic.partitions.push(partition.at.partition),
                None => topics.push(AddPartitionsToTxnTopic {
                    name: name.to_owned(),
                    partitions: vec![partition.at.partition],
                }),
            }
        }
        let request = AddPartitionsToTxnRequest {
            v3_and_below_transactional_id: roll.id().to_owned(),
            v3_and_below_producer_id: identity.id,
            v3_and_below_producer_epoch: identity.epoch,
            v3_and_below_topics: topics,
            ..AddPartitionsToTxnRequest::default()
        };
        let sent = self.ask_coordinator(roll, &request, Some(NEWEST_ADD_PARTITIONS)).await;
        match sent {
            Ok((connection, response)) => {
                throttle(&connection, response.throttle_time_ms);
                let results = response.results_by_topic_v3_and_below.into_iter();
                let codes = results.flat_map(|topic| {
                    let partitions = topic.results_by_partition.into_iter();
                    partitions.map(|partition| partition.partition_error_code)
                });
                let told = |code| self.code(roll, API, code);
                let codes: Vec<_> = codes.collect();
                let missing = codes.len() < partitions.len();
                // Where one was refused the others were not tried.
                let tried =
                    codes.into_iter().filter(|it| *it != ErrorCode::OPERATION_NOT_ATTEMPTED);
                gravest(tried.map(told).chain(missing.then(unmentioned)))
            }
            Err(failed) => self.failed(roll, API, &failed),
        }
    }

    async fn add_offsets(&self, roll: &Roll, identity: Identity, group: &str) -> Answer {
        const API: ApiKey = AddOffsetsToTxnRequest::KEY;
        let request = AddOffsetsToTxnRequest {
            transactional_id: roll.id().to_owned(),
            producer_id: identity.id,
            producer_epoch: identity.epoch,
            group_id: group.to_owned(),
        };
        match self.ask_coordinator(roll, &request, None).await {
            Ok((connection, response)) => {
                throttle(&connection, response.throttle_time_ms);
                self.code(roll, API, response.error_code)
            }
            Err(failed) => self.failed(roll, API, &failed),
        }
    }

    async fn commit_offsets(&self, roll: &Roll, identity: Identity) -> Answer {
        const API: ApiKey = ApiKey::TXN_OFFSET_COMMIT;
        let Some(offsets) = &self.offsets else { return Answer::Done };
        let group = offsets.group_id();
        let request = offsets.request(roll.id(), identity);
        let newest = (self.protocol == Protocol::First).then_some(NEWEST_OFFSETS_OF_FIRST);
        let client = &self.core.client;
        let connection = match self.coordinator(CoordinatorKind::Group, &group).await {
            Ok(connection) => connection,
            Err(failed) => {
                client.invalidate_coordinator(CoordinatorKind::Group, &group);
                return self.failed(roll, API, &failed);
            }
        };
        match self.send(&connection, &request, newest).await {
            Ok(response) => {
                throttle(&connection, response.throttle_time_ms);
                let topics = response.topics.into_iter();
                let codes = topics.flat_map(|topic| {
                    topic.partitions.into_iter().map(|partition| partition.error_code)
                });
                let codes: Vec<_> = codes.collect();
                let missing = codes.len() < offsets.count();
                let answers = codes.into_iter().map(|code| match code {
                    ErrorCode::NOT_COORDINATOR | ErrorCode::COORDINATOR_NOT_AVAILABLE => {
                        client.invalidate_coordinator(CoordinatorKind::Group, &group);
                        again(code, true)
                    }
                    // The group's coordinator has it from another; ours says whether it is so.
                    ErrorCode::PRODUCER_FENCED | ErrorCode::INVALID_PRODUCER_EPOCH => {
                        Answer::Refused(AbortCause::Broker { api: API, code })
                    }
                    code => self.code(roll, API, code),
                });
                gravest(answers.chain(missing.then(unmentioned)))
            }
            Err(error) => {
                client.invalidate_coordinator(CoordinatorKind::Group, &group);
                self.failed(roll, API, &Failed::Request(error))
            }
        }
    }

    async fn end(&self, roll: &Roll, identity: Identity, end: End) -> Answer {
        const API: ApiKey = EndTxnRequest::KEY;
        let request = EndTxnRequest {
            transactional_id: roll.id().to_owned(),
            producer_id: identity.id,
            producer_epoch: identity.epoch,
            committed: end == End::Commit,
        };
        let newest = (self.protocol == Protocol::First).then_some(NEWEST_END_OF_FIRST);
        match self.ask_coordinator(roll, &request, newest).await {
            Ok((connection, response)) => {
                throttle(&connection, response.throttle_time_ms);
                let (id, epoch) = (response.producer_id, response.producer_epoch);
                match response.error_code {
                    ErrorCode::NONE if id >= 0 && self.protocol == Protocol::Second => {
                        Answer::Named(Identity { id, epoch })
                    }
                    // Under the second protocol an epoch stays known for one more end: this one
                    // was ended by the coordinator's clock (KIP-588).
                    ErrorCode::INVALID_TXN_STATE if self.protocol == Protocol::Second => {
                        Answer::NothingOpen(AbortCause::TimedOut)
                    }
                    code => self.code(roll, API, code),
                }
            }
            Err(failed) => self.failed(roll, API, &failed),
        }
    }

    /// What a code means, whoever was asked.
    fn code(&self, roll: &Roll, api: ApiKey, code: ErrorCode) -> Answer {
        let cause = AbortCause::Broker { api, code };
        match code {
            ErrorCode::NONE => Answer::Done,
            ErrorCode::NOT_COORDINATOR | ErrorCode::COORDINATOR_NOT_AVAILABLE => {
                self.core.client.invalidate_coordinator(CoordinatorKind::Transaction, roll.id());
                // It may have lost its office while it wrote.
                again(code, true)
            }
            // These are said before anything is done.
            ErrorCode::CONCURRENT_TRANSACTIONS
            | ErrorCode::COORDINATOR_LOAD_IN_PROGRESS
            | ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
            | ErrorCode::THROTTLING_QUOTA_EXCEEDED => again(code, false),
            // Anything may have happened before the coordinator lost its head.
            ErrorCode::UNKNOWN_SERVER_ERROR => again(code, true),
            code if code.is_retriable() => again(code, true),
            ErrorCode::PRODUCER_FENCED | ErrorCode::INVALID_PRODUCER_EPOCH => Answer::Fenced(code),
            ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED
            | ErrorCode::CLUSTER_AUTHORIZATION_FAILED
            | ErrorCode::UNSUPPORTED_FOR_MESSAGE_FORMAT => {
                Answer::Fatal(FatalCause::Broker { api, code })
            }
            ErrorCode::INVALID_TXN_STATE => Answer::NothingOpen(cause),
            ErrorCode::INVALID_PRODUCER_ID_MAPPING | ErrorCode::UNKNOWN_PRODUCER_ID => {
                Answer::Stranger(cause)
            }
            _ => Answer::Refused(cause),
        }
    }

    fn failed(&self, roll: &Roll, api: ApiKey, failed: &Failed) -> Answer {
        let client = &self.core.client;
        match failed {
            Failed::Coordinator(CoordinatorError::Closed) => Answer::Fatal(FatalCause::Ended),
            Failed::Coordinator(CoordinatorError::Refused { kind, code, .. }) => {
                let (api, code) = (ApiKey::FIND_COORDINATOR, *code);
                match kind {
                    // Whoever may not commit for the group may still do without.
                    CoordinatorKind::Group => Answer::Refused(AbortCause::Broker { api, code }),
                    _ => Answer::Fatal(FatalCause::Broker { api, code }),
                }
            }
            Failed::Coordinator(error) => {
                Answer::Again { effect: false, soon: false, cause: error.to_string() }
            }
            Failed::Request(error) if error.is_fatal() => Answer::Fatal(FatalCause::Ended),
            Failed::Request(
                error @ (RequestError::Unsupported(_) | RequestError::Encode { .. }),
            ) => {
                let cause = error.to_string();
                match api {
                    ApiKey::INIT_PRODUCER_ID | ApiKey::END_TXN => {
                        Answer::Fatal(FatalCause::Unsupported { cause })
                    }
                    _ => Answer::Refused(AbortCause::Unsupported { cause }),
                }
            }
            Failed::Request(error) => {
                client.invalidate_coordinator(CoordinatorKind::Transaction, roll.id());
                let effect = error.outcome() != ottla_client::Outcome::NotWritten;
                Answer::Again { effect, soon: false, cause: error.to_string() }
            }
        }
    }

    async fn ask_coordinator<R: Api>(
        &self,
        roll: &Roll,
        request: &R,
        newest: Option<i16>,
    ) -> Result<(Connection, R::Response), Failed> {
        let connection = self.coordinator(CoordinatorKind::Transaction, roll.id()).await?;
        let response = self.send(&connection, request, newest).await.map_err(Failed::Request)?;
        Ok((connection, response))
    }

    async fn coordinator(&self, kind: CoordinatorKind, key: &str) -> Result<Connection, Failed> {
        let client = &self.core.client;
        let deadline = Instant::now() + self.core.config.request_timeout;
        let broker: BrokerId =
            client.coordinator(kind, key, deadline).await.map_err(Failed::Coordinator)?;
        let lane = self.core.roll.as_ref().map_or(self.core.lane, |roll| roll.lane);
        match client.connection(broker, lane).await {
            Ok(connection) => Ok(connection),
            Err(error) => {
                client.invalidate_coordinator(kind, key);
                Err(Failed::Request(RequestError::Connect(error)))
            }
        }
    }

    async fn send<R: Api>(
        &self,
        connection: &Connection,
        request: &R,
        newest: Option<i16>,
    ) -> Result<R::Response, RequestError> {
        let timeout = self.core.config.request_timeout;
        let options = RequestOptions::timeout(timeout).max_version(newest);
        connection.enqueue(request, options).await?.await
    }
}

fn throttle(connection: &Connection, millis: i32) {
    connection.throttle(Duration::from_millis(u64::try_from(millis).unwrap_or(0)));
}

fn again(code: ErrorCode, effect: bool) -> Answer {
    let soon = code == ErrorCode::CONCURRENT_TRANSACTIONS;
    Answer::Again { effect, soon, cause: code.to_string() }
}

/// The response does not mention everything that was asked for.
fn unmentioned() -> Answer {
    let cause = "the response does not mention all partitions".to_owned();
    Answer::Again { effect: true, soon: false, cause }
}

/// The one answer to a request of which each part has its own.
fn gravest(answers: impl Iterator<Item = Answer>) -> Answer {
    let weight = |answer: &Answer| match answer {
        Answer::Fatal(_) | Answer::Fenced(_) => 3,
        Answer::Done | Answer::Named(_) => 0,
        Answer::Again { .. } => 1,
        _ => 2,
    };
    answers.max_by_key(weight).unwrap_or(Answer::Done)
}
