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

use crate::wire::{
    Decode, DecodeError, DecodeErrorKind, Encode, EncodeError, EncodeErrorKind, Reader, Version,
    Writer,
};

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
                        structure: <$ty as $crate::schema::Described>::STRUCTURE,
                    },
                )*],
            };
        }

        impl $crate::schema::Described for $name {
            const STRUCTURE: Option<&'static $crate::schema::Struct> = Some(&Self::SCHEMA);
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
                    let mut place = "";
                    self.write(w, v, &mut place)
                        .map_err(|error| error.within(stringify!($name), place))
                }
            }

            impl $name {
                /// Writes the fields; an error is about the one `place` names.
                #[allow(unused_variables, reason = "a structure need not have fields")]
                fn write(
                    &self,
                    w: &mut $crate::wire::Writer,
                    v: $crate::wire::Version,
                    place: &mut &'static str,
                ) -> Result<(), $crate::wire::EncodeError> {
                    $(
                        *place = stringify!($field);
                        if $crate::message::untagged!(
                            v, [$min $(- $max)?] $($tag_min $(- $tag_max)?)?
                        ) {
                            let nullable =
                                $crate::message::range!($($null_min $(- $null_max)?)?);
                            let nullable = nullable.contains(v.number);
                            $crate::wire::Encode::encode(&self.$field, w, v, nullable)?;
                        } else if $crate::message::strict!($(ignorable $($ignorable)?)?)
                            && !$crate::message::tagged!(v, $($tag_min $(- $tag_max)?)?)
                            && self.$field != $crate::message::default!($ty $(, $default)?)
                        {
                            return Err($crate::message::not_in_version(v));
                        }
                    )*
                    if v.flexible {
                        #[allow(unused_mut, reason = "a structure need not have tagged fields")]
                        let mut tags = $crate::message::TagWriter::new(v);
                        $($crate::message::when! { [$($tag)?]
                            *place = stringify!($field);
                            if $crate::message::tagged!(v, $($tag_min $(- $tag_max)?)?)
                                && self.$field != $crate::message::default!($ty $(, $default)?)
                            {
                                let nullable =
                                    $crate::message::range!($($null_min $(- $null_max)?)?);
                                let nullable = nullable.contains(v.number);
                                tags.field($($tag)?, &self.$field, nullable)?;
                            }
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
                    let mut message = Self::default();
                    let mut place = "";
                    message
                        .read(r, v, &mut place)
                        .map_err(|error| error.within(stringify!($name), place))?;
                    Ok(message)
                }

                fn min_len(v: $crate::wire::Version) -> usize {
                    let mut _len = usize::from(v.flexible);
                    $(
                        if $crate::message::untagged!(
                            v, [$min $(- $max)?] $($tag_min $(- $tag_max)?)?
                        ) {
                            _len = _len.saturating_add(<$ty as $crate::wire::Decode>::min_len(v));
                        }
                    )*
                    _len
                }
            }

            impl $name {
                /// Reads the fields into `self`; an error is about the one `place` names.
                fn read(
                    &mut self,
                    r: &mut $crate::wire::Reader,
                    v: $crate::wire::Version,
                    place: &mut &'static str,
                ) -> Result<(), $crate::wire::DecodeError> {
                    $(
                        if $crate::message::untagged!(
                            v, [$min $(- $max)?] $($tag_min $(- $tag_max)?)?
                        ) {
                            *place = stringify!($field);
                            let nullable =
                                $crate::message::range!($($null_min $(- $null_max)?)?);
                            let nullable = nullable.contains(v.number);
                            self.$field = $crate::wire::Decode::decode(r, v, nullable)?;
                        }
                    )*
                    if v.flexible {
                        *place = "tags";
                        let mut tags = $crate::message::TagReader::new(r)?;
                        while let Some(_tag) = tags.next(r)? {
                            $($crate::message::when! { [$($tag)?]
                                if _tag == $($tag)?
                                    && $crate::message::tagged!(v, $($tag_min $(- $tag_max)?)?)
                                {
                                    *place = stringify!($field);
                                    let nullable =
                                        $crate::message::range!($($null_min $(- $null_max)?)?);
                                    let nullable = nullable.contains(v.number);
                                    self.$field = tags.field(r, v, nullable)?;
                                    *place = "tags";
                                    continue;
                                }
                            })*
                            tags.skip(r)?;
                        }
                    }
                    Ok(())
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

        #[cfg(any(test, feature = "arbitrary"))]
        impl $crate::wire::arbitrary::Arbitrary for $name {
            fn arbitrary(
                g: &mut $crate::wire::arbitrary::Gen,
                v: $crate::wire::Version,
                _: bool,
            ) -> Self {
                let mut message = Self::default();
                $(
                    if $crate::message::range!($min $(- $max)?).contains(v.number) && g.fills() {
                        let nullable = $crate::message::range!($($null_min $(- $null_max)?)?);
                        let nullable = nullable.contains(v.number);
                        message.$field =
                            $crate::wire::arbitrary::Arbitrary::arbitrary(g, v, nullable);
                    }
                )*
                message
            }
        }
    )+};
}

/// Ties a request to its response, its key and its versions.
macro_rules! api {
    (
        $request:ident => $response:ident, $key:expr,
        versions $min:literal - $max:literal, flexible $flexible:expr
    ) => {
        impl $crate::api::Request for $request {
            const KEY: $crate::ApiKey = $key;
            const VERSIONS: $crate::wire::VersionRange =
                $crate::wire::VersionRange::new($min, $max);
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
    () => {
        $crate::wire::VersionRange::NONE
    };
    ($min:literal) => {
        $crate::wire::VersionRange::new($min, i16::MAX)
    };
    ($min:literal - $max:literal) => {
        $crate::wire::VersionRange::new($min, $max)
    };
}

/// Whether version `v` has a field among those without a tag.
macro_rules! untagged {
    ($v:ident, [$($versions:tt)+]) => {
        $crate::message::range!($($versions)+).contains($v.number)
    };
    ($v:ident, [$($versions:tt)+] $($tagged:tt)+) => {
        $crate::message::range!($($versions)+).contains($v.number)
            && !$crate::message::tagged!($v, $($tagged)+)
    };
}

/// Whether version `v` has a field among those with a tag.
macro_rules! tagged {
    ($v:ident,) => { false };
    ($v:ident, $($versions:tt)+) => {
        $v.flexible && $crate::message::range!($($versions)+).contains($v.number)
    };
}

macro_rules! tag {
    () => {
        None
    };
    ($tag:literal) => {
        Some($tag)
    };
}

/// Code that is there only if something stands between the brackets.
macro_rules! when {
    ([] $($code:tt)*) => {};
    ([$given:tt] $($code:tt)*) => { $($code)* };
}

macro_rules! text {
    () => {
        None
    };
    ($default:expr) => {
        Some(stringify!($default))
    };
}

macro_rules! given {
    () => {
        false
    };
    (ignorable) => {
        true
    };
}

/// Whether a value in a version without the field is an error.
macro_rules! strict {
    () => {
        true
    };
    (ignorable) => {
        false
    };
}

macro_rules! default {
    ($ty:ty) => {
        <$ty>::default()
    };
    ($ty:ty, $default:expr) => {
        $default
    };
}

pub(crate) use {
    api, default, given, message, range, request, response, shared, strict, tag, tagged, text,
    untagged, when,
};

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
    #[inline]
    pub(crate) fn new(version: Version) -> Self {
        Self { version, count: 0, body: Writer::new() }
    }

    /// Adds a field; they come in the ascending order of their tags.
    pub(crate) fn field<T: Encode>(
        &mut self,
        tag: u32,
        value: &T,
        nullable: bool,
    ) -> Result<(), EncodeError> {
        let mut inner = Writer::new();
        value.encode(&mut inner, self.version, nullable)?;
        let length = u32::try_from(inner.len()).map_err(|_| {
            let limit = u32::MAX as usize;
            EncodeError::new(EncodeErrorKind::TooLong { length: inner.len(), limit })
        })?;
        self.body.put_uvarint(tag);
        self.body.put_uvarint(length);
        self.body.put_writer(inner);
        self.count = self.count.saturating_add(1);
        Ok(())
    }

    #[inline]
    pub(crate) fn finish(self, w: &mut Writer) {
        w.put_uvarint(self.count);
        if self.count > 0 {
            w.put_writer(self.body);
        }
    }
}

/// Walks the tagged fields of one structure; unknown ones are skipped and nothing of them kept.
pub(crate) struct TagReader {
    left: u32,
    previous: Option<u32>,
    tag: u32,
    length: usize,
}

impl TagReader {
    pub(crate) fn new(r: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self { left: r.uvarint()?, previous: None, tag: 0, length: 0 })
    }

    /// The next tag; its value must then be read with `field` or passed over with `skip`.
    pub(crate) fn next(&mut self, r: &mut Reader) -> Result<Option<u32>, DecodeError> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        self.tag = r.uvarint()?;
        self.length = r.uvarint()? as usize;
        if self.previous.is_some_and(|previous| previous >= self.tag) {
            return Err(DecodeError::new(DecodeErrorKind::TagOrder { tag: self.tag }));
        }
        self.previous = Some(self.tag);
        Ok(Some(self.tag))
    }

    /// The value of the tag just come to, which must fill its length.
    pub(crate) fn field<T: Decode>(
        &self,
        r: &mut Reader,
        v: Version,
        nullable: bool,
    ) -> Result<T, DecodeError> {
        let mut inner = Reader::new(r.take_bytes(self.length)?);
        let value = T::decode(&mut inner, v, nullable)?;
        match inner.remaining() {
            0 => Ok(value),
            surplus => Err(DecodeError::new(DecodeErrorKind::TagLength { tag: self.tag, surplus })),
        }
    }

    pub(crate) fn skip(&self, r: &mut Reader) -> Result<(), DecodeError> {
        r.take(self.length).map(|_| ())
    }
}
