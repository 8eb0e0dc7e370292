//! The input of a definition as serde writes and reads it: as a struct that derives both.
//!
//! A derive would be compiled for each definition. Here the fields are a list, `(a, (b, ()))`, and all
//! definitions with the same types of parameters share what is compiled for that list.

#[cfg(test)]
mod tests;

use std::fmt::{self, Display, Formatter};
use std::marker::PhantomData;

use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, Expected, IgnoredAny, MapAccess, SeqAccess,
    Visitor,
};
use serde::ser::{Serialize, SerializeStruct, Serializer};

/// A struct and its fields, by name.
#[derive(Clone, Copy)]
pub struct InputStruct {
    name: &'static str,
    fields: &'static [&'static str],
}

impl InputStruct {
    /// Of this name, with these fields.
    pub const fn new(name: &'static str, fields: &'static [&'static str]) -> Self {
        Self { name, fields }
    }

    /// What derives `Serialize` does so: `values` are references to the fields.
    pub fn write<S: Serializer, L: WriteFields>(
        self,
        serializer: S,
        values: L,
    ) -> Result<S::Ok, S::Error> {
        let mut writer = serializer.serialize_struct(self.name, self.fields.len())?;
        values.write(self.fields, &mut writer)?;
        writer.end()
    }

    /// What derives `Deserialize` does so.
    pub fn read<'de, D: Deserializer<'de>, L: ReadFields<'de>>(
        self,
        deserializer: D,
    ) -> Result<L, D::Error> {
        let Self { name, fields } = self;
        deserializer.deserialize_struct(name, fields, FieldsVisitor { of: self, list: PhantomData })
    }
}

impl Display for InputStruct {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "struct {}", self.name)
    }
}

/// As many elements as it has fields.
impl Expected for InputStruct {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let count = self.fields.len();
        write!(f, "{self} with {count} element{}", if count == 1 { "" } else { "s" })
    }
}

/// A list of references to values.
#[expect(unnameable_types, reason = "nobody else implements or names it")]
pub trait WriteFields {
    /// Writes them as these fields.
    fn write<S: SerializeStruct>(
        self,
        fields: &'static [&'static str],
        to: &mut S,
    ) -> Result<(), S::Error>;
}

impl WriteFields for () {
    fn write<S: SerializeStruct>(
        self,
        _: &'static [&'static str],
        _: &mut S,
    ) -> Result<(), S::Error> {
        Ok(())
    }
}

impl<T: Serialize, L: WriteFields> WriteFields for (&T, L) {
    fn write<S: SerializeStruct>(
        self,
        fields: &'static [&'static str],
        to: &mut S,
    ) -> Result<(), S::Error> {
        if let [field, fields @ ..] = fields {
            to.serialize_field(field, self.0)?;
            self.1.write(fields, to)?;
        }
        Ok(())
    }
}

/// A list of values.
#[expect(unnameable_types, reason = "nobody else implements or names it")]
pub trait ReadFields<'de>: Sized {
    /// Those that have been read.
    type Slots: Default;

    /// Reads the value of the field with this number; `false`, if there was one.
    fn field<A: MapAccess<'de>>(
        slots: &mut Self::Slots,
        number: usize,
        map: &mut A,
    ) -> Result<bool, A::Error>;

    /// All fields, or the error that one of them is missing.
    fn all<E: de::Error>(slots: Self::Slots, fields: &[&'static str]) -> Result<Self, E>;

    /// Reads them in order, from this number.
    fn elements<A: SeqAccess<'de>>(
        number: usize,
        of: InputStruct,
        seq: &mut A,
    ) -> Result<Self, A::Error>;
}

impl<'de> ReadFields<'de> for () {
    type Slots = ();

    fn field<A: MapAccess<'de>>((): &mut (), _: usize, map: &mut A) -> Result<bool, A::Error> {
        map.next_value::<IgnoredAny>().map(|_| true)
    }

    fn all<E: de::Error>((): (), _: &[&'static str]) -> Result<Self, E> {
        Ok(())
    }

    fn elements<A: SeqAccess<'de>>(_: usize, _: InputStruct, _: &mut A) -> Result<Self, A::Error> {
        Ok(())
    }
}

impl<'de, T: Deserialize<'de>, L: ReadFields<'de>> ReadFields<'de> for (T, L) {
    type Slots = (Option<T>, L::Slots);

    fn field<A: MapAccess<'de>>(
        (slot, others): &mut Self::Slots,
        number: usize,
        map: &mut A,
    ) -> Result<bool, A::Error> {
        if let Some(number) = number.checked_sub(1) {
            return L::field(others, number, map);
        }
        let is_first = slot.is_none();
        if is_first {
            *slot = Some(map.next_value()?);
        }
        Ok(is_first)
    }

    fn all<E: de::Error>((slot, others): Self::Slots, fields: &[&'static str]) -> Result<Self, E> {
        let (field, fields) = fields.split_first().unwrap_or((&"", &[]));
        let value = match slot {
            Some(value) => value,
            None => T::deserialize(MissingField { field, error: PhantomData })?,
        };
        Ok((value, L::all(others, fields)?))
    }

    fn elements<A: SeqAccess<'de>>(
        number: usize,
        of: InputStruct,
        seq: &mut A,
    ) -> Result<Self, A::Error> {
        match seq.next_element()? {
            Some(value) => Ok((value, L::elements(number + 1, of, seq)?)),
            None => Err(de::Error::invalid_length(number, &of)),
        }
    }
}

struct FieldsVisitor<L> {
    of: InputStruct,
    list: PhantomData<L>,
}

impl<'de, L: ReadFields<'de>> Visitor<'de> for FieldsVisitor<L> {
    type Value = L;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.of, f)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<L, A::Error> {
        let (fields, mut slots) = (self.of.fields, L::Slots::default());
        while let Some(number) = map.next_key_seed(FieldNames(fields))? {
            if !L::field(&mut slots, number, &mut map)? {
                return Err(de::Error::duplicate_field(fields[number]));
            }
        }
        L::all(slots, fields)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<L, A::Error> {
        L::elements(0, self.of, &mut seq)
    }
}

/// Reads the name of a field as its number; the number behind the last for any other.
struct FieldNames(&'static [&'static str]);

impl FieldNames {
    fn number(&self, is_it: impl Fn(&str) -> bool) -> usize {
        self.0.iter().position(|name| is_it(name)).unwrap_or(self.0.len())
    }
}

impl<'de> DeserializeSeed<'de> for FieldNames {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for FieldNames {
    type Value = usize;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("field identifier")
    }

    fn visit_u64<E>(self, number: u64) -> Result<usize, E> {
        let len = self.0.len();
        Ok(usize::try_from(number).map_or(len, |number| number.min(len)))
    }

    fn visit_str<E>(self, name: &str) -> Result<usize, E> {
        Ok(self.number(|field| field == name))
    }

    fn visit_bytes<E>(self, name: &[u8]) -> Result<usize, E> {
        Ok(self.number(|field| field.as_bytes() == name))
    }
}

/// A field that is missing: `None`, where it is an `Option`, and an error elsewhere.
struct MissingField<E> {
    field: &'static str,
    error: PhantomData<E>,
}

impl<'de, E: de::Error> Deserializer<'de> for MissingField<E> {
    type Error = E;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, E> {
        Err(E::missing_field(self.field))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        visitor.visit_none()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
