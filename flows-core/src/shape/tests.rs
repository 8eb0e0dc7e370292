//! What counts as another shape, and what does not.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU8;
use std::time::Duration;

use expect_test::{Expect, expect};
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize};

use super::{describe, fingerprint, trace};
use crate::payload::{Codec, Payload};

#[track_caller]
fn check<T: DeserializeOwned>(expected: Expect) {
    expected.assert_eq(&describe(trace::<T>));
}

#[track_caller]
fn differ<A: DeserializeOwned, B: DeserializeOwned>() {
    assert_ne!(fingerprint::<A>(), fingerprint::<B>(), "{}", describe(trace::<A>));
}

#[track_caller]
fn same<A: DeserializeOwned, B: DeserializeOwned>() {
    assert_eq!(describe(trace::<A>), describe(trace::<B>));
    assert_eq!(fingerprint::<A>(), fingerprint::<B>());
}

/// Declares types in a module of their own, so that several may have one name.
macro_rules! shape {
    ($module:ident: $($item:item)+) => {
        #[allow(dead_code, reason = "only their shape matters")]
        mod $module {
            use super::*;
            $(#[derive(Deserialize)] $item)+
        }
    };
}

shape! { base:
    pub(super) struct Order { customer: String, cents: u64, kind: Kind, lines: Vec<Line> }
    pub(super) enum Kind { Cash, Card { number: String }, Points(u32), Both(u8, u16) }
    pub(super) struct Line { name: String, count: Option<u32> }
}

shape! { copy:
    pub(super) struct Order { customer: String, cents: u64, kind: Kind, lines: Vec<Line> }
    pub(super) enum Kind { Cash, Card { number: String }, Points(u32), Both(u8, u16) }
    pub(super) struct Line { name: String, count: Option<u32> }
}

#[test]
fn a_shape_is_every_way_to_a_leaf() {
    check::<base::Order>(expect![[r#"
        struct Order{customer, cents, kind, lines} .customer str
        struct Order{customer, cents, kind, lines} .cents u64
        struct Order{customer, cents, kind, lines} .kind enum Kind{Cash, Card, Points, Both} .Cash unit
        struct Order{customer, cents, kind, lines} .kind enum Kind{Cash, Card, Points, Both} .Card struct {number} .number str
        struct Order{customer, cents, kind, lines} .kind enum Kind{Cash, Card, Points, Both} .Points newtype u32
        struct Order{customer, cents, kind, lines} .kind enum Kind{Cash, Card, Points, Both} .Both tuple 2 .0 u8
        struct Order{customer, cents, kind, lines} .kind enum Kind{Cash, Card, Points, Both} .Both tuple 2 .1 u16
        struct Order{customer, cents, kind, lines} .lines seq struct Line{name, count} .name str
        struct Order{customer, cents, kind, lines} .lines seq struct Line{name, count} .count option u32
    "#]]);
}

#[test]
fn equal_shapes_have_one_fingerprint() {
    same::<base::Order, copy::Order>();
    assert_eq!(fingerprint::<base::Order>(), fingerprint::<base::Order>());
}

/// Part of the storage format: it must be the same on every machine, for ever.
#[test]
fn a_fingerprint_never_changes() {
    expect!["23950d8e359a3a5b"].assert_eq(&format!("{:016x}", fingerprint::<base::Order>()));
}

shape! { renamed:
    pub(super) struct Order { client: String, cents: u64, kind: base::Kind, lines: Vec<base::Line> }
}
shape! { reordered:
    pub(super) struct Order { cents: u64, customer: String, kind: base::Kind, lines: Vec<base::Line> }
}
shape! { retyped:
    pub(super) struct Order { customer: String, cents: i64, kind: base::Kind, lines: Vec<base::Line> }
}
shape! { removed:
    pub(super) struct Order { customer: String, cents: u64, kind: base::Kind }
}
shape! { purchase:
    pub(super) struct Purchase { customer: String, cents: u64, kind: base::Kind }
}
shape! { added:
    pub(super) struct Order { customer: String, cents: u64, kind: base::Kind, gift: bool }
}
shape! { nested:
    pub(super) struct Order { customer: String, cents: u64, kind: base::Kind, lines: Vec<Line> }
    pub(super) struct Line { name: String, count: u32 }
}

#[test]
fn a_changed_struct_is_another_shape() {
    differ::<base::Order, renamed::Order>();
    differ::<base::Order, reordered::Order>();
    differ::<base::Order, retyped::Order>();
    differ::<base::Order, removed::Order>();
    differ::<removed::Order, added::Order>();
    differ::<removed::Order, purchase::Purchase>();
    differ::<base::Order, nested::Order>();
}

shape! { variant_added:
    pub(super) enum Kind { Cash, Card { number: String }, Points(u32), Both(u8, u16), Free }
}
shape! { variant_renamed:
    pub(super) enum Kind { Cash, Card { number: String }, Miles(u32), Both(u8, u16) }
}
shape! { variants_swapped:
    pub(super) enum Kind { Card { number: String }, Cash, Points(u32), Both(u8, u16) }
}
shape! { variant_retyped:
    pub(super) enum Kind { Cash, Card { number: String }, Points(u32), Both(u8, u32) }
}
shape! { variant_field:
    pub(super) enum Kind { Cash, Card { digits: String }, Points(u32), Both(u8, u16) }
}
shape! { variant_kind:
    pub(super) enum Kind { Cash, Card(String), Points(u32), Both(u8, u16) }
}

#[test]
fn a_changed_enum_is_another_shape() {
    differ::<base::Kind, variant_added::Kind>();
    differ::<base::Kind, variant_renamed::Kind>();
    differ::<base::Kind, variants_swapped::Kind>();
    differ::<base::Kind, variant_retyped::Kind>();
    differ::<base::Kind, variant_field::Kind>();
    differ::<base::Kind, variant_kind::Kind>();
    differ::<Vec<Option<base::Kind>>, Vec<Option<variant_retyped::Kind>>>();
}

#[test]
fn elements_and_lengths_count() {
    differ::<Vec<u8>, Vec<u16>>();
    differ::<Vec<u8>, Option<u8>>();
    differ::<(u8, u16), (u8, u32)>();
    differ::<(u8, u16), (u8, u16, u16)>();
    differ::<[u8; 3], [u8; 4]>();
    differ::<BTreeMap<String, u8>, BTreeMap<u8, u8>>();
    differ::<BTreeMap<String, u8>, BTreeMap<String, u16>>();
    differ::<Result<u8, String>, Result<String, u8>>();
    differ::<(), bool>();
    differ::<f32, f64>();
    same::<HashMap<String, u8>, BTreeMap<String, u8>>();
    same::<Box<str>, String>();
}

shape! { boxed:
    pub(super) struct Wrap<T> { inner: T }
}

#[test]
fn generic_types_are_told_apart() {
    use boxed::Wrap;
    differ::<Wrap<Wrap<u8>>, Wrap<Wrap<u16>>>();
    differ::<(Wrap<u8>, Wrap<u8>), (Wrap<u8>, Wrap<u16>)>();
    differ::<Wrap<u8>, Wrap<Wrap<u8>>>();
}

shape! { recursive:
    pub(super) struct Tree<T> { value: T, children: Vec<Tree<T>>, left: Option<Box<Tree<T>>> }
    pub(super) enum Expr { Not(Box<Expr>), And(Box<Expr>, Box<Expr>), Is(bool), Any { of: Vec<Expr> } }
    pub(super) struct Chain(Option<Box<Chain>>);
    pub(super) struct Odd { even: Option<Box<Even>>, mark: u8 }
    pub(super) struct Even { odd: Option<Box<Odd>>, name: String }
}
shape! { recursive_too:
    pub(super) enum Expr { Not(Box<Expr>), And(Box<Expr>, Box<Expr>), Is(bool), Any { of: Vec<bool> } }
}

#[test]
fn recursive_types_end() {
    check::<recursive::Tree<u8>>(expect![[r#"
        struct Tree{value, children, left} .value u8
        struct Tree{value, children, left} .children seq #0
        struct Tree{value, children, left} .left option #0
    "#]]);
    check::<recursive::Expr>(expect![[r#"
        enum Expr{Not, And, Is, Any} .Not newtype #0
        enum Expr{Not, And, Is, Any} .And tuple 2 .0 #0
        enum Expr{Not, And, Is, Any} .And tuple 2 .1 #0
        enum Expr{Not, And, Is, Any} .Is newtype bool
        enum Expr{Not, And, Is, Any} .Any struct {of} .of seq #0
    "#]]);
    check::<recursive::Chain>(expect![[r#"
        newtype Chain option #0
    "#]]);
    differ::<recursive::Tree<u8>, recursive::Tree<u16>>();
    differ::<recursive::Expr, recursive_too::Expr>();
    differ::<recursive::Odd, recursive::Even>();
}

/// A sequence of itself, without a name.
struct Nest;

impl<'de> Deserialize<'de> for Nest {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Vec::<Self>::deserialize(from).map(|_| Self)
    }
}

#[test]
fn endless_types_end() {
    assert_eq!(describe(trace::<Nest>).lines().count(), 1);
}

/// A type that accepts one text alone.
struct Picky;

impl<'de> Deserialize<'de> for Picky {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        if text == "picky" { Ok(Self) } else { Err(D::Error::custom("not picky")) }
    }
}

/// A type that accepts a date.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Date;

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        if text.ends_with("-01") { Ok(Self) } else { Err(D::Error::custom("no date")) }
    }
}

shape! { picky:
    pub(super) struct Order { id: uuid::Uuid, of: Picky, when: Date, each: NonZeroU8, in_: Duration, n: u64 }
}
shape! { picky_too:
    pub(super) struct Order { id: uuid::Uuid, of: Picky, when: Date, each: NonZeroU8, in_: Duration, n: u32 }
}

#[test]
fn a_type_that_refuses_dummies_hides_nothing_else() {
    check::<picky::Order>(expect![[r#"
        struct Order{id, of, when, each, in_, n} .id bytes
        struct Order{id, of, when, each, in_, n} .of str
        struct Order{id, of, when, each, in_, n} .when str
        struct Order{id, of, when, each, in_, n} .each u8
        struct Order{id, of, when, each, in_, n} .in_ struct Duration{secs, nanos} .secs u64
        struct Order{id, of, when, each, in_, n} .in_ struct Duration{secs, nanos} .nanos u32
        struct Order{id, of, when, each, in_, n} .n u64
    "#]]);
    differ::<picky::Order, picky_too::Order>();
    differ::<(uuid::Uuid, u8), (uuid::Uuid, u16)>();
    differ::<(Date, u8), (Date, u16)>();
    differ::<(NonZeroU8, u8), (NonZeroU8, u16)>();
    differ::<BTreeMap<Date, u8>, BTreeMap<Date, u16>>();
    // Behind such a type in a tuple there is no way.
    same::<(Picky, u8), (Picky, u16)>();
}

#[test]
fn a_dummy_of_a_recursive_type_ends() {
    differ::<(recursive::Expr, u8), (recursive::Expr, u16)>();
    differ::<(recursive::Tree<u8>, u8), (recursive::Tree<u8>, u16)>();
    differ::<(base::Order, u8), (base::Order, u16)>();
}

shape! { odd_ones:
    pub(super) enum Never {}
    pub(super) struct Unit;
    pub(super) struct Empty {}
    #[serde(untagged)]
    pub(super) enum Untagged { A(u8), B(String) }
}

#[test]
fn odd_types_have_a_shape() {
    check::<odd_ones::Never>(expect![[r#"
        enum Never nothing
    "#]]);
    check::<odd_ones::Unit>(expect![[r#"
        unit Unit
    "#]]);
    check::<odd_ones::Empty>(expect![[r#"
        struct Empty nothing
    "#]]);
    check::<odd_ones::Untagged>(expect![[r#"
        any
    "#]]);
    check::<[(); 0]>(expect![[r#"
        tuple 0 nothing
    "#]]);
    check::<serde_json::Value>(expect![[r#"
        any
    "#]]);
}

/// What postcard alone would read wrongly: the bytes fit both types.
#[test]
fn drift_is_an_error_instead_of_wrong_values() {
    #[derive(Serialize, Deserialize)]
    struct Transfer {
        from: u32,
        to: u32,
    }
    mod edited {
        #[derive(Debug, serde::Serialize, serde::Deserialize)]
        pub(super) struct Transfer {
            to: u32,
            from: u32,
        }
    }
    let payload = Payload::encode(Codec::Postcard, &Transfer { from: 1, to: 2 }).expect("encodes");
    let kept = payload.decode::<Transfer>().expect("the same type");
    assert_eq!((kept.from, kept.to), (1, 2));
    let error = payload.decode::<edited::Transfer>().expect_err("another shape").to_string();
    assert!(error.contains("a type of another shape"), "{error}");
}
