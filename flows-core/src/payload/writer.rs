//! JSON as it is stored: what cannot be read back is refused where it is written.
//!
//! `serde_json` writes NaN as `null` and nests deeper than it reads. This serializer refuses both. Where
//! values are compared with others that were made again, it sorts the entries of maps and the elements
//! of hash sets. In its canonical forms it writes what PostgreSQL gives back for JSONB: keys in JSONB's
//! order and once each, numbers without exponents; as a column even its spaces, byte by byte.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt::Display;
use std::ops::Range;

use serde::ser::{self, Serialize};

use super::Writable;

/// The deepest nesting that `serde_json` reads.
const DEEPEST: u8 = 127;
/// How `serde_json` announces values that are JSON text already, and numbers that are digits.
const RAW: &str = "$serde_json::private::RawValue";
const NUMBER: &str = "$serde_json::private::Number";

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// In its own order.
    Plain,
    /// The same, but equal values are written alike: maps and hash sets are sorted.
    Stable,
    /// As JSONB orders it.
    Canonical,
    /// The same, with the spaces that JSONB is shown with.
    Column,
}

impl Form {
    fn is_canonical(self) -> bool {
        matches!(self, Self::Canonical | Self::Column)
    }

    fn comma(self) -> &'static [u8] {
        if self == Self::Column { b", " } else { b"," }
    }

    fn colon(self) -> &'static [u8] {
        if self == Self::Column { b": " } else { b":" }
    }
}

/// A value as JSON.
pub(super) fn write(value: &dyn Writable, form: Form) -> Result<Vec<u8>, Unwritable> {
    written(value, form).map(|(text, _)| text)
}

/// The same, and whether it has maps or hash sets, whose order may be another each time.
pub(super) fn written(value: &dyn Writable, form: Form) -> Result<(Vec<u8>, bool), Unwritable> {
    let (mut out, unordered) = (Vec::with_capacity(64), Cell::new(false));
    value.write(Writer { out: &mut out, unordered: &unordered, form, depth: 0 })?;
    Ok((out, unordered.get()))
}

/// Why a value cannot be written.
#[derive(Debug)]
pub(super) struct Unwritable(String);

impl Unwritable {
    fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

impl Display for Unwritable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unwritable {}

impl ser::Error for Unwritable {
    fn custom<T: Display>(why: T) -> Self {
        Self(why.to_string())
    }
}

pub(super) struct Writer<'a> {
    out: &'a mut Vec<u8>,
    unordered: &'a Cell<bool>,
    form: Form,
    depth: u8,
}

impl<'a> Writer<'a> {
    fn text(self, text: &str) -> Result<(), Unwritable> {
        self.out.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn number(self, value: impl Serialize) -> Result<(), Unwritable> {
        serde_json::to_writer(self.out, &value).map_err(ser::Error::custom)
    }

    /// The shortest digits that are read as the same number, without an exponent. JSONB has no
    /// negative zero.
    fn float(self, value: f64, digits: String) -> Result<(), Unwritable> {
        if !value.is_finite() {
            let why = "NaN and infinity cannot be written as JSON: use an Option, a text, or \
                       `codec = \"postcard\"`";
            return Err(Unwritable::new(why));
        }
        let digits = if self.form.is_canonical() && digits == "-0.0" { "0.0" } else { &digits };
        self.text(digits)
    }

    fn deeper(&self) -> Result<u8, Unwritable> {
        let too_deep = || Unwritable::new(format!("it is nested deeper than {DEEPEST} levels"));
        Some(self.depth + 1).filter(|depth| *depth <= DEEPEST).ok_or_else(too_deep)
    }

    fn items(self, is_set: bool) -> Result<Items<'a>, Unwritable> {
        let (depth, start) = (self.deeper()?, self.out.len());
        self.out.push(b'[');
        if is_set {
            self.unordered.set(true);
        }
        let ends = (is_set && self.form != Form::Plain).then(Vec::new);
        let Self { out, unordered, form, .. } = self;
        Ok(Items { writer: Writer { out, unordered, form, depth }, start, ends, wrapped: false })
    }

    fn fields(self, sorted: bool) -> Result<Fields<'a>, Unwritable> {
        let (depth, start) = (self.deeper()?, self.out.len());
        let Self { out, unordered, form, .. } = self;
        out.push(b'{');
        let (writer, entries) = (Writer { out, unordered, form, depth }, sorted.then(Vec::new));
        Ok(Fields { writer, start, entries, key: None, wrapped: false })
    }

    /// `{"Variant":`, which somebody closes.
    fn variant(self, variant: &'static str) -> Result<Self, Unwritable> {
        let depth = self.deeper()?;
        let Self { out, unordered, form, .. } = self;
        out.push(b'{');
        quote(out, variant)?;
        out.extend_from_slice(form.colon());
        Ok(Self { out, unordered, form, depth })
    }
}

fn quote(out: &mut Vec<u8>, text: &str) -> Result<(), Unwritable> {
    serde_json::to_writer(out, text).map_err(ser::Error::custom)
}

/// The digits of a float, with a point: so that it is read as a float again.
fn with_point(mut digits: String) -> String {
    if !digits.contains('.') {
        digits.push_str(".0");
    }
    digits
}

/// Whether a collection of this type gives its elements in another order each time it is made.
fn is_unordered<I>() -> bool {
    let name = std::any::type_name::<I>().trim_start_matches('&');
    name.split('<').next().is_some_and(|name| name.ends_with("::HashSet"))
}

/// The elements of an array.
pub(super) struct Items<'a> {
    writer: Writer<'a>,
    start: usize,
    /// Where each element of a set ends, to sort them.
    ends: Option<Vec<usize>>,
    /// It is what a variant has.
    wrapped: bool,
}

impl Items<'_> {
    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        let Writer { out, unordered, form, depth } = &mut self.writer;
        let (form, depth) = (*form, *depth);
        if self.ends.is_none() && out.len() > self.start + 1 {
            out.extend_from_slice(form.comma());
        }
        value.serialize(Writer { out, unordered, form, depth })?;
        if let Some(ends) = &mut self.ends {
            ends.push(out.len());
        }
        Ok(())
    }

    fn close(self) -> Result<(), Unwritable> {
        let Writer { out, form, .. } = self.writer;
        if let Some(ends) = self.ends {
            let all = out.split_off(self.start + 1);
            let mut from = self.start + 1;
            let mut items: Vec<&[u8]> = Vec::with_capacity(ends.len());
            for end in ends {
                items.push(&all[from - self.start - 1..end - self.start - 1]);
                from = end;
            }
            items.sort_unstable();
            out.extend_from_slice(&items.join(form.comma()));
        }
        out.push(b']');
        if self.wrapped {
            out.push(b'}');
        }
        Ok(())
    }
}

/// The entries of an object.
pub(super) struct Fields<'a> {
    writer: Writer<'a>,
    start: usize,
    /// Where they must be in order: their keys, and where each begins and ends.
    entries: Option<Vec<(Cow<'static, str>, Range<usize>)>>,
    key: Option<Cow<'static, str>>,
    /// It is what a variant has.
    wrapped: bool,
}

impl Fields<'_> {
    fn push<T: Serialize + ?Sized>(
        &mut self,
        key: Cow<'static, str>,
        value: &T,
    ) -> Result<(), Unwritable> {
        let Writer { out, unordered, form, depth } = &mut self.writer;
        if out.len() > self.start + 1 {
            out.extend_from_slice(form.comma());
        }
        let begin = out.len();
        quote(out, &key)?;
        out.extend_from_slice(form.colon());
        value.serialize(Writer { out, unordered, form: *form, depth: *depth })?;
        if let Some(entries) = &mut self.entries {
            entries.push((key, begin..out.len()));
        }
        Ok(())
    }

    fn close(self) {
        let Writer { out, form, .. } = self.writer;
        if let Some(entries) = self.entries
            && !entries.is_sorted_by(|(one, _), (next, _)| order(one) < order(next))
        {
            sort(out, self.start + 1, entries, form);
        }
        out.push(b'}');
        if self.wrapped {
            out.push(b'}');
        }
    }
}

/// JSONB's order of keys.
fn order(key: &str) -> (usize, &str) {
    (key.len(), key)
}

/// Puts entries that begin there in order.
fn sort(
    out: &mut Vec<u8>,
    start: usize,
    mut entries: Vec<(Cow<'static, str>, Range<usize>)>,
    form: Form,
) {
    let written = out.split_off(start);
    entries.sort_by(|(one, _), (other, _)| order(one).cmp(&order(other)));
    for (index, (key, at)) in entries.iter().enumerate() {
        if form.is_canonical() && entries.get(index + 1).is_some_and(|(next, _)| next == key) {
            continue; // the last of one name counts
        }
        if out.len() > start {
            out.extend_from_slice(form.comma());
        }
        out.extend_from_slice(&written[at.start - start..at.end - start]);
    }
}

/// What a map's key is as the key of an object.
fn key_of<T: Serialize + ?Sized>(key: &T) -> Result<String, Unwritable> {
    let text = write(&key, Form::Plain)?;
    let text = String::from_utf8(text).map_err(ser::Error::custom)?;
    match text.as_bytes().first() {
        Some(b'"') => serde_json::from_str(&text).map_err(ser::Error::custom),
        Some(b'[' | b'{' | b'n') | None => {
            Err(Unwritable::new("the keys of a map must be texts or numbers: use a list of pairs"))
        }
        Some(_) => Ok(text),
    }
}

/// Whole numbers are written alike.
macro_rules! numbers {
    ($($method:ident($number:ty))+) => {$(
        fn $method(self, value: $number) -> Result<(), Unwritable> {
            self.number(value)
        }
    )+};
}

impl<'a> ser::Serializer for Writer<'a> {
    type Ok = ();
    type Error = Unwritable;
    type SerializeSeq = Items<'a>;
    type SerializeTuple = Items<'a>;
    type SerializeTupleStruct = Items<'a>;
    type SerializeTupleVariant = Items<'a>;
    type SerializeMap = Fields<'a>;
    type SerializeStruct = Struct<'a>;
    type SerializeStructVariant = Fields<'a>;

    fn serialize_bool(self, v: bool) -> Result<(), Unwritable> {
        self.text(if v { "true" } else { "false" })
    }

    numbers! {
        serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64) serialize_i128(i128)
        serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64) serialize_u128(u128)
    }

    fn serialize_f32(self, v: f32) -> Result<(), Unwritable> {
        self.float(v.into(), with_point(v.to_string()))
    }

    fn serialize_f64(self, v: f64) -> Result<(), Unwritable> {
        self.float(v, with_point(v.to_string()))
    }

    fn serialize_char(self, v: char) -> Result<(), Unwritable> {
        self.serialize_str(v.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, v: &str) -> Result<(), Unwritable> {
        quote(self.out, v)
    }

    fn serialize_bytes(self, v: &[u8]) -> Result<(), Unwritable> {
        self.collect_seq(v)
    }

    fn serialize_none(self) -> Result<(), Unwritable> {
        self.text("null")
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unwritable> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Unwritable> {
        self.text("null")
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Unwritable> {
        self.text("null")
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Unwritable> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Unwritable> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Unwritable> {
        let Writer { out, unordered, form, depth } = self.variant(variant)?;
        value.serialize(Writer { out, unordered, form, depth })?;
        out.push(b'}');
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Items<'a>, Unwritable> {
        self.items(false)
    }

    /// Tells a hash set from a list, which `serialize_seq` cannot.
    fn collect_seq<I>(self, iter: I) -> Result<(), Unwritable>
    where
        I: IntoIterator,
        I::Item: Serialize,
    {
        let mut items = self.items(is_unordered::<I>())?;
        iter.into_iter().try_for_each(|item| items.push(&item))?;
        items.close()
    }

    fn serialize_tuple(self, _: usize) -> Result<Items<'a>, Unwritable> {
        self.items(false)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Items<'a>, Unwritable> {
        self.items(false)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Items<'a>, Unwritable> {
        Ok(Items { wrapped: true, ..self.variant(variant)?.items(false)? })
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Fields<'a>, Unwritable> {
        let sorted = self.form != Form::Plain;
        self.unordered.set(true);
        self.fields(sorted)
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Struct<'a>, Unwritable> {
        match name {
            RAW | NUMBER => Ok(Struct::Json(self)),
            _ => {
                let sorted = self.form.is_canonical();
                self.fields(sorted).map(Struct::Fields)
            }
        }
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Fields<'a>, Unwritable> {
        let sorted = self.form.is_canonical();
        Ok(Fields { wrapped: true, ..self.variant(variant)?.fields(sorted)? })
    }
}

/// A struct, or what only looks like one.
pub(super) enum Struct<'a> {
    Fields(Fields<'a>),
    /// JSON text.
    Json(Writer<'a>),
}

impl Struct<'_> {
    /// Takes over JSON text; in the canonical form, as what it is read as.
    fn json<T: Serialize + ?Sized>(writer: &mut Writer<'_>, value: &T) -> Result<(), Unwritable> {
        let Writer { out, unordered, form, depth } = writer;
        let quoted = write(&value, Form::Plain)?;
        let text: String = serde_json::from_slice(&quoted).map_err(ser::Error::custom)?;
        if !form.is_canonical() {
            out.extend_from_slice(text.as_bytes());
            return Ok(());
        }
        let value: serde_json::Value = serde_json::from_str(&text).map_err(ser::Error::custom)?;
        value.serialize(Writer { out, unordered, form: *form, depth: *depth })
    }
}

impl ser::SerializeStruct for Struct<'_> {
    type Ok = ();
    type Error = Unwritable;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), Unwritable> {
        match self {
            Self::Fields(fields) => fields.push(key.into(), value),
            Self::Json(writer) => Self::json(writer, value),
        }
    }

    fn end(self) -> Result<(), Unwritable> {
        match self {
            Self::Fields(fields) => {
                fields.close();
                Ok(())
            }
            Self::Json(_) => Ok(()),
        }
    }
}

impl ser::SerializeStructVariant for Fields<'_> {
    type Ok = ();
    type Error = Unwritable;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), Unwritable> {
        self.push(key.into(), value)
    }

    fn end(self) -> Result<(), Unwritable> {
        self.close();
        Ok(())
    }
}

impl ser::SerializeMap for Fields<'_> {
    type Ok = ();
    type Error = Unwritable;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unwritable> {
        self.key = Some(key_of(key)?.into());
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        let key = self.key.take().ok_or_else(|| Unwritable::new("a value in front of its key"))?;
        self.push(key, value)
    }

    fn end(self) -> Result<(), Unwritable> {
        self.close();
        Ok(())
    }
}

/// All kinds of lists are written alike.
macro_rules! list {
    ($($kind:ident $element:ident),*) => {$(
        impl ser::$kind for Items<'_> {
            type Ok = ();
            type Error = Unwritable;

            fn $element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
                self.push(value)
            }

            fn end(self) -> Result<(), Unwritable> {
                self.close()
            }
        }
    )*};
}

list!(
    SerializeSeq serialize_element,
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field
);
