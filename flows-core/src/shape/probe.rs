//! What JSON may do with the fields of a struct: leave them out, call them otherwise, add to them.
//!
//! Each question is a pass of its own, beside the one that goes into the field: the struct is given
//! some fields and not others, and its error says what it missed. A type before it that refuses
//! every dummy leaves the question open.

use serde::de::{DeserializeSeed, MapAccess, Visitor};

use super::access::Fields;
use super::tracer::{Parts, Stop, Tracer, identifier};
use super::walk::{Fact, Walk};

/// No struct knows a field of this name.
const UNHEARD_OF: &str = "\u{1}unheard of";

/// One pass at a struct: into a field, or a question about one.
pub(super) fn field<'de, V: Visitor<'de>>(
    tracer: Tracer<'_>,
    fields: Parts,
    visitor: V,
) -> Result<V::Value, Stop> {
    let walk = tracer.walk;
    let way = walk.choose(3 * fields.len() + 1);
    let at = way / 3;
    let Some(field) = fields.get(at).copied() else {
        return strict(walk, visitor);
    };
    match way % 3 {
        0 => {
            walk.part(field);
            visitor.visit_map(Fields { walk, field: Some(field) })
        }
        1 => missing(walk, fields, at, visitor),
        _ => alias(walk, fields, at, visitor),
    }
}

/// Gives it what stands before a field, as far as it is needed, and nothing more.
fn missing<'de, V: Visitor<'de>>(
    walk: &mut Walk,
    fields: Parts,
    at: usize,
    visitor: V,
) -> Result<V::Value, Stop> {
    let needed = fields[..at].iter().filter(|field| !walk.may_be_missing(field));
    let given: Vec<_> = needed.copied().collect();
    walk.part(fields[at]);
    let answer = visitor.visit_map(Given { walk, given: given.into_iter() });
    match &answer {
        Err(Stop::Missing(name)) if *name == fields[at] => walk.fact(Fact::Required),
        Ok(_) | Err(Stop::Missing(_)) => walk.fact(Fact::Optional),
        Err(_) => {}
    }
    answer
}

/// Gives it the field before this one, and this one.
fn alias<'de, V: Visitor<'de>>(
    walk: &mut Walk,
    fields: Parts,
    at: usize,
    visitor: V,
) -> Result<V::Value, Stop> {
    let Some(before) = at.checked_sub(1) else {
        walk.fact(Fact::Nothing);
        return Err(Stop::Here);
    };
    walk.part(fields[at]);
    let given = [fields[before], fields[at]];
    let answer = visitor.visit_map(Given { walk, given: Vec::from(given).into_iter() });
    match &answer {
        Err(Stop::Twice) => walk.fact(Fact::Alias),
        Err(Stop::Refused) => {}
        _ => walk.fact(Fact::Nothing),
    }
    answer
}

/// Gives it a field that it cannot know.
fn strict<'de, V: Visitor<'de>>(walk: &mut Walk, visitor: V) -> Result<V::Value, Stop> {
    let answer = visitor.visit_map(Given { walk, given: vec![UNHEARD_OF].into_iter() });
    walk.fact(if answer_is(&answer, &Stop::Unknown) { Fact::Strict } else { Fact::Nothing });
    answer
}

fn answer_is<T>(answer: &Result<T, Stop>, stop: &Stop) -> bool {
    matches!(answer, Err(given) if given == stop)
}

/// Some fields, each with a dummy.
struct Given<'w> {
    walk: &'w mut Walk,
    given: std::vec::IntoIter<&'static str>,
}

impl<'de> MapAccess<'de> for Given<'_> {
    type Error = Stop;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Stop> {
        self.given.next().map(|field| seed.deserialize(identifier(field))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Stop> {
        seed.deserialize(Tracer { walk: self.walk, quiet: true })
    }
}
