//! Values there and back: what is read is what was written, in each form, or nothing is written.

use std::collections::{BTreeMap, HashMap, HashSet};

use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::writer::{Form, write};
use super::{Codec, Payload};
use crate::error::ErrorKind;

fn canonical<T: Serialize>(value: &T) -> String {
    String::from_utf8(write(value, Form::Column).expect("it can be written")).expect("UTF-8")
}

fn plain<T: Serialize>(value: &T) -> String {
    String::from_utf8(write(value, Form::Plain).expect("it can be written")).expect("UTF-8")
}

fn refused<T: Serialize + serde::de::DeserializeOwned>(codec: Codec, value: &T) -> String {
    let error = Payload::encode(codec, value).expect_err("it cannot be read back");
    assert_eq!(error.kind(), ErrorKind::Codec);
    error.message().to_owned()
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Kind {
    Unit,
    Newtype(i128),
    Tuple(u128, f32),
    Struct { text: String, nothing: () },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Whole(i64),
    Real(f64),
    Text(String),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
enum Tagged {
    A { x: i32 },
    B,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Everything {
    truth: bool,
    small: (i8, u8, i16, u16),
    large: (i64, u64, i128, u128),
    single: f32,
    double: f64,
    letter: char,
    text: String,
    maybe: Option<Box<Everything>>,
    list: Vec<Option<f64>>,
    kind: Kind,
    untagged: Untagged,
    tagged: Tagged,
    by_number: BTreeMap<u16, String>,
    by_name: HashMap<String, f64>,
    set: HashSet<String>,
    nested: HashMap<String, HashSet<i32>>,
}

fn double() -> impl Strategy<Value = f64> {
    any::<u64>().prop_map(f64::from_bits).prop_filter("finite", |value| value.is_finite())
}

fn single() -> impl Strategy<Value = f32> {
    any::<u32>().prop_map(f32::from_bits).prop_filter("finite", |value| value.is_finite())
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(any::<char>().prop_filter("no NUL", |c| *c != '\0'), 0..5)
        .prop_map(String::from_iter)
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Unit),
        any::<i128>().prop_map(Kind::Newtype),
        (any::<u128>(), single()).prop_map(|(a, b)| Kind::Tuple(a, b)),
        text().prop_map(|text| Kind::Struct { text, nothing: () }),
    ]
}

fn untagged() -> impl Strategy<Value = Untagged> {
    prop_oneof![
        any::<i64>().prop_map(Untagged::Whole),
        double().prop_map(Untagged::Real),
        text().prop_map(Untagged::Text),
    ]
}

fn everything() -> impl Strategy<Value = Everything> {
    let scalars = (
        any::<bool>(),
        any::<(i8, u8, i16, u16)>(),
        any::<(i64, u64, i128, u128)>(),
        (single(), double()),
        any::<char>().prop_filter("no NUL", |c| *c != '\0'),
        text(),
    );
    let others = (
        prop::collection::vec(prop::option::of(double()), 0..3),
        kind(),
        untagged(),
        prop_oneof![any::<i32>().prop_map(|x| Tagged::A { x }), Just(Tagged::B)],
        prop::collection::btree_map(any::<u16>(), text(), 0..3),
        prop::collection::hash_map(text(), double(), 0..3),
        prop::collection::hash_set(text(), 0..3),
    );
    let nested =
        prop::collection::hash_map(text(), prop::collection::hash_set(any::<i32>(), 0..3), 0..4);
    let flat = (scalars, others, nested).prop_map(|(scalars, others, nested)| {
        let (truth, small, large, (single, double), letter, text) = scalars;
        let (list, kind, untagged, tagged, by_number, by_name, set) = others;
        let maybe = None;
        Everything {
            truth,
            small,
            large,
            single,
            double,
            letter,
            text,
            maybe,
            list,
            kind,
            untagged,
            tagged,
            by_number,
            by_name,
            set,
            nested,
        }
    });
    let flat = flat.boxed();
    (flat.clone(), prop::option::of(flat))
        .prop_map(|(outer, inner)| Everything { maybe: inner.map(Box::new), ..outer })
}

proptest! {
    /// What is read is what was written, floats bit by bit; with JSON and with postcard.
    #[test]
    fn property_values_are_read_as_they_were_written(value in everything()) {
        let plain = Payload::encode(Codec::Json, &value).expect("JSON");
        let read: Everything = plain.decode().expect("it is read back");
        prop_assert_eq!(read.double.to_bits(), value.double.to_bits());
        prop_assert_eq!(read.single.to_bits(), value.single.to_bits());
        prop_assert_eq!(read, value);
    }

    /// The canonical form of what was read from it is the same: nobody can tell how often a value was
    /// written and read.
    #[test]
    fn property_a_canonical_form_is_read_and_written_alike(value in everything()) {
        let form = canonical(&value);
        let read: Everything = serde_json::from_str(&form).expect("it is read back");
        prop_assert_eq!(canonical(&read), form);
        prop_assert_eq!(read, value);
    }

    #[test]
    fn property_postcard_keeps_bits(double in any::<f64>(), single in any::<f32>(), list in any::<Vec<i128>>()) {
        let payload = Payload::encode(Codec::Postcard, &(double, single, list)).expect("postcard");
        let read: (f64, f32, Vec<i128>) = payload.decode().expect("it is read back");
        prop_assert_eq!((read.0.to_bits(), read.1.to_bits()), (double.to_bits(), single.to_bits()));
    }
}

#[test]
fn the_canonical_form_is_that_of_jsonb() {
    let text = r#"{"bb":1,"a":[1e16,-0.0,1.50,{"z":{},"y":[]}],"c":"é\u0001\/","a":[2.5e-7]}"#;
    let raw: Box<RawValue> = serde_json::from_str(text).expect("JSON");
    assert_eq!(canonical(&raw), r#"{"a": [0.00000025], "c": "é\u0001/", "bb": 1}"#);
    assert_eq!(canonical(&(1e16, -0.0, 5.0, 1e-7)), "[10000000000000000.0, 0.0, 5.0, 0.0000001]");
    assert_eq!(canonical(&BTreeMap::<u8, u8>::new()), "{}");
    assert_eq!(canonical(&[0_u8; 0]), "[]");
    assert_eq!(
        canonical(&Kind::Tuple(u128::MAX, 0.1)),
        format!(r#"{{"Tuple": [{}, 0.1]}}"#, u128::MAX)
    );
    assert_eq!(canonical(&Tagged::A { x: 1 }), r#"{"x": 1, "type": "A"}"#);
    let without_spaces = write(&Tagged::A { x: 1 }, Form::Canonical).expect("JSON");
    assert_eq!(without_spaces, br#"{"x":1,"type":"A"}"#);
}

#[test]
fn the_plain_form_keeps_its_own_order() {
    assert_eq!(plain(&Tagged::A { x: 1 }), r#"{"type":"A","x":1}"#);
    let raw: Box<RawValue> = serde_json::from_str(r#"{"b": 1e16, "a": -0.0}"#).expect("JSON");
    assert_eq!(plain(&raw), r#"{"b": 1e16, "a": -0.0}"#);
    assert_eq!(plain(&(-0.0_f64, Some(()), [1, 2])), "[-0.0,null,[1,2]]");
}

#[test]
fn equal_values_have_one_canonical_form() {
    #[derive(Serialize)]
    struct Flat {
        #[serde(flatten)]
        more: HashMap<String, i32>,
    }
    let made = || {
        let map: HashMap<String, i32> = (0..40).map(|n| (n.to_string(), n)).collect();
        let set: HashSet<i32> = (0..40).collect();
        let sets: Vec<HashSet<i32>> = vec![(0..40).collect()];
        let boxed: Box<HashSet<i32>> = Box::new((0..40).collect());
        let value = (&map, &set, sets, boxed, Flat { more: map.clone() });
        let stable = write(&value, Form::Stable).expect("JSON");
        (canonical(&value), String::from_utf8(stable).expect("UTF-8"))
    };
    assert_eq!(made(), made());
    assert_ne!(canonical(&[1, 2]), canonical(&[2, 1]), "lists have an order");
}

#[test]
fn what_cannot_be_read_back_is_refused() {
    #[derive(Debug, Serialize, Deserialize)]
    struct OneWay {
        #[serde(rename(serialize = "written", deserialize = "read"))]
        _field: u8,
    }
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert!(refused(Codec::Json, &number).contains("NaN"), "{number}");
        assert!(refused(Codec::Json, &Some(number)).contains("NaN"), "{number}");
        Payload::encode(Codec::Postcard, &number).expect("postcard has it");
    }
    assert!(refused(Codec::Json, &f32::NAN).contains("NaN"));
    assert!(refused(Codec::Json, &HashMap::from([((1, 2), 3)])).contains("list of pairs"));
    assert!(refused(Codec::Json, &OneWay { _field: 1 }).contains("could not be read back"));
    assert!(refused(Codec::Json, &"a\0b".to_owned()).contains("NUL"));
}

#[test]
fn what_is_nested_as_deeply_as_can_be_read_is_written() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let value =
        |depth| (0..depth).fold(serde_json::json!(null), |inner, _| serde_json::json!([inner]));
    Payload::encode(Codec::Json, &value(127)).expect("127 levels are read");
    assert!(refused(Codec::Json, &value(128)).contains("127 levels"));
    assert!(serde_json::from_str::<serde_json::Value>(&nested(128)).is_err());
}

#[test]
fn postcard_refuses_what_it_would_read_as_something_else() {
    #[derive(Debug, Serialize, Deserialize)]
    #[allow(dead_code)]
    enum Skipping {
        A,
        #[serde(skip)]
        B,
        C,
        D,
    }
    #[derive(Debug, Serialize, Deserialize)]
    struct Misaligned {
        #[serde(skip_serializing_if = "Option::is_none")]
        first: Option<u8>,
        second: u8,
    }
    assert!(refused(Codec::Postcard, &Skipping::C).contains("read back"));
    let misaligned = Misaligned { first: None, second: 0 };
    assert!(refused(Codec::Postcard, &misaligned).contains("read back"));
    let map: HashMap<(u8, u8), u8> = (0..20).map(|n| ((n, n), n)).collect();
    Payload::encode(Codec::Postcard, &map).expect("keys of any kind, in any order");
}
