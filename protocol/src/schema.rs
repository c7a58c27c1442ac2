//! Descriptions of messages as data, for comparing them with Kafka's own definitions.

use bytes::Bytes;

use crate::{
    ErrorCode, Uuid,
    records::Records,
    wire::{SecretBytes, Version, VersionRange},
};

/// A structure of a message.
#[derive(Clone, Copy, Debug)]
pub struct Struct {
    /// The structure's name in Rust.
    pub name: &'static str,
    /// Its fields in the order of the wire.
    pub fields: &'static [Field],
}

impl Struct {
    /// The field called `name`.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

/// A field of a structure.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The field's name: Kafka's, in snake case.
    pub name: &'static str,
    /// The Rust type as written in the schema.
    pub ty: &'static str,
    /// The versions that have the field.
    pub versions: VersionRange,
    /// The versions in which it may be null.
    pub nullable: VersionRange,
    /// Its tag, if some versions tag it.
    pub tag: Option<u32>,
    /// The versions in which it is tagged.
    pub tagged: VersionRange,
    /// The default as written in the schema; otherwise the type's own.
    pub default: Option<&'static str>,
    /// Whether a version without the field may silently drop its value.
    pub ignorable: bool,
    /// The structure it holds, be it one, or none or one, or many of them; `None` for the types
    /// that have no fields.
    pub structure: Option<&'static Struct>,
}

impl Field {
    /// Whether version `v` has the field among the untagged ones.
    #[must_use]
    pub const fn inline_at(&self, v: Version) -> bool {
        self.versions.contains(v.number) && !self.tagged_at(v)
    }

    /// Whether version `v` has the field among the tagged ones.
    #[must_use]
    pub const fn tagged_at(&self, v: Version) -> bool {
        v.flexible && self.versions.contains(v.number) && self.tagged.contains(v.number)
    }
}

/// A type that a field can have.
pub trait Described {
    /// What it looks like, unless it has no fields. That of an array or of a value that may be null
    /// is that of the value itself.
    const STRUCTURE: Option<&'static Struct>;
}

macro_rules! without_fields {
    ($($ty:ty),+) => {$(
        impl Described for $ty {
            const STRUCTURE: Option<&'static Struct> = None;
        }
    )+};
}

without_fields!(bool, i8, i16, u16, i32, u32, i64, f64, String, Uuid, ErrorCode);
without_fields!(Bytes, SecretBytes, Records);

impl<T: Described> Described for Vec<T> {
    const STRUCTURE: Option<&'static Struct> = T::STRUCTURE;
}

impl<T: Described> Described for Option<T> {
    const STRUCTURE: Option<&'static Struct> = T::STRUCTURE;
}
