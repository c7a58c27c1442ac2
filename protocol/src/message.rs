//! The macro that turns a declarative schema into a message.
//!
//! A field is written as in Kafka's own message definitions:
//!
//! ```text
//! name: Type, versions [, nullable versions] [, tag N in versions] [, default expr] [, ignorable];
//! ```
//!
//! where versions are `3+` or `3-7`. A field that a version does not have reads as its default;
//! writing another value than the default into such a version is an error unless the field is
//! ignorable. Tagged fields (KIP-482) are written only when they differ from their default.

use crate::wire::{DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind, Reader, Version, Writer};

/// Declares the structures of one direction of one API.
///
/// `request` structures are always written and are read only on the broker's side; `response`
/// structures the other way round. One pass over the fields: no recursion, so that a message
/// costs the compiler as little as the code written by hand.
macro_rules! message {
    ($(
        $(#[$meta:meta])*
        $direction:ident $name:ident {$(
            $(#[$field_meta:meta])*
            $field:ident: $ty:ty, $min:literal $(- $max:literal)? $(+)?
                $(, nullable $null_min:literal $(- $null_max:literal)? $(+)?)?
                $(, tag $tag:literal in $tag_min:literal $(- $tag_max:literal)? $(+)?)?
                $(, default $default:expr)?
                $(, ignorable $($ignorable:literal)?)?;
        )*}
    )+) => {$(
        $(#[$meta])*
        #[derive(Clone, PartialEq, Debug)]
        pub struct $name {$(
            $(#[$field_meta])*
            pub $field: $ty,
        )*}

        impl $name {
            /// What this structure looks like in each version, for comparing with Kafka's own
            /// definitions.
            pub const SCHEMA: $crate::schema::Struct = $crate::schema::Struct {
                name: stringify!($name),
                fields: &[$(
                    $crate::schema::Field {
                        name: stringify!($field),
                        ty: stringify!($ty),
                        versions: $crate::message::range!($min $(- $max)?),
                        nullable: $crate::message::range!($($null_min $(- $null_max)?)?),
                        tag: $crate::message::tag!($($tag)?),
                        tagged: $crate::message::range!($($tag_min $(- $tag_max)?)?),
                        default: $crate::message::text!($($default)?),
                        ignorable: $crate::message::given!($(ignorable $($ignorable)?)?),
                    },
                )*],
            };
        }

        impl Default for $name {
            fn default() -> Self {
                Self {$(
                    $field: $crate::message::default!($ty $(, $default)?),
                )*}
            }
        }

        $crate::message::$direction! {
            encode
            impl $crate::wire::Encode for $name {
                fn encode(
                    &self,
                    w: &mut $crate::wire::Writer,
                    v: $crate::wire::Version,
                    _: bool,
                ) -> Result<(), $crate::wire::EncodeError> {
                    let mut fields = Self::SCHEMA.fields.iter();
                    $(
                        if let Some(field) = fields.next() {
                            if field.inline_at(v) {
                                $crate::wire::Encode::encode(
                                    &self.$field, w, v, field.nullable.contains(v.number),
                                ).map_err(|error| error.within(stringify!($name), stringify!($field)))?;
                            } else if !field.ignorable && !field.tagged_at(v)
                                && self.$field != $crate::message::default!($ty $(, $default)?)
                            {
                                return Err($crate::message::not_in_version(v)
                                    .within(stringify!($name), stringify!($field)));
                            }
                        }
                    )*
                    if v.flexible {
                        #[allow(unused_mut, reason = "a structure need not have tagged fields")]
                        let mut tags = $crate::message::TagWriter::new(v);
                        $($crate::message::when! { [$($tag)?]
                            tags.field(
                                &Self::SCHEMA, stringify!($field), &self.$field,
                                &$crate::message::default!($ty $(, $default)?),
                            )?;
                        })*
                        tags.finish(w);
                    }
                    Ok(())
                }
            }

            impl $crate::wire::EncodeNullable for $name {
                fn encode_present(
                    &self,
                    w: &mut $crate::wire::Writer,
                    v: $crate::wire::Version,
                ) -> Result<(), $crate::wire::EncodeError> {
                    w.put(&[1]);
                    $crate::wire::Encode::encode(self, w, v, false)
                }

                fn encode_null(w: &mut $crate::wire::Writer, _: $crate::wire::Version) {
                    w.put(&[0xff]);
                }
            }
        }

        $crate::message::$direction! {
            decode
            impl $crate::wire::Decode for $name {
                fn decode(
                    r: &mut $crate::wire::Reader,
                    v: $crate::wire::Version,
                    _: bool,
                ) -> Result<Self, $crate::wire::DecodeError> {
                    #[allow(unused_mut, reason = "a structure need not have fields")]
                    let mut message = Self::default();
                    #[allow(unused_mut, unused_variables, reason = "a structure need not have fields")]
                    let mut fields = Self::SCHEMA.fields.iter();
                    $(
                        if let Some(field) = fields.next().filter(|field| field.inline_at(v)) {
                            message.$field = $crate::wire::Decode::decode(
                                r, v, field.nullable.contains(v.number),
                            ).map_err(|error| error.within(stringify!($name), stringify!($field)))?;
                        }
                    )*
                    if v.flexible {
                        let mut tags = $crate::message::TagReader::new(r, stringify!($name))?;
                        while let Some(_tag) = tags.next(r)? {
                            $($(
                                if _tag == $tag {
                                    tags.field(r, v, &Self::SCHEMA, stringify!($field), &mut message.$field)?;
                                    continue;
                                }
                            )?)*
                            tags.skip(r)?;
                        }
                    }
                    Ok(message)
                }

                fn min_len(v: $crate::wire::Version) -> usize {
                    let mut _len = usize::from(v.flexible);
                    let mut _fields = Self::SCHEMA.fields.iter();
                    $(
                        if _fields.next().is_some_and(|field| field.inline_at(v)) {
                            _len = _len.saturating_add(<$ty as $crate::wire::Decode>::min_len(v));
                        }
                    )*
                    _len
                }
            }

            impl $crate::wire::DecodeNullable for $name {
                fn decode_nullable(
                    r: &mut $crate::wire::Reader,
                    v: $crate::wire::Version,
                ) -> Result<Option<Self>, $crate::wire::DecodeError> {
                    let marker = <i8 as $crate::wire::Decode>::decode(r, v, false)?;
                    if marker < 0 {
                        return Ok(None);
                    }
                    $crate::wire::Decode::decode(r, v, false).map(Some)
                }
            }
        }
    )+};
}

/// Ties a request to its response, its key and its versions.
macro_rules! api {
    ($request:ident => $response:ident, $key:expr, versions $min:literal - $max:literal, flexible $flexible:expr) => {
        impl $crate::api::Request for $request {
            const KEY: $crate::ApiKey = $key;
            const VERSIONS: $crate::wire::VersionRange = $crate::wire::VersionRange::new($min, $max);
            const FLEXIBLE: i16 = $flexible;
            type Response = $response;
        }
    };
}

macro_rules! request {
    (encode $($item:item)+) => { $($item)+ };
    (decode $($item:item)+) => { $(#[cfg(any(test, feature = "broker"))] $item)+ };
}

macro_rules! response {
    (encode $($item:item)+) => { $(#[cfg(any(test, feature = "broker"))] $item)+ };
    (decode $($item:item)+) => { $($item)+ };
}

/// A structure that goes both ways, such as those inside a group's opaque metadata.
macro_rules! shared {
    ($which:ident $($item:item)+) => { $($item)+ };
}

macro_rules! range {
    () => { $crate::wire::VersionRange::NONE };
    ($min:literal) => { $crate::wire::VersionRange::new($min, i16::MAX) };
    ($min:literal - $max:literal) => { $crate::wire::VersionRange::new($min, $max) };
}

macro_rules! tag {
    () => { None };
    ($tag:literal) => { Some($tag) };
}

/// Code that is there only if something stands between the brackets.
macro_rules! when {
    ([] $($code:tt)*) => {};
    ([$given:tt] $($code:tt)*) => { $($code)* };
}

macro_rules! text {
    () => { None };
    ($default:expr) => { Some(stringify!($default)) };
}

macro_rules! given {
    () => { false };
    (ignorable) => { true };
}

macro_rules! default {
    ($ty:ty) => { <$ty>::default() };
    ($ty:ty, $default:expr) => { $default };
}

pub(crate) use {api, default, given, message, range, request, response, shared, tag, text, when};

pub(crate) const fn not_in_version(v: Version) -> EncodeError {
    EncodeError::new(EncodeErrorKind::NotInVersion { version: v.number })
}

/// Collects the tagged fields of one structure; their number stands in front of them.
pub(crate) struct TagWriter {
    version: Version,
    count: u32,
    body: Writer,
}

impl TagWriter {
    pub(crate) fn new(version: Version) -> Self {
        Self { version, count: 0, body: Writer::new() }
    }

    /// Writes a field unless the version does not tag it or it holds its default.
    pub(crate) fn field<T: crate::wire::Encode + PartialEq>(
        &mut self,
        schema: &crate::schema::Struct,
        name: &'static str,
        value: &T,
        default: &T,
    ) -> Result<(), EncodeError> {
        let Some(field) = schema.field(name).filter(|field| field.tagged_at(self.version)) else {
            return Ok(());
        };
        if value == default {
            return Ok(());
        }
        let mut inner = Writer::new();
        value
            .encode(&mut inner, self.version, field.nullable.contains(self.version.number))
            .map_err(|error| error.within(schema.name, name))?;
        let length = u32::try_from(inner.len()).map_err(|_| {
            EncodeError::new(EncodeErrorKind::TooLong { length: inner.len(), limit: u32::MAX as usize })
                .within(schema.name, name)
        })?;
        self.body.put_uvarint(field.tag.unwrap_or_default());
        self.body.put_uvarint(length);
        self.body.put_writer(inner);
        self.count = self.count.saturating_add(1);
        Ok(())
    }

    pub(crate) fn finish(self, w: &mut Writer) {
        w.put_uvarint(self.count);
        w.put_writer(self.body);
    }
}

/// Walks the tagged fields of one structure; unknown ones are skipped and nothing of them kept.
pub(crate) struct TagReader {
    message: &'static str,
    left: u32,
    previous: Option<u32>,
    tag: u32,
    length: usize,
}

impl TagReader {
    pub(crate) fn new(r: &mut Reader, message: &'static str) -> Result<Self, DecodeError> {
        let left = r.uvarint().map_err(|error| error.within(message, "tags"))?;
        Ok(Self { message, left, previous: None, tag: 0, length: 0 })
    }

    /// The next tag; its value must then be read with `field` or passed over with `skip`.
    pub(crate) fn next(&mut self, r: &mut Reader) -> Result<Option<u32>, DecodeError> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        let message = self.message;
        let named = |error: DecodeError| error.within(message, "tags");
        self.tag = r.uvarint().map_err(named)?;
        self.length = r.uvarint().map_err(named)? as usize;
        if self.previous.is_some_and(|previous| previous >= self.tag) {
            return Err(named(DecodeError::new(DecodeErrorKind::TagOrder { tag: self.tag })));
        }
        self.previous = Some(self.tag);
        Ok(Some(self.tag))
    }

    pub(crate) fn field<T: crate::wire::Decode>(
        &mut self,
        r: &mut Reader,
        v: Version,
        schema: &crate::schema::Struct,
        name: &'static str,
        value: &mut T,
    ) -> Result<(), DecodeError> {
        let nullable = schema.field(name).is_some_and(|field| field.nullable.contains(v.number));
        let named = |error: DecodeError| error.within(schema.name, name);
        let mut inner = Reader::new(r.take_bytes(self.length).map_err(named)?);
        *value = T::decode(&mut inner, v, nullable).map_err(named)?;
        match inner.remaining() {
            0 => Ok(()),
            surplus => Err(named(DecodeError::new(DecodeErrorKind::TagLength { tag: self.tag, surplus }))),
        }
    }

    pub(crate) fn skip(&mut self, r: &mut Reader) -> Result<(), DecodeError> {
        r.take(self.length).map(|_| ()).map_err(|error| error.within(self.message, "tags"))
    }
}
