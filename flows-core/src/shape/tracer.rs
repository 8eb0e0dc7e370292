//! The deserializer that writes down what it is asked for.
//!
//! Quiet, it gives dummy values instead: for the elements in front of the one that is traced.

use serde::de::value::StrDeserializer;
use serde::de::{Deserializer, IntoDeserializer, Visitor};

use super::access::{Elements, Entries, Variant};
use super::probe::{self, Given};
use super::walk::{MetType, Walk};

/// No tuple has more elements.
const LONGEST_TUPLE: usize = 32;

/// Why a pass ends. Never shown to anybody.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PassEnd {
    /// Everything is known.
    Here,
    /// The type has refused a dummy.
    Refused,
    /// A struct wants a field.
    Missing(&'static str),
    /// A struct has got a field twice, maybe under two names.
    Twice,
    /// A struct does not want a field that it does not know.
    Unknown,
}

impl std::fmt::Display for PassEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the shape is known")
    }
}

impl std::error::Error for PassEnd {}

impl serde::de::Error for PassEnd {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        Self::Refused
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }

    fn duplicate_field(_: &'static str) -> Self {
        Self::Twice
    }

    fn unknown_field(_: &str, _: &'static [&'static str]) -> Self {
        Self::Unknown
    }
}

pub(super) struct Tracer<'w> {
    pub(super) walk: &'w mut Walk,
    pub(super) quiet: bool,
}

impl<'w> Tracer<'w> {
    pub(super) fn new(walk: &'w mut Walk) -> Self {
        Self { walk, quiet: false }
    }

    /// A type without parts: the end of this pass, or a dummy.
    fn leaf<T>(self, kind: &str, dummy: impl FnOnce() -> Result<T, PassEnd>) -> Result<T, PassEnd> {
        if self.quiet {
            return dummy();
        }
        self.walk.leaf(kind);
        Err(PassEnd::Here)
    }

    /// A type with parts. It ends the pass where it was met before, or is too deep to go on.
    fn enter<V>(&mut self, kind: &str, name: &'static str, parts: Parts) -> Result<(), PassEnd> {
        if self.quiet {
            return self.descend();
        }
        let rust = std::any::type_name::<V>();
        let mut number = None;
        if !name.is_empty() {
            number = self.walk.meet(MetType { rust, name, parts });
            if number.is_none() {
                return Err(PassEnd::Here);
            }
        }
        self.walk.enter(kind, name, parts, number);
        self.descend()
    }

    fn descend(&mut self) -> Result<(), PassEnd> {
        if self.walk.descend() { Ok(()) } else { Err(PassEnd::Here) }
    }

    /// One of the parts, as this pass chooses.
    pub(super) fn part(&mut self, parts: Parts) -> Result<&'static str, PassEnd> {
        if parts.is_empty() {
            self.walk.leaf("nothing");
            return Err(PassEnd::Here);
        }
        let part = parts[self.walk.choose(parts.len())];
        self.walk.part(part);
        Ok(part)
    }

    pub(super) fn elements<'de, V: Visitor<'de>>(
        self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, PassEnd> {
        let mut traced = len;
        if !self.quiet {
            if len == 0 {
                return self.leaf("nothing", || Err(PassEnd::Here));
            }
            // What is longer is an array: its elements are of one type.
            traced = self.walk.choose(if len > LONGEST_TUPLE { 1 } else { len });
            self.walk.part(&traced.to_string());
        }
        visitor.visit_seq(Elements { walk: self.walk, next: 0, traced, len })
    }

    pub(super) fn fields<'de, V: Visitor<'de>>(
        mut self,
        fields: Parts,
        visitor: V,
    ) -> Result<V::Value, PassEnd> {
        if self.quiet && self.walk.is_json() {
            return probe::dummy(self.walk, fields, visitor);
        }
        if self.quiet {
            return self.elements(fields.len(), visitor);
        }
        if self.walk.is_json() && !fields.is_empty() {
            return probe::field(self, fields, visitor);
        }
        let field = self.part(fields)?;
        visitor.visit_map(Given::traced(self.walk, field))
    }
}

pub(super) type Parts = &'static [&'static str];

macro_rules! leaves {
    ($($method:ident $kind:literal $visit:ident $dummy:expr;)+) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PassEnd> {
            self.leaf($kind, || visitor.$visit($dummy))
        }
    )+};
}

impl<'de> Deserializer<'de> for Tracer<'_> {
    type Error = PassEnd;

    leaves! {
        deserialize_bool "bool" visit_bool false;
        deserialize_i8 "i8" visit_i8 0;
        deserialize_i16 "i16" visit_i16 0;
        deserialize_i32 "i32" visit_i32 0;
        deserialize_i64 "i64" visit_i64 0;
        deserialize_i128 "i128" visit_i128 0;
        deserialize_u8 "u8" visit_u8 1;
        deserialize_u16 "u16" visit_u16 1;
        deserialize_u32 "u32" visit_u32 1;
        deserialize_u64 "u64" visit_u64 1;
        deserialize_u128 "u128" visit_u128 1;
        deserialize_f32 "f32" visit_f32 0.0;
        deserialize_f64 "f64" visit_f64 0.0;
        deserialize_char "char" visit_char '0';
    }

    fn is_human_readable(&self) -> bool {
        self.walk.is_json()
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PassEnd> {
        let dummy = self.walk.dummy();
        self.leaf("str", || visitor.visit_borrowed_str(dummy))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PassEnd> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PassEnd> {
        self.leaf("bytes", || visitor.visit_borrowed_bytes(&[0; 16]))
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PassEnd> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PassEnd> {
        self.leaf("unit", || visitor.visit_unit())
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PassEnd> {
        self.leaf("any", || visitor.visit_unit())
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PassEnd> {
        self.deserialize_any(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PassEnd> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PassEnd> {
        if self.quiet {
            return visitor.visit_none();
        }
        self.walk.enter("option ", "", &[], None);
        visitor.visit_some(self)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, PassEnd> {
        self.leaf(&format!("unit {name}"), || visitor.visit_unit())
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, PassEnd> {
        self.enter::<V::Value>("newtype ", name, &[])?;
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, PassEnd> {
        self.enter::<V::Value>("seq ", "", &[])?;
        let (traced, len) = (0, usize::from(!self.quiet));
        visitor.visit_seq(Elements { walk: self.walk, next: 0, traced, len })
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        mut self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, PassEnd> {
        self.enter::<V::Value>(&format!("tuple {len} "), "", &[])?;
        self.elements(len, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, PassEnd> {
        self.enter::<V::Value>(&format!("tuple {len} "), name, &[])?;
        self.elements(len, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, PassEnd> {
        self.enter::<V::Value>("map ", "", &[])?;
        let part = if self.quiet { "" } else { self.part(&["key", "value"])? };
        visitor.visit_map(Entries { walk: self.walk, traced: part })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, PassEnd> {
        self.enter::<V::Value>("struct ", name, fields)?;
        self.fields(fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, PassEnd> {
        self.enter::<V::Value>("enum ", name, variants)?;
        let variant = match self.quiet {
            // Another one at every depth, so that a recursive variant is left sooner or later.
            true => self.walk.vary(variants).ok_or(PassEnd::Refused)?,
            false => self.part(variants)?,
        };
        visitor.visit_enum(Variant { tracer: self, name: variant })
    }
}

/// A name, as field and variant identifiers read it.
pub(super) fn identifier(name: &'static str) -> StrDeserializer<'static, PassEnd> {
    name.into_deserializer()
}
