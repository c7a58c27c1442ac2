//! Each single change to our descriptions must be reported: the proof that the comparison compares.

use ottla_protocol::wire::VersionRange;

use crate::{
    definitions::Definitions,
    description::{Field, Message},
    descriptions::ours,
};

/// A change to the list of fields in which the one at a place stands; `false` if there is nothing
/// to change.
type Change = fn(&mut Vec<Field>, usize) -> bool;

const CHANGES: &[(&str, Change)] = &[
    ("two fields swapped", |fields, at| {
        let both = at + 1 < fields.len();
        if both {
            fields.swap(at, at + 1);
        }
        both
    }),
    ("a field missing", |fields, at| {
        fields.remove(at);
        true
    }),
    ("another name", |fields, at| {
        fields[at].name.push('x');
        true
    }),
    ("another type", |fields, at| {
        fields[at].ty = if fields[at].ty == "int32" { "int64" } else { "int32" }.to_owned();
        true
    }),
    ("an error code more or less", |fields, at| {
        fields[at].is_error = !fields[at].is_error;
        true
    }),
    ("one version too early", |fields, at| {
        fields[at].versions.min -= 1;
        true
    }),
    ("one version too long", |fields, at| {
        fields[at].versions.max += 1;
        true
    }),
    ("null allowed, or not", |fields, at| {
        let field = &mut fields[at];
        let never = field.nullable.is_empty();
        field.nullable = if never { field.versions } else { VersionRange::NONE };
        true
    }),
    ("a tag missing", |fields, at| fields[at].tag.take().is_some()),
    ("another tag", |fields, at| {
        fields[at].tag = fields[at].tag.map(|tag| tag + 1);
        fields[at].tag.is_some()
    }),
    ("tagged later", |fields, at| {
        fields[at].tagged.min += 1;
        fields[at].tag.is_some()
    }),
    ("another default", |fields, at| {
        fields[at].default = if fields[at].default == "0" { "-1" } else { "0" }.to_owned();
        true
    }),
    ("ignorable, or not", |fields, at| {
        fields[at].ignorable = !fields[at].ignorable;
        true
    }),
];

/// A change to a message as a whole.
type WholeChange = fn(&mut Message);

const WHOLE: &[(&str, WholeChange)] = &[
    ("another key", |message| message.key = Some(message.key.unwrap_or(0) + 1)),
    ("a version too many", |message| message.versions.max += 1),
    ("a version too few", |message| message.versions.min += 1),
    ("flexible in another version", |message| message.flexible -= 1),
];

#[test]
fn each_single_change_is_reported() {
    let kafka = Definitions::of_the_jar();
    let mut tried = 0;
    for message in ours() {
        let theirs = kafka.message(&message.name).unwrap();
        for (name, change) in WHOLE {
            let mut changed = message.clone();
            change(&mut changed);
            assert!(!changed.differences(&theirs).is_empty(), "{name} in {}", message.name);
            tried += 1;
        }
        for place in 0..count(&message.fields) {
            for (name, change) in CHANGES {
                let mut changed = message.clone();
                if !at(&mut changed.fields, &mut { place }, *change).unwrap() {
                    continue;
                }
                let report = changed.differences(&theirs);
                assert!(!report.is_empty(), "{name} at field {place} of {}", message.name);
                assert!(report[0].starts_with(&message.name), "{report:?}");
                tried += 1;
            }
        }
    }
    assert!(tried > 10_000, "only {tried} changes");
    println!("{tried} changes were reported, each alone");
}

fn count(fields: &[Field]) -> usize {
    fields.iter().map(|field| 1 + count(&field.fields)).sum()
}

/// Changes the field that comes after `left` others, from the outermost one inwards.
fn at(fields: &mut Vec<Field>, left: &mut usize, change: Change) -> Option<bool> {
    for place in 0..fields.len() {
        if *left == 0 {
            return Some(change(fields, place));
        }
        *left -= 1;
        if let Some(done) = at(&mut fields[place].fields, left, change) {
            return Some(done);
        }
    }
    None
}
