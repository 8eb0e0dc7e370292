//! What JSON may do with the fields of a struct: leave them out, call them otherwise, add to them.
//!
//! Each question is a pass of its own, beside the one that goes into the field: the struct is given
//! some fields and not others, and its error says what it missed. A type before it that refuses
//! every dummy leaves the question open.

use serde::de::{DeserializeSeed, MapAccess, Visitor};

use super::access::TracedField;
use super::tracer::{Parts, PassEnd, Tracer, identifier};
use super::walk::{Fact, Field, Walk};

/// No struct knows a field of this name.
const UNHEARD_OF: &str = "\u{1}unheard of";

/// One pass at a struct: into a field, or a question about one.
pub(super) fn field<'de, V: Visitor<'de>>(
    tracer: Tracer<'_>,
    fields: Parts,
    visitor: V,
) -> Result<V::Value, PassEnd> {
    let walk = tracer.walk;
    let way = walk.choose(4 * fields.len() + 1);
    let at = way / 4;
    let Some(name) = fields.get(at).copied() else {
        return strict(walk, visitor);
    };
    let of = (std::any::type_name::<V::Value>(), fields);
    match way % 4 {
        0 => {
            walk.part(name);
            visitor.visit_map(TracedField { walk, field: Some(name) })
        }
        1 => fits(walk, of, at, visitor),
        2 => missing(walk, of, at, visitor),
        _ => alias(walk, of, at, visitor),
    }
}

/// A value with dummies in all fields that it needs.
pub(super) fn dummy<'de, V: Visitor<'de>>(
    walk: &mut Walk,
    fields: Parts,
    visitor: V,
) -> Result<V::Value, PassEnd> {
    let of = (std::any::type_name::<V::Value>(), fields);
    visitor.visit_map(needed(walk, of, fields.len()))
}

type VariantOf = (&'static str, Parts);

/// The fields before one, as far as they are needed.
fn needed(walk: &mut Walk, of: VariantOf, at: usize) -> Given<'_> {
    let needed = |name: &&&'static str| !walk.is_needless(Field { of, name });
    let given: Vec<_> = of.1[..at].iter().filter(needed).copied().collect();
    Given { walk, of, given: given.into_iter(), now: None }
}

/// Gives it one field, to learn which dummy that accepts.
fn fits<'de, V: Visitor<'de>>(
    walk: &mut Walk,
    of: VariantOf,
    at: usize,
    visitor: V,
) -> Result<V::Value, PassEnd> {
    let name = of.1[at];
    let given = vec![name].into_iter();
    let answer = visitor.visit_map(Given { walk, of, given, now: None });
    if !answer_is(&answer, &PassEnd::Refused) {
        walk.fact(Some(Field { of, name }), Fact::Fits);
    }
    answer
}

/// Gives it what stands before a field, as far as it is needed, and nothing more.
fn missing<'de, V: Visitor<'de>>(
    walk: &mut Walk,
    of: VariantOf,
    at: usize,
    visitor: V,
) -> Result<V::Value, PassEnd> {
    let name = of.1[at];
    let answer = visitor.visit_map(needed(walk, of, at));
    walk.part(name);
    let field = Some(Field { of, name });
    match &answer {
        Err(PassEnd::Missing(missed)) if *missed == name => walk.fact(field, Fact::Required),
        Ok(_) | Err(PassEnd::Missing(_)) => walk.fact(field, Fact::Optional),
        Err(_) => {}
    }
    answer
}

/// Gives it the field before this one, and this one.
fn alias<'de, V: Visitor<'de>>(
    walk: &mut Walk,
    of: VariantOf,
    at: usize,
    visitor: V,
) -> Result<V::Value, PassEnd> {
    let name = of.1[at];
    let Some(before) = at.checked_sub(1) else {
        walk.fact(None, Fact::Nothing);
        return Err(PassEnd::Here);
    };
    let given = vec![of.1[before], name].into_iter();
    let answer = visitor.visit_map(Given { walk, of, given, now: None });
    walk.part(name);
    match &answer {
        Err(PassEnd::Twice) => walk.fact(Some(Field { of, name }), Fact::Alias),
        Err(PassEnd::Refused) => {}
        _ => walk.fact(None, Fact::Nothing),
    }
    answer
}

/// Gives it a field that it cannot know.
fn strict<'de, V: Visitor<'de>>(walk: &mut Walk, visitor: V) -> Result<V::Value, PassEnd> {
    let given = vec![UNHEARD_OF].into_iter();
    let answer = visitor.visit_map(Given { walk, of: ("", &[]), given, now: None });
    let is_strict = answer_is(&answer, &PassEnd::Unknown);
    walk.fact(None, if is_strict { Fact::Strict } else { Fact::Nothing });
    answer
}

fn answer_is<T>(answer: &Result<T, PassEnd>, stop: &PassEnd) -> bool {
    matches!(answer, Err(given) if given == stop)
}

/// Some fields, each with the dummy that it is known to accept.
struct Given<'w> {
    walk: &'w mut Walk,
    of: VariantOf,
    given: std::vec::IntoIter<&'static str>,
    now: Option<&'static str>,
}

impl<'de> MapAccess<'de> for Given<'_> {
    type Error = PassEnd;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, PassEnd> {
        self.now = self.given.next();
        self.now.map(|field| seed.deserialize(identifier(field))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, PassEnd> {
        let field = Field { of: self.of, name: self.now.unwrap_or_default() };
        let before = self.walk.fit(field);
        let value = seed.deserialize(Tracer { walk: self.walk, quiet: true });
        self.walk.unfit(before);
        value
    }
}
