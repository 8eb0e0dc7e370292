//! What JSON may do with the fields of a struct: leave them out, call them otherwise, add to them.
//!
//! Each question is a pass of its own, beside the one that goes into the field: the struct is given
//! some fields and not others, and its error says what it missed. A type before it that refuses
//! every dummy leaves the question open.

use serde::de::{DeserializeSeed, MapAccess, Visitor};

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
    let question = Question::next(walk, (std::any::type_name::<V::Value>(), fields))?;
    let answer = visitor.visit_map(question.given(walk));
    question.is_answered(walk, answer.as_ref().err());
    answer
}

/// A value with dummies in all fields that it needs.
pub(super) fn dummy<'de, V: Visitor<'de>>(
    walk: &mut Walk,
    fields: Parts,
    visitor: V,
) -> Result<V::Value, PassEnd> {
    let of = (std::any::type_name::<V::Value>(), fields);
    let given = needed(walk, of, fields.len());
    visitor.visit_map(Given::dummies(walk, of, given))
}

type StructFields = (&'static str, Parts);

/// What one pass finds out.
#[derive(Clone, Copy)]
enum Question {
    /// What is in the field.
    Into(&'static str),
    /// Which dummy it accepts.
    Fits(Field),
    /// Whether the struct misses it.
    Missing(Field, usize),
    /// Whether it is another name of the field before it.
    Alias(Field, &'static str),
    /// Whether the struct refuses fields that it does not know.
    Strict,
}

impl Question {
    /// The question of this pass.
    fn next(walk: &mut Walk, of: StructFields) -> Result<Self, PassEnd> {
        let fields = of.1;
        let way = walk.choose(4 * fields.len() + 1);
        let at = way / 4;
        let Some(name) = fields.get(at).copied() else { return Ok(Self::Strict) };
        let field = Field { of, name };
        match (way % 4, at.checked_sub(1)) {
            (0, _) => {
                walk.part(name);
                Ok(Self::Into(name))
            }
            (1, _) => Ok(Self::Fits(field)),
            (2, _) => Ok(Self::Missing(field, at)),
            (_, Some(before)) => Ok(Self::Alias(field, fields[before])),
            (_, None) => {
                walk.fact(None, Fact::Nothing);
                Err(PassEnd::Here)
            }
        }
    }

    /// The fields that the struct is given.
    fn given<'w>(&self, walk: &'w mut Walk) -> Given<'w> {
        match *self {
            Self::Into(name) => Given::traced(walk, name),
            Self::Fits(field) => Given::dummies(walk, field.of, vec![field.name]),
            Self::Missing(field, at) => {
                let needed = needed(walk, field.of, at);
                Given::dummies(walk, field.of, needed)
            }
            Self::Alias(field, before) => Given::dummies(walk, field.of, vec![before, field.name]),
            Self::Strict => Given::dummies(walk, ("", &[]), vec![UNHEARD_OF]),
        }
    }

    /// Notes the answer: nothing, where the struct has accepted what it was given.
    fn is_answered(&self, walk: &mut Walk, answer: Option<&PassEnd>) {
        match (*self, answer) {
            (Self::Into(_), _) | (Self::Fits(_), Some(PassEnd::Refused)) => {}
            (Self::Fits(field), _) => walk.fact(Some(field), Fact::Fits),
            (Self::Missing(field, _), answer) => {
                walk.part(field.name);
                match answer {
                    Some(PassEnd::Missing(missed)) if *missed == field.name => {
                        walk.fact(Some(field), Fact::Required);
                    }
                    None | Some(PassEnd::Missing(_)) => walk.fact(Some(field), Fact::Optional),
                    Some(_) => {}
                }
            }
            (Self::Alias(field, _), answer) => {
                walk.part(field.name);
                match answer {
                    Some(PassEnd::Twice) => walk.fact(Some(field), Fact::Alias),
                    Some(PassEnd::Refused) => {}
                    _ => walk.fact(None, Fact::Nothing),
                }
            }
            (Self::Strict, Some(PassEnd::Unknown)) => walk.fact(None, Fact::Strict),
            (Self::Strict, _) => walk.fact(None, Fact::Nothing),
        }
    }
}

/// The fields before one, as far as they are needed.
fn needed(walk: &Walk, of: StructFields, at: usize) -> Vec<&'static str> {
    let is_needed = |name: &&&'static str| !walk.is_needless(Field { of, name });
    of.1[..at].iter().filter(is_needed).copied().collect()
}

/// Some fields of a struct: one that is traced, or some with the dummy that each is known to accept.
pub(super) struct Given<'w> {
    walk: &'w mut Walk,
    /// StructFields dummies: whose fields they are.
    of: Option<StructFields>,
    given: std::vec::IntoIter<&'static str>,
    now: Option<&'static str>,
}

impl<'w> Given<'w> {
    /// The one field that is traced.
    pub(super) fn traced(walk: &'w mut Walk, field: &'static str) -> Self {
        Self { walk, of: None, given: vec![field].into_iter(), now: None }
    }

    fn dummies(walk: &'w mut Walk, of: StructFields, given: Vec<&'static str>) -> Self {
        Self { walk, of: Some(of), given: given.into_iter(), now: None }
    }
}

impl<'de> MapAccess<'de> for Given<'_> {
    type Error = PassEnd;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, PassEnd> {
        self.now = self.given.next();
        match self.now {
            Some(field) => seed.deserialize(identifier(field)).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, PassEnd> {
        let Some(of) = self.of else { return seed.deserialize(Tracer::new(self.walk)) };
        let field = Field { of, name: self.now.unwrap_or_default() };
        let before = self.walk.fit(field);
        let value = seed.deserialize(Tracer { walk: self.walk, quiet: true });
        self.walk.unfit(before);
        value
    }
}
