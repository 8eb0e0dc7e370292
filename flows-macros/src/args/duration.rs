//! Durations as attributes write them: `500ms`, `30s`, `1h30m`, `2d`.

use std::time::Duration;

/// Units in milliseconds, longest first.
const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// How the error of every wrong duration ends.
pub(crate) const ALLOWED: &str =
    "a duration is written like \"500ms\", \"30s\", \"1h30m\" or \"2d\"";

/// Parses a duration; the error says what is wrong and what is allowed.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let mut rest = text.trim();
    let mut total = Some(0_u64);
    let mut units = &UNITS[..];
    if rest.is_empty() {
        return Err(format!("the duration is empty; {ALLOWED}"));
    }
    while !rest.is_empty() {
        let (amount, unit, after) = part(rest)?;
        let at = position(unit, units)?;
        total = total.and_then(|total| total.checked_add(amount.checked_mul(units[at].1)?));
        units = &units[at + 1..];
        rest = after.trim_start();
    }
    total.map(Duration::from_millis).ok_or_else(|| format!("the duration is too long; {ALLOWED}"))
}

/// Splits `1h30m` into `1`, `h` and `30m`.
fn part(text: &str) -> Result<(u64, &str, &str), String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (amount, rest) = text.split_at(digits);
    if amount.is_empty() {
        return Err(format!("expected a number at `{text}`; {ALLOWED}"));
    }
    let amount = amount.parse().map_err(|_| format!("the duration is too long; {ALLOWED}"))?;
    let letters = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(letters);
    Ok((amount, unit, rest))
}

fn position(unit: &str, units: &[(&str, u64)]) -> Result<usize, String> {
    if let Some(at) = units.iter().position(|(known, _)| *known == unit) {
        return Ok(at);
    }
    let problem = match unit {
        "" => "a number needs a unit".to_owned(),
        known if UNITS.iter().any(|(unit, _)| *unit == known) => {
            format!("`{unit}` comes too late: longer units first, each once")
        }
        _ => format!("unknown unit `{unit}`"),
    };
    Err(format!("{problem}; {ALLOWED} (units: d, h, m, s, ms)"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    #[track_caller]
    fn check(text: &str, expected: &Expect) {
        let shown = match parse(text) {
            Ok(duration) => format!("{duration:?}"),
            Err(message) => message.split("; a duration is").next().unwrap_or_default().to_owned(),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn good() {
        check("500ms", &expect!["500ms"]);
        check("30s", &expect!["30s"]);
        check("1h30m", &expect!["5400s"]);
        check("1h 30m", &expect!["5400s"]);
        check("2d", &expect!["172800s"]);
        check("1s500ms", &expect!["1.5s"]);
        check("0s", &expect!["0ns"]);
    }

    #[test]
    fn bad() {
        check("", &expect!["the duration is empty"]);
        check("30", &expect!["a number needs a unit"]);
        check("s", &expect!["expected a number at `s`"]);
        check("30 s", &expect!["a number needs a unit"]);
        check("30sec", &expect!["unknown unit `sec`"]);
        check("1.5s", &expect!["a number needs a unit"]);
        check("-1s", &expect!["expected a number at `-1s`"]);
        check("30m1h", &expect!["`h` comes too late: longer units first, each once"]);
        check("1s1s", &expect!["`s` comes too late: longer units first, each once"]);
        check("99999999999999999999s", &expect!["the duration is too long"]);
        check("18446744073709551615d", &expect!["the duration is too long"]);
    }
}
