//! Kafka's definitions of its messages: the JSON files in its jar.

use std::collections::BTreeMap;

use ottla_protocol::wire::VersionRange;
use serde_json::Value;

use crate::{
    description::{Field, Message, plain_default},
    oracle::{Oracle, Question},
};

/// The definitions of one jar, by the messages' names.
#[derive(Debug)]
pub(crate) struct Definitions(BTreeMap<String, Value>);

impl Definitions {
    pub(crate) fn of_the_jar() -> Self {
        let answer = Oracle::shared().ask(Question::definitions()).unwrap();
        let mut rest = &answer[..];
        let mut definitions = BTreeMap::new();
        while let Some((length, behind)) = rest.split_first_chunk() {
            let (text, behind) = behind.split_at(u32::from_be_bytes(*length) as usize);
            let definition = parse(std::str::from_utf8(text).unwrap());
            definitions.insert(text_of(&definition, "name").to_owned(), definition);
            rest = behind;
        }
        assert!(definitions.len() > 190, "only {} definitions", definitions.len());
        Self(definitions)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether no version of it is left.
    pub(crate) fn is_history(&self, name: &str) -> bool {
        text_of(&self.0[name], "validVersions") == "none"
    }

    /// Whether its newest version may still change. The request says so for its response, too.
    pub(crate) fn is_unstable(&self, name: &str) -> bool {
        let request = name.replace("Response", "Request");
        let flag = self.0.get(&request).and_then(|it| it.get("latestVersionUnstable"));
        flag.is_some_and(|flag| flag == &Value::Bool(true))
    }

    /// A message in the versions that are settled.
    pub(crate) fn message(&self, name: &str) -> Option<Message> {
        let definition = self.0.get(name)?;
        let mut versions = range(Some(text_of(definition, "validVersions")));
        if self.is_unstable(name) {
            versions.max -= 1;
        }
        let flexible = range(Some(text_of(definition, "flexibleVersions")));
        let common = definition.get("commonStructs").and_then(Value::as_array);
        let common: BTreeMap<_, _> = common
            .into_iter()
            .flatten()
            .map(|structure| (text_of(structure, "name"), &structure["fields"]))
            .collect();
        let message = Message {
            name: name.to_owned(),
            key: definition
                .get("apiKey")
                .and_then(Value::as_i64)
                .map(|key| key.try_into().unwrap()),
            versions,
            flexible: if flexible.is_empty() { i16::MAX } else { flexible.min },
            fields: fields(&definition["fields"], &Around { versions, common: &common }),
        };
        Some(message.clipped())
    }
}

/// Comments stand on lines of their own, or behind what is on the line.
fn parse(text: &str) -> Value {
    let strip = |line: &str| match line.find("//") {
        Some(at) if !line[..at].contains('"') => line[..at].to_owned(),
        _ => line.to_owned(),
    };
    let bare: Vec<_> = text.lines().map(strip).collect();
    serde_json::from_str(&bare.join("\n")).unwrap_or_else(|error| panic!("{error} in {text}"))
}

fn text_of<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} of {value}"))
}

/// What a field's definition depends on.
#[derive(Clone, Copy)]
struct Around<'a> {
    versions: VersionRange,
    common: &'a BTreeMap<&'a str, &'a Value>,
}

fn fields(list: &Value, around: &Around<'_>) -> Vec<Field> {
    list.as_array().unwrap().iter().map(|definition| field(definition, around)).collect()
}

fn field(definition: &Value, around: &Around<'_>) -> Field {
    let text = |key: &str| definition.get(key).and_then(Value::as_str);
    let name = text("name").unwrap();
    let declared = text("type").unwrap();
    let element = declared.trim_start_matches("[]");
    let own = definition.get("fields").or_else(|| around.common.get(element).copied());
    let ty = if own.is_some() { declared.replace(element, "struct") } else { declared.to_owned() };
    let nullable = range(text("nullableVersions"));
    let optional = nullable.intersect(around.versions).is_some();
    Field {
        name: snake_case(name),
        is_error: ty == "int16" && name.ends_with("ErrorCode"),
        versions: range(text("versions")),
        nullable,
        tag: definition.get("tag").and_then(Value::as_u64).map(|tag| tag.try_into().unwrap()),
        tagged: range(text("taggedVersions")),
        default: default(&ty, definition.get("default"), optional),
        ignorable: definition.get("ignorable").and_then(Value::as_bool).unwrap_or(false),
        fields: own.map(|own| fields(own, around)).unwrap_or_default(),
        ty,
    }
}

/// As Kafka's generator understands it: a number in any radix, and the types' own where nothing is
/// said. Records are null unless they may not be.
fn default(ty: &str, given: Option<&Value>, nullable: bool) -> String {
    let text = match given {
        None => "",
        Some(Value::String(text)) => text,
        Some(other) => return other.to_string(),
    };
    let hex = text.strip_prefix("0x").map(|digits| i64::from_str_radix(digits, 16).unwrap());
    match text {
        "" if ty == "records" && nullable => "null".to_owned(),
        "" => plain_default(ty).to_owned(),
        _ if ty == "bool" => text.to_lowercase(),
        _ => hex.map_or_else(|| text.to_owned(), |number| number.to_string()),
    }
}

/// `3+`, `3-7`, `3` or `none`.
fn range(text: Option<&str>) -> VersionRange {
    let number = |text: &str| text.parse().unwrap();
    match text {
        None | Some("none") => VersionRange::NONE,
        Some(text) => match (text.strip_suffix('+'), text.split_once('-')) {
            (Some(min), _) => VersionRange::new(number(min), i16::MAX),
            (_, Some((min, max))) => VersionRange::new(number(min), number(max)),
            _ => VersionRange::new(number(text), number(text)),
        },
    }
}

/// `LastKnownElr` becomes `last_known_elr`, `ISRNodes` would become `isr_nodes`.
fn snake_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut snake = String::new();
    for (at, &letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| letters[before]);
        let behind = letters.get(at + 1);
        let starts = before.is_some_and(|c| !c.is_ascii_uppercase())
            || behind.is_some_and(char::is_ascii_lowercase);
        if letter.is_ascii_uppercase() && at > 0 && starts {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}
