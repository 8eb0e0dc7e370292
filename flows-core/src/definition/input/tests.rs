//! An input is written and read as serde's derives would do it: the same text and bytes, the same values,
//! the same words where it cannot be read, and the same shape.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::InputStruct;
use crate::payload::{Codec, Payload};
use crate::shape::Shape;

const ORDER: InputStruct =
    InputStruct::new("__order_Input", &["customer", "cents", "note", "lines"]);

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[expect(non_camel_case_types, reason = "as the macros name it")]
struct __order_Input {
    customer: String,
    cents: u64,
    note: Option<String>,
    lines: Vec<(String, f64)>,
}

type Derived = __order_Input;

#[derive(PartialEq, Debug)]
struct Listed {
    customer: String,
    cents: u64,
    note: Option<String>,
    lines: Vec<(String, f64)>,
}

impl Serialize for Listed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { customer, cents, note, lines } = self;
        ORDER.write(serializer, (customer, (cents, (note, (lines, ())))))
    }
}

impl<'de> Deserialize<'de> for Listed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (customer, (cents, (note, (lines, ())))) = ORDER.read(deserializer)?;
        Ok(Self { customer, cents, note, lines })
    }
}

/// A struct with one field, and one with none.
#[derive(Serialize, Deserialize, Debug)]
struct One {
    only: u8,
}

#[derive(Serialize, Deserialize, Debug)]
struct Nothing {}

fn values() -> (Derived, Listed) {
    let lines = vec![("tea".to_owned(), 1e16), ("pot".to_owned(), 0.1)];
    let (customer, cents, note) = ("Ada \"x\"".to_owned(), u64::MAX, Some("é".to_owned()));
    let derived =
        Derived { customer: customer.clone(), cents, note: note.clone(), lines: lines.clone() };
    (derived, Listed { customer, cents, note, lines })
}

/// Both are read from this alike.
#[track_caller]
fn check(json: &str) {
    let derived = serde_json::from_str::<Derived>(json).map_err(|error| error.to_string());
    let listed = serde_json::from_str::<Listed>(json).map_err(|error| error.to_string());
    let fields = |it: Derived| (it.customer, it.cents, it.note, it.lines);
    let same = |it: Listed| (it.customer, it.cents, it.note, it.lines);
    assert_eq!(listed.map(same), derived.map(fields), "{json}");
}

#[test]
fn it_is_written_alike() -> crate::Result<()> {
    let (derived, listed) = values();
    assert_eq!(Payload::json(&listed)?, Payload::json(&derived)?);
    assert_eq!(Payload::column(&listed)?, Payload::column(&derived)?);
    let (derived, listed) =
        (Payload::encode(Codec::Postcard, &derived)?, Payload::encode(Codec::Postcard, &listed)?);
    assert_eq!(listed, derived);
    assert_eq!(derived.decode::<Listed>()?, values().1);
    assert_eq!(listed.decode::<Derived>()?, values().0);
    Ok(())
}

#[test]
fn it_has_the_same_shape() {
    assert_eq!(Shape::of::<Listed>(), Shape::of::<Derived>());
}

#[test]
fn it_is_read_alike() {
    for json in [
        r#"{"customer": "Ada", "cents": 5, "note": null, "lines": [["tea", 2]]}"#,
        r#"{"lines": [], "cents": 5, "customer": "Ada"}"#,
        r#"{"customer": "Ada", "cents": 5, "other": {"a": [1]}, "lines": []}"#,
        r#"["Ada", 5, "n", []]"#,
        "",
        "{}",
        "[]",
        "null",
        "7",
        "\"text\"",
        r#"{"customer": "Ada"}"#,
        r#"{"customer": "Ada", "cents": 5, "note": "n"}"#,
        r#"{"customer": "Ada", "customer": "Bob", "cents": 5, "lines": []}"#,
        r#"{"lines": [], "lines": []}"#,
        r#"{"customer": 7, "cents": 5, "lines": []}"#,
        "{\"customer\": \"Ada\",\n \"cents\": -5}",
        r#"{"customer": "Ada", "cents": 5, "note": 5}"#,
        r#"{"customer": "Ada", "cents": 5, "note": "n", "lines": [["tea"]]}"#,
        r#"["Ada", 5, "n"]"#,
        r#"["Ada", 5, "n", [], 6]"#,
        r#"["Ada"]"#,
        r#"{"customer": "Ada", "cents": 5, "lines": []} 1"#,
        r#"{"customer": "Ada", "cents""#,
    ] {
        check(json);
    }
}

#[test]
fn the_words_count_elements_as_a_derive_does() {
    fn of(name: &'static str, fields: &'static [&'static str], json: &str) -> String {
        struct Seed(InputStruct);
        impl<'de> serde::de::DeserializeSeed<'de> for Seed {
            type Value = ();
            fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
                if self.0.fields.is_empty() {
                    return self.0.read::<D, ()>(from);
                }
                self.0.read::<D, (u8, ())>(from).map(drop)
            }
        }
        let mut from = serde_json::Deserializer::from_str(json);
        let read = serde::de::DeserializeSeed::deserialize(
            Seed(InputStruct::new(name, fields)),
            &mut from,
        );
        format!("{:?}", read.map_err(|error| error.to_string()))
    }
    let one = serde_json::from_str::<One>("[]").expect_err("nothing is in it");
    assert_eq!(of("One", &["only"], "[]"), format!("Err({:?})", one.to_string()));
    let nothing = serde_json::from_str::<Nothing>("5").expect_err("a number");
    assert_eq!(of("Nothing", &[], "5"), format!("Err({:?})", nothing.to_string()));
    assert!(serde_json::from_str::<Nothing>(r#"{"a": 1}"#).is_ok());
    assert_eq!(of("Nothing", &[], r#"{"a": 1}"#), "Ok(())");
}
