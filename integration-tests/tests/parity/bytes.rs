//! Our bytes against those of Kafka's classes, both ways: ours read and written again by Java, and
//! Java's by us.

use std::{fmt::Write as _, time::Instant};

use bytes::Bytes;
use ottla_protocol::{
    RequestHeader,
    api::{APIS, Request, VisitMessage, each_message},
    consumer_protocol::{self, ConsumerProtocolAssignment, ConsumerProtocolSubscription},
    decode_request, decode_response, encode_request, encode_response,
    schema::Described,
    wire::{
        Reader, Version, Writer,
        arbitrary::{Arbitrary, Gen},
    },
};

use crate::{
    assert_empty,
    oracle::{Oracle, Question, Subject},
};

/// Messages of each type, at each version, in each direction.
const MESSAGES: u64 = 200;

#[test]
fn every_request_and_response_is_the_same_both_ways() {
    let begun = Instant::now();
    let mut oracle = Oracle::shared();
    let mut comparison = Comparison::new(&mut oracle);
    each_message(&mut EveryApi(&mut comparison));
    let Comparison { report, subjects, messages, .. } = comparison;
    assert_empty(&report);
    let versions: u32 = APIS.iter().map(|api| 2 * u32::from(api.versions.count())).sum();
    assert_eq!(subjects, versions, "messages at each of their versions");
    assert_eq!(messages, u64::from(versions) * MESSAGES * 2);
    println!("{messages} messages, {subjects} types at a version, {:?}", begun.elapsed());
}

#[test]
fn what_members_of_a_group_tell_each_other_is_the_same_both_ways() {
    let mut oracle = Oracle::shared();
    let mut comparison = Comparison::new(&mut oracle);
    for version in consumer_protocol::VERSIONS.min..=consumer_protocol::VERSIONS.max {
        let v = Version::new(version, i16::MAX);
        comparison.plain::<ConsumerProtocolSubscription>("ConsumerProtocolSubscription", v);
        comparison.plain::<ConsumerProtocolAssignment>("ConsumerProtocolAssignment", v);
    }
    assert_eq!(comparison.messages, 4 * 2 * MESSAGES * 2);
    assert_empty(&comparison.report);
}

/// Compares messages and keeps what is different.
#[derive(Debug)]
pub(crate) struct Comparison<'a> {
    oracle: &'a mut Oracle,
    pub(crate) report: Vec<String>,
    subjects: u32,
    messages: u64,
}

impl<'a> Comparison<'a> {
    pub(crate) fn new(oracle: &'a mut Oracle) -> Self {
        Self { oracle, report: Vec::new(), subjects: 0, messages: 0 }
    }

    /// A message without a header.
    pub(crate) fn plain<M: Arbitrary>(&mut self, name: &str, v: Version) {
        let write = |message: &M| {
            let mut w = Writer::new();
            message.encode(&mut w, v, false).map_err(|error| error.to_string())?;
            Ok(w.into_bytes())
        };
        let read = |bytes: Bytes| -> Result<M, String> {
            let mut r = Reader::new(bytes);
            let message = M::decode(&mut r, v, false).map_err(|error| error.to_string())?;
            r.finish().map_err(|error| error.to_string())?;
            Ok(message)
        };
        self.both_ways(
            Subject { name, version: v.number, framed: false },
            |g| write(&M::arbitrary(g, v, false)),
            |bytes| write(&read(bytes)?),
        );
    }

    /// Compares what `make` makes with what Java makes of it, and what Java makes with what `again`
    /// makes of that.
    fn both_ways(
        &mut self,
        subject: Subject<'_>,
        make: impl Fn(&mut Gen) -> Result<Bytes, String>,
        again: impl Fn(Bytes) -> Result<Bytes, String>,
    ) {
        let ours: Vec<_> = (0..MESSAGES)
            .map(|seed| match seed % 2 {
                0 => make(&mut Gen::new(seed)),
                // A tagged field is written only if it has not its default.
                _ => make(&mut Gen::sparse(seed)),
            })
            .collect();
        let readable = ours.iter().flatten();
        let read = readable.map(|bytes| Question::again(subject, bytes)).collect::<Vec<_>>();
        let made = (0..MESSAGES).map(|seed| Question::make(subject, seed));
        let mut answers = self.oracle.ask_all(read.into_iter().chain(made)).into_iter();
        let mut differences = Vec::new();
        for bytes in ours {
            let java = bytes.clone().and_then(|_| answers.next().expect("an answer for each"));
            if bytes.as_deref().ok() != java.as_deref().ok() {
                differences.push(("ours, then as Java writes it", show(&bytes), show(&java)));
            }
        }
        for java in answers {
            let bytes = java.clone().and_then(|bytes| again(bytes.into()));
            if bytes.as_deref().ok() != java.as_deref().ok() || java.is_err() {
                differences.push(("Java's, then as we write it", show(&java), show(&bytes)));
            }
        }
        self.subjects += 1;
        self.messages += 2 * MESSAGES;
        if let Some((way, first, then)) = differences.first() {
            let Subject { name, version, .. } = subject;
            self.report.push(format!(
                "{name} v{version}: {} of {} differ, such as {way}:\n  {first}\n  {then}",
                differences.len(),
                2 * MESSAGES,
            ));
        }
    }
}

/// The beginning of some bytes in hexadecimal, or what went wrong with them.
pub(crate) fn show<B: AsRef<[u8]>>(bytes: &Result<B, String>) -> String {
    match bytes {
        Ok(bytes) => bytes.as_ref().iter().take(150).fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        }),
        Err(error) => error.clone(),
    }
}

/// Compares every request and response, each with its header.
struct EveryApi<'a, 'b>(&'a mut Comparison<'b>);

impl VisitMessage for EveryApi<'_, '_> {
    fn api<R>(&mut self, v: Version)
    where
        R: Request + Arbitrary,
        R::Response: Arbitrary,
    {
        let subject = |name| Subject { name, version: v.number, framed: true };
        let name_of = |structure: Option<&ottla_protocol::schema::Struct>| structure.unwrap().name;
        self.0.both_ways(
            subject(name_of(R::STRUCTURE)),
            |g| {
                let client = Option::<String>::arbitrary(g, v, true);
                let correlation_id = i32::arbitrary(g, v, false);
                let request = R::arbitrary(g, v, false);
                write_request(&request, v, correlation_id, client.as_deref())
            },
            |bytes| {
                let mut r = Reader::new(bytes);
                let header =
                    RequestHeader::decode(&mut r, |key| (key == R::KEY).then_some(R::FLEXIBLE))
                        .map_err(|error| error.to_string())?;
                let request: R =
                    decode_request(r, header.version).map_err(|error| error.to_string())?;
                write_request(&request, v, header.correlation_id, header.client_id.as_deref())
            },
        );
        self.0.both_ways(
            subject(name_of(<R::Response as Described>::STRUCTURE)),
            |g| {
                let correlation_id = i32::arbitrary(g, v, false);
                write_response::<R>(&Arbitrary::arbitrary(g, v, false), v, correlation_id)
            },
            |bytes| {
                let (correlation_id, response) =
                    decode_response::<R>(bytes, v.number).map_err(|error| error.to_string())?;
                write_response::<R>(&response, v, correlation_id)
            },
        );
    }
}

/// The length in front is no part of what Java compares.
const PREFIX: usize = 4;

fn write_request<R: Request>(
    request: &R,
    v: Version,
    correlation_id: i32,
    client: Option<&str>,
) -> Result<Bytes, String> {
    encode_request(request, v.number, correlation_id, client)
        .map(|frame| frame.to_bytes().slice(PREFIX..))
        .map_err(|error| error.to_string())
}

fn write_response<R>(
    response: &R::Response,
    v: Version,
    correlation_id: i32,
) -> Result<Bytes, String>
where
    R: Request,
    R::Response: Arbitrary,
{
    encode_response::<R>(response, v.number, correlation_id)
        .map(|frame| frame.to_bytes().slice(PREFIX..))
        .map_err(|error| error.to_string())
}
