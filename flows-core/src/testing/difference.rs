//! Two values as people compare them: both, and where they differ.

use serde_json::Value;

use crate::payload::Payload;

/// The longest value that is shown whole.
const SHOWN: usize = 400;
/// How many places are named.
const PLACES: usize = 5;

/// The recorded value and the one that the code gives, in lines.
pub(crate) fn lines(recorded: &Payload, now: &Payload) -> String {
    let mut lines =
        vec![format!("    recorded: {}", shown(recorded)), format!("    now:      {}", shown(now))];
    if let (Some(one), Some(other)) = (value(recorded), value(now)) {
        let mut places = Vec::new();
        compare("", &one, &other, &mut places);
        let more = places.len().saturating_sub(PLACES);
        if places.first().is_some_and(|place| !place.starts_with(':')) {
            lines.extend(
                places.into_iter().take(PLACES).map(|place| format!("    differs at {place}")),
            );
        }
        if more > 0 {
            lines.push(format!("    and at {more} more places"));
        }
    }
    lines.join("\n") + "\n"
}

fn value(payload: &Payload) -> Option<Value> {
    serde_json::from_str(payload.as_json()?).ok()
}

/// A value, cut off where it is long.
pub(crate) fn shown(payload: &Payload) -> String {
    cut(&format!("{payload:?}"))
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// Where two values differ: `.items[2].price: 10, now 12`.
fn compare(path: &str, one: &Value, other: &Value, places: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let keys = one.keys().chain(other.keys().filter(|key| !one.contains_key(*key)));
            for key in keys {
                both(&format!("{path}.{key}"), one.get(key), other.get(key), places);
            }
        }
        (Value::Array(one), Value::Array(other)) => {
            for at in 0..one.len().max(other.len()) {
                both(&format!("{path}[{at}]"), one.get(at), other.get(at), places);
            }
        }
        _ => both(path, Some(one), Some(other), places),
    }
}

fn both(path: &str, one: Option<&Value>, other: Option<&Value>, places: &mut Vec<String>) {
    let text =
        |value: Option<&Value>| value.map_or_else(|| "nothing".into(), |it| cut(&it.to_string()));
    match (one, other) {
        _ if one == other => {}
        (Some(Value::Object(_)), Some(Value::Object(_)))
        | (Some(Value::Array(_)), Some(Value::Array(_))) => {
            compare(path, one.unwrap_or(&Value::Null), other.unwrap_or(&Value::Null), places);
        }
        _ => places.push(format!("{path}: {}, now {}", text(one), text(other))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(one: &str, other: &str, expected: &expect_test::Expect) {
        let lines = lines(&Payload::from_json(one), &Payload::from_json(other));
        let lines =
            lines.lines().map(|line| line.strip_prefix("    ").expect("set in").to_owned() + "\n");
        expected.assert_eq(&lines.collect::<String>());
    }

    #[test]
    fn places_are_named() {
        check(
            "1",
            "2",
            &expect_test::expect![[r#"
                    recorded: 1
                    now:      2
            "#]],
        );
        check(
            r#"{"a":{"b":[1,2,{"c":1}]},"gone":true}"#,
            r#"{"a":{"b":[1,3,{"c":"1"}]},"new":null}"#,
            &expect_test::expect![[r#"
                    recorded: {"a":{"b":[1,2,{"c":1}]},"gone":true}
                    now:      {"a":{"b":[1,3,{"c":"1"}]},"new":null}
                    differs at .a.b[1]: 2, now 3
                    differs at .a.b[2].c: 1, now "1"
                    differs at .gone: true, now nothing
                    differs at .new: nothing, now null
            "#]],
        );
        check(
            "[1,2,3,4,5,6,7]",
            "[]",
            &expect_test::expect![[r#"
                recorded: [1,2,3,4,5,6,7]
                now:      []
                differs at [0]: 1, now nothing
                differs at [1]: 2, now nothing
                differs at [2]: 3, now nothing
                differs at [3]: 4, now nothing
                differs at [4]: 5, now nothing
                and at 2 more places
        "#]],
        );
    }
}
