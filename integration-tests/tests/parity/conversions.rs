//! Which values a version has no place for: whatever Java writes at a version we write alike, and
//! whatever it refuses we refuse.

use ottla_protocol::{
    api::{Request, VisitMessage, each_message},
    schema::Described,
    wire::{
        Version, Writer,
        arbitrary::{Arbitrary, Gen},
    },
};

use crate::{
    assert_empty,
    bytes::show,
    oracle::{Oracle, Question, Subject},
};

/// Messages of each type, from the newest and from the oldest version to each other one.
const MESSAGES: u64 = 120;

#[test]
fn what_a_version_has_no_place_for_is_refused_as_java_does() {
    let mut oracle = Oracle::shared();
    let mut conversion = Conversion::new(&mut oracle);
    each_message(&mut EveryApi(&mut conversion));
    let Conversion { report, written, refused, .. } = conversion;
    assert_empty(&report);
    println!("{written} messages written at another version, {refused} refused");
    assert!(written > 50_000 && refused > 5_000, "{written} written, {refused} refused");
}

/// Compares what becomes of messages at other versions, and keeps what is different.
#[derive(Debug)]
pub(crate) struct Conversion<'a> {
    oracle: &'a mut Oracle,
    pub(crate) report: Vec<String>,
    written: u32,
    refused: u32,
}

impl<'a> Conversion<'a> {
    pub(crate) fn new(oracle: &'a mut Oracle) -> Self {
        Self { oracle, report: Vec::new(), written: 0, refused: 0 }
    }

    /// Writes messages made for version `from` at version `to`.
    pub(crate) fn convert<M: Arbitrary>(&mut self, name: &str, from: Version, to: Version) {
        let subject = Subject { name, version: from.number, framed: false };
        let messages = (0..MESSAGES).map(|seed| M::arbitrary(&mut Gen::sparse(seed), from, false));
        let messages: Vec<_> = messages.collect();
        let questions = messages
            .iter()
            .map(|message| Question::converted(subject, to.number, &write(message, from).unwrap()));
        let answers = self.oracle.ask_all(questions.collect::<Vec<_>>());
        let mut differences = Vec::new();
        for (message, java) in messages.iter().zip(answers) {
            let ours = write(message, to);
            match (&ours, &java) {
                (Ok(_), Ok(_)) => self.written += 1,
                (Err(_), Err(_)) => self.refused += 1,
                _ => {}
            }
            if ours.as_ref().ok() != java.as_ref().ok() {
                differences.push((show(&ours), show(&java)));
            }
        }
        if let Some((ours, java)) = differences.first() {
            self.report.push(format!(
                "{name} from {from:?} to {to:?}: {} of {MESSAGES} differ, such as ours, then \
                 Java's:\n  {ours}\n  {java}",
                differences.len(),
            ));
        }
    }
}

fn write<M: Arbitrary>(message: &M, v: Version) -> Result<Vec<u8>, String> {
    let mut w = Writer::new();
    message.encode(&mut w, v, false).map_err(|error| error.to_string())?;
    Ok(w.into_bytes().to_vec())
}

/// Converts every request and response from the ends of its versions to each of them.
struct EveryApi<'a, 'b>(&'a mut Conversion<'b>);

impl VisitMessage for EveryApi<'_, '_> {
    fn api<R>(&mut self, to: Version)
    where
        R: Request + Arbitrary,
        R::Response: Arbitrary,
    {
        let names = [R::STRUCTURE, <R::Response as Described>::STRUCTURE];
        let [request, response] = names.map(|structure| structure.unwrap().name);
        let ends = [R::VERSIONS.max, R::VERSIONS.min];
        for from in ends.into_iter().filter(|&end| end != to.number) {
            let from = Version::new(from, R::FLEXIBLE);
            self.0.convert::<R>(request, from, to);
            self.0.convert::<R::Response>(response, from, to);
        }
    }
}
