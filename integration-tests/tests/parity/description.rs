//! What a message looks like in each version, as a value that can be compared and changed.

use std::fmt;

use ottla_protocol::{schema, wire::VersionRange};

/// A message as Kafka or as we describe it.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) name: String,
    /// The API's number, unless it is no request or response.
    pub(crate) key: Option<i16>,
    pub(crate) versions: VersionRange,
    /// The first flexible version; `i16::MAX` if there is none.
    pub(crate) flexible: i16,
    pub(crate) fields: Vec<Field>,
}

/// A field, with the fields of what it holds.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    /// As Kafka writes types, but `struct` for any structure.
    pub(crate) ty: String,
    /// Whether it is an error code.
    pub(crate) is_error: bool,
    pub(crate) versions: VersionRange,
    pub(crate) nullable: VersionRange,
    pub(crate) tag: Option<u32>,
    pub(crate) tagged: VersionRange,
    /// `null`, `empty`, or a value as Kafka writes it.
    pub(crate) default: String,
    pub(crate) ignorable: bool,
    pub(crate) fields: Vec<Self>,
}

impl Message {
    /// Ours, as the schema has it.
    pub(crate) fn ours(
        structure: &schema::Struct,
        key: Option<i16>,
        versions: VersionRange,
        flexible: i16,
    ) -> Self {
        let fields = structure.fields.iter().map(Field::ours).collect();
        Self { name: structure.name.to_owned(), key, versions, flexible, fields }.clipped()
    }

    /// Without what no version of the message has, nor of the field that it is within: ranges may
    /// well reach further, in Kafka's definitions and in ours.
    pub(crate) fn clipped(mut self) -> Self {
        clip(&mut self.fields, self.versions);
        self
    }

    /// What is different in `kafka`, one line each.
    pub(crate) fn differences(&self, kafka: &Self) -> Vec<String> {
        let mut report = Report { place: self.name.clone(), lines: Vec::new() };
        report.compare("name", &self.name, &kafka.name);
        report.compare("API key", &self.key, &kafka.key);
        report.compare("versions", &self.versions, &kafka.versions);
        report.compare("first flexible version", &self.flexible, &kafka.flexible);
        report.fields(&self.fields, &kafka.fields);
        report.lines
    }
}

impl Field {
    fn ours(field: &schema::Field) -> Self {
        let text: String = field.ty.split_whitespace().collect();
        let optional = text.strip_prefix("Option<").and_then(|rest| rest.strip_suffix('>'));
        let bare = optional.unwrap_or(&text);
        let array = bare.strip_prefix("Vec<").and_then(|rest| rest.strip_suffix('>'));
        let element = match array.unwrap_or(bare) {
            _ if field.structure.is_some() => "struct",
            "bool" => "bool",
            "i8" => "int8",
            "i16" | "ErrorCode" => "int16",
            "u16" => "uint16",
            "i32" => "int32",
            "u32" => "uint32",
            "i64" => "int64",
            "f64" => "float64",
            "String" => "string",
            "Bytes" | "SecretBytes" => "bytes",
            "Records" => "records",
            "Uuid" => "uuid",
            unknown => unknown,
        };
        let ty = format!("{}{element}", if array.is_some() { "[]" } else { "" });
        Self {
            name: field.name.trim_start_matches("r#").to_owned(),
            is_error: bare == "ErrorCode",
            versions: field.versions,
            nullable: field.nullable,
            tag: field.tag,
            tagged: field.tagged,
            default: our_default(&ty, optional.is_some(), field.default),
            ignorable: field.ignorable,
            fields: field
                .structure
                .map(|structure| structure.fields.iter().map(Self::ours).collect())
                .unwrap_or_default(),
            ty,
        }
    }
}

/// What a field of this type has if its definition does not say.
pub(crate) fn plain_default(ty: &str) -> &'static str {
    match ty {
        "bool" => "false",
        "int8" | "int16" | "uint16" | "int32" | "uint32" | "int64" | "float64" => "0",
        _ => "empty",
    }
}

fn our_default(ty: &str, optional: bool, expression: Option<&str>) -> String {
    let Some(expression) = expression else {
        return if optional { "null" } else { plain_default(ty) }.to_owned();
    };
    let text: String = expression.split_whitespace().collect();
    let value = text.strip_prefix("Some(").and_then(|rest| rest.strip_suffix(')')).unwrap_or(&text);
    match value {
        "i32::MAX" => i32::MAX.to_string(),
        "i64::MAX" => i64::MAX.to_string(),
        _ if value.ends_with("::new()") || value.ends_with("::default()") => "empty".to_owned(),
        _ => value.to_owned(),
    }
}

fn clip(fields: &mut Vec<Field>, versions: VersionRange) {
    fields.retain(|field| field.versions.intersect(versions).is_some());
    for field in fields {
        for range in [&mut field.versions, &mut field.nullable, &mut field.tagged] {
            *range = range.intersect(versions).unwrap_or(VersionRange::NONE);
        }
        if field.tagged.is_empty() {
            field.tag = None;
        }
        clip(&mut field.fields, field.versions);
    }
}

/// Differences found so far, and where we are.
struct Report {
    place: String,
    lines: Vec<String>,
}

impl Report {
    fn compare<T: PartialEq + fmt::Debug>(&mut self, what: &str, ours: &T, kafka: &T) {
        if ours != kafka {
            self.lines.push(format!("{}: {what} {ours:?}, in Kafka {kafka:?}", self.place));
        }
    }

    fn fields(&mut self, ours: &[Field], kafka: &[Field]) {
        let names = |fields: &[Field]| fields.iter().map(|f| f.name.clone()).collect::<Vec<_>>();
        self.compare("fields", &names(ours), &names(kafka));
        for field in ours {
            let Some(other) = kafka.iter().find(|other| other.name == field.name) else { continue };
            let place = format!("{}.{}", self.place, field.name);
            let outer = std::mem::replace(&mut self.place, place);
            self.compare("type", &field.ty, &other.ty);
            self.compare("being an error code", &field.is_error, &other.is_error);
            self.compare("versions", &field.versions, &other.versions);
            self.compare("nullable versions", &field.nullable, &other.nullable);
            self.compare("tag", &field.tag, &other.tag);
            self.compare("tagged versions", &field.tagged, &other.tagged);
            self.compare("default", &field.default, &other.default);
            self.compare("being ignorable", &field.ignorable, &other.ignorable);
            self.fields(&field.fields, &other.fields);
            self.place = outer;
        }
    }
}
