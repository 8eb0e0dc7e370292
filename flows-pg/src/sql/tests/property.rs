//! Whatever a program gives a run as its input: the text that is written is the text that the column gives back.
//!
//! `PROPTEST_CASES` says how many values (`.ci/run` writes 100,000); a statement takes some hundreds of them.

use std::collections::BTreeMap;

use flows_core::Payload;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde::{Deserialize, Serialize};

use super::{connect, fresh_database};

/// How many values go with one statement.
const BATCH: usize = 500;
/// How many there are, unless somebody says otherwise.
const CASES: usize = 4_000;

/// Every shape that serde knows, and numbers of all sizes.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Everything {
    double: f64,
    single: f32,
    large: u128,
    small: i128,
    text: String,
    letter: char,
    unit: (),
    maybe: Option<f64>,
    pair: (u64, i8),
    map: BTreeMap<String, f64>,
    numbered: BTreeMap<i32, String>,
    kinds: Vec<Kind>,
    #[serde(flatten)]
    rest: BTreeMap<String, u32>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Kind {
    Unit,
    Wrapped(f64),
    Tuple(i64, String),
    Named { double: f64, list: Vec<u128> },
}

fn double() -> impl Strategy<Value = f64> {
    any::<u64>().prop_map(f64::from_bits).prop_filter("JSON has no other", |it| it.is_finite())
}

fn single() -> impl Strategy<Value = f32> {
    any::<u32>().prop_map(f32::from_bits).prop_filter("JSON has no other", |it| it.is_finite())
}

/// Without NUL, which no text of the database has.
fn text() -> impl Strategy<Value = String> {
    let letter = prop_oneof![any::<char>(), proptest::char::range(' ', '~'), Just('"'), Just('\\')];
    let letters = letter.prop_filter("a text of the database", |letter| *letter != '\0');
    vec(letters, 0..6).prop_map(|letters| letters.into_iter().collect())
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Unit),
        double().prop_map(Kind::Wrapped),
        (any::<i64>(), text()).prop_map(|(number, text)| Kind::Tuple(number, text)),
        (double(), vec(any::<u128>(), 0..3))
            .prop_map(|(double, list)| Kind::Named { double, list }),
    ]
}

fn everything() -> impl Strategy<Value = Everything> {
    let numbers = (double(), single(), any::<u128>(), any::<i128>(), any::<(u64, i8)>());
    let texts = (text(), any::<char>().prop_filter("no NUL", |letter| *letter != '\0'));
    let maps = (
        btree_map(text(), double(), 0..4),
        btree_map(any::<i32>(), text(), 0..3),
        btree_map(Just("rest".to_owned()), any::<u32>(), 0..2),
    );
    let rest = (proptest::option::of(double()), vec(kind(), 0..4));
    (numbers, texts, maps, rest).prop_map(|(numbers, (text, letter), maps, (maybe, kinds))| {
        let (double, single, large, small, pair) = numbers;
        let (map, numbered, rest) = maps;
        Everything {
            double,
            single,
            large,
            small,
            text,
            letter,
            unit: (),
            maybe,
            pair,
            map,
            numbered,
            kinds,
            rest,
        }
    })
}

#[tokio::test]
async fn a_column_gives_back_what_is_written() {
    let database = fresh_database().await.expect("a database");
    let client = connect(database.url()).await;
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    let (mut left, mut runner) = (cases.unwrap_or(CASES), TestRunner::default());
    let values = everything();
    while left > 0 {
        let count = left.min(BATCH);
        left -= count;
        let written: Vec<_> = (0..count)
            .map(|_| {
                let value = values.new_tree(&mut runner).expect("a value").current();
                let payload = Payload::column(&value).expect("it can be read back");
                payload.as_json().expect("JSON").to_owned()
            })
            .collect();
        let sql =
            "SELECT v::jsonb::text FROM unnest($1::text[]) WITH ORDINALITY AS u (v, n) ORDER BY n";
        let read = client.query(sql, &[&written]).await.expect("JSON");
        let read: Vec<String> = read.iter().map(|row| row.get(0)).collect();
        for (written, read) in written.iter().zip(&read) {
            assert_eq!(written, read);
        }
        assert_eq!(written.len(), read.len());
    }
}
