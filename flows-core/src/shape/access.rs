//! What the tracer hands to visitors: elements, entries, fields, variants.
//!
//! Each leads to the one part that this pass traces. What has to come before that is a dummy, and
//! nothing comes behind it.

use serde::de::{DeserializeSeed, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::tracer::{PassEnd, Tracer, identifier};
use super::walk::Walk;

/// Elements of a sequence or a tuple, one of which is traced.
pub(super) struct Elements<'w> {
    pub(super) walk: &'w mut Walk,
    pub(super) next: usize,
    pub(super) traced: usize,
    pub(super) len: usize,
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = PassEnd;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, PassEnd> {
        if self.next == self.len {
            return Ok(None);
        }
        let quiet = self.next != self.traced;
        self.next += 1;
        seed.deserialize(Tracer { walk: self.walk, quiet }).map(Some)
    }
}

/// The entry of a map, whose key or value is traced; without either, an empty map.
pub(super) struct Entries<'w> {
    pub(super) walk: &'w mut Walk,
    pub(super) traced: &'static str,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = PassEnd;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, PassEnd> {
        if self.traced.is_empty() {
            return Ok(None);
        }
        let quiet = self.traced != "key";
        seed.deserialize(Tracer { walk: self.walk, quiet }).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, PassEnd> {
        seed.deserialize(Tracer::new(self.walk))
    }
}

/// A variant of an enum.
pub(super) struct Variant<'w> {
    pub(super) tracer: Tracer<'w>,
    pub(super) name: &'static str,
}

impl<'de, 'w> EnumAccess<'de> for Variant<'w> {
    type Error = PassEnd;
    type Variant = Tracer<'w>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Tracer<'w>), PassEnd> {
        Ok((seed.deserialize(identifier(self.name))?, self.tracer))
    }
}

impl<'de> VariantAccess<'de> for Tracer<'_> {
    type Error = PassEnd;

    fn unit_variant(self) -> Result<(), PassEnd> {
        if self.quiet {
            return Ok(());
        }
        self.walk.leaf("unit");
        Err(PassEnd::Here)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, PassEnd> {
        if !self.quiet {
            self.walk.enter("newtype ", "", &[], None);
        }
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, PassEnd> {
        if !self.quiet {
            self.walk.enter(&format!("tuple {len} "), "", &[], None);
        }
        self.elements(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, PassEnd> {
        if !self.quiet {
            self.walk.enter("struct ", "", fields, None);
        }
        self.fields(fields, visitor)
    }
}
