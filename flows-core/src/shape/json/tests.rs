//! What JSON sees, and what it does not.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use expect_test::{Expect, expect};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::Shape;

#[track_caller]
fn check<T: DeserializeOwned>(expected: &Expect) {
    let mut out = String::new();
    Shape::of::<T>().json.write(&mut out, 0);
    expected.assert_eq(&out);
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "only its shape matters")]
struct Order {
    id: Uuid,
    customer: String,
    note: Option<String>,
    #[serde(default)]
    gift: bool,
    at: SystemTime,
    #[serde(alias = "amount", alias = "price")]
    cents: u64,
    lines: Vec<Line>,
    first: Line,
    kind: Kind,
    tags: BTreeMap<String, Option<u8>>,
    pair: (u8, String),
    wait: Duration,
    wrapped: Wrapped,
    anything: serde_json::Value,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "only its shape matters")]
#[serde(deny_unknown_fields)]
struct Line {
    id: Uuid,
    #[serde(rename = "of")]
    sku: String,
    #[serde(skip)]
    cached: u8,
    inner: Option<Box<Line>>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "only its shape matters")]
enum Kind {
    Cash,
    Card {
        number: String,
        #[serde(default)]
        kept: bool,
    },
    Points(u32),
    Both(u8, Uuid),
}

#[derive(Deserialize)]
struct Wrapped(#[allow(dead_code, reason = "only its shape matters")] u16);

#[test]
fn a_shape_in_lines() {
    check::<Order>(&expect![[r#"
        struct
          amount (or cents, price): u64
          anything: any
          at: strict struct
            nanos_since_epoch: u32
            secs_since_epoch: u64
          customer: str
          first: strict struct
            id: str
            inner: option of recursive 1 (optional)
            of: str
          gift: bool (optional)
          id: str
          kind: enum
            Both: tuple 2
              0: u8
              1: str
            Card: struct
              kept: bool (optional)
              number: str
            Cash
            Points: u32
          lines: list of strict struct
            id: str
            inner: option of recursive 1 (optional)
            of: str
          note: option of str (optional)
          pair: tuple 2
            0: u8
            1: str
          tags: map of str to option of u8
          wait: strict struct
            nanos: u32
            secs: u64
          wrapped: u16
    "#]]);
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "only its shape matters")]
#[serde(default)]
struct Defaults {
    a: u8,
    b: String,
}

impl Default for Defaults {
    fn default() -> Self {
        Self { a: 1, b: String::new() }
    }
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "only its shape matters")]
#[serde(tag = "type")]
enum Tagged {
    A { a: u8 },
}

/// Accepts one text alone, so that nobody can say what the fields behind it need.
struct Picky;

impl<'de> Deserialize<'de> for Picky {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        if text == "picky" { Ok(Self) } else { Err(serde::de::Error::custom("not picky")) }
    }
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "only its shape matters")]
struct Behind {
    before: u8,
    picky: Picky,
    behind: u8,
}

#[test]
fn odd_ones() {
    check::<()>(&expect![[r#"
        unit
    "#]]);
    check::<Vec<Option<Vec<u8>>>>(&expect![[r#"
        list of option of list of u8
    "#]]);
    check::<Defaults>(&expect![[r#"
        struct
          a: u8 (optional)
          b: str (optional)
    "#]]);
    check::<Tagged>(&expect![[r#"
        any
    "#]]);
    check::<Behind>(&expect![[r#"
        struct
          before: u8
          behind: u8 (perhaps optional)
          picky: str
    "#]]);
}
