//! Cron expressions in a time zone, and what they mean in the nights when clocks change.

use std::fmt;
use std::str::FromStr;

use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::time::Timestamp;

/// The fields of an expression, in order: name, allowed values, and an expression with such a field.
const FIELDS: [(&str, &str, &str); 5] = [
    ("minute", "0-59", "`30 3 * * *` fires at 03:30 each day"),
    ("hour", "0-23", "`0 3 * * *` fires at 03:00 each day"),
    (
        "day of the month",
        "1-31 or L for the last",
        "`0 3 1 * *` fires at 03:00 on the first of each month",
    ),
    ("month", "1-12 or JAN-DEC", "`0 3 1 1,7 *` fires at 03:00 on the first of January and July"),
    (
        "day of the week",
        "0-7 or SUN-SAT, where 0 and 7 are Sunday",
        "`0 3 * * MON-FRI` fires at 03:00 on weekdays",
    ),
];

/// A cron expression in a time zone: minute, hour, day of the month, month, day of the week.
///
/// Each field takes values, ranges (`1-5`), lists (`1,15`) and steps (`*/10`); months and weekdays have names
/// (`JAN`, `MON`). `L` is the last day of the month, `FRI#2` the second Friday, `15W` the weekday nearest to the
/// 15th. If both day fields are restricted, a day that matches either of them counts. `@hourly`, `@daily`,
/// `@weekly`, `@monthly` and `@yearly` work too. The time zone is UTC unless [`timezone`](Self::timezone) says
/// otherwise.
///
/// # When clocks change
///
/// - An expression without `*` in the minute and the hour, as `30 2 * * *`, fires *when the clock first reaches or
///   passes that time*: once a day. A time that a night skips fires at the end of the gap (02:30 becomes 03:00); a
///   time that a night repeats fires the first time.
/// - One with `*` in the minute or the hour, as `*/20 * * * *`, fires *whenever the clock shows a matching time*:
///   in the repeated hour again, in the skipped hour not at all.
///
/// ```
/// use flows_core::schedule::Cron;
///
/// let nightly = Cron::parse("0 3 * * *")?.timezone("Europe/Paris");
/// assert_eq!(nightly.to_string(), "0 3 * * * Europe/Paris");
///
/// let error = Cron::parse("0 25 * * *").unwrap_err();
/// assert!(error.to_string().contains("hour"));
/// # Ok::<(), flows_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Text", into = "Text")]
#[must_use = "a cron expression does nothing until a schedule has it"]
pub struct Cron {
    expression: String,
    timezone: String,
    pattern: croner::Cron,
}

/// An expression as it is stored.
#[derive(Serialize, Deserialize)]
struct Text {
    cron: String,
    timezone: String,
}

impl TryFrom<Text> for Cron {
    type Error = Error;

    fn try_from(text: Text) -> Result<Self> {
        Ok(Self::parse(&text.cron)?.timezone(text.timezone))
    }
}

impl From<Cron> for Text {
    fn from(cron: Cron) -> Self {
        Self { cron: cron.expression, timezone: cron.timezone }
    }
}

impl Cron {
    /// Reads an expression of five fields.
    ///
    /// # Errors
    /// What is wrong with it, by field, with an example.
    pub fn parse(expression: &str) -> Result<Self> {
        let pattern = parser().parse(expression).map_err(|error| wrong(expression, &error))?;
        check_count(expression)?;
        let expression = expression.split_whitespace().collect::<Vec<_>>().join(" ");
        Ok(Self { expression, timezone: "UTC".to_owned(), pattern })
    }

    /// The time zone in which the expression is meant, by its name in the IANA database. Default: UTC. An unknown
    /// name is an error of the call that takes the expression.
    pub fn timezone(mut self, name: impl Into<String>) -> Self {
        self.timezone = name.into();
        self
    }

    /// Checks what only its use can.
    pub(super) fn check(&self) -> Result<()> {
        self.zone()?;
        Ok(())
    }

    /// The first time after `at`; `None` where there is none any more.
    pub(super) fn next_after(&self, at: Timestamp) -> Result<Option<Timestamp>> {
        let zone = self.zone()?;
        let Ok(at) = jiff::Timestamp::from_second(at.0.div_euclid(1_000_000)) else {
            return Ok(None);
        };
        let next = if self.is_of_a_time() {
            self.pattern
                .find_next_occurrence(&reached(&zone, at), false)
                .ok()
                .and_then(|civil| first_reached(&zone, civil))
        } else {
            let shown = at.to_zoned(zone);
            self.pattern.find_next_occurrence(&shown, false).ok().map(|next| next.timestamp())
        };
        Ok(next.map(|next| Timestamp(next.as_microsecond())))
    }

    /// Whether it names times of the day, each of which comes once a day.
    fn is_of_a_time(&self) -> bool {
        let mut fields = self.expression.split(' ');
        let is_named = |field: Option<&str>| field.is_some_and(|field| !field.contains('*'));
        match self.expression.strip_prefix('@') {
            Some(nickname) => !nickname.eq_ignore_ascii_case("hourly"),
            None => is_named(fields.next()) && is_named(fields.next()),
        }
    }

    fn zone(&self) -> Result<TimeZone> {
        TimeZone::get(&self.timezone).map_err(|_| {
            Error::invalid(format!(
                "`{}` is no time zone of the IANA database; name one like `Europe/Paris`, `America/New_York` or `UTC`",
                self.timezone
            ))
        })
    }
}

/// The latest time that the clock has shown by then.
fn reached(zone: &TimeZone, at: jiff::Timestamp) -> DateTime {
    let shown = zone.to_datetime(at);
    let AmbiguousOffset::Fold { after, .. } = zone.to_ambiguous_timestamp(shown).offset() else {
        return shown;
    };
    if zone.to_offset(at) != after {
        return shown; // for the first time
    }
    let change = at + jiff::SignedDuration::from_secs(1);
    let change = zone.preceding(change).next().map(|change| change.timestamp());
    let before = change.and_then(|at| at.checked_sub(jiff::SignedDuration::from_secs(1)).ok());
    before.map_or(shown, |before| zone.to_datetime(before))
}

/// When the clock reaches or passes that time first.
fn first_reached(zone: &TimeZone, civil: DateTime) -> Option<jiff::Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(civil);
    match ambiguous.offset() {
        AmbiguousOffset::Gap { .. } => {
            // Read with the offset before the change, it is behind it by less than the gap.
            let inside = ambiguous.later().ok()?;
            Some(zone.preceding(inside).next()?.timestamp())
        }
        _ => ambiguous.earlier().ok(),
    }
}

fn parser() -> CronParser {
    CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build()
}

fn check_count(expression: &str) -> Result<()> {
    let count = expression.split_whitespace().count();
    if count == FIELDS.len() || expression.trim().starts_with('@') {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "the cron expression `{expression}` has {count} fields instead of 5: minute, hour, day of the month, \
         month, day of the week; `0 3 * * *` fires at 03:00 each day"
    )))
}

/// The error for an expression: of the first field that is wrong by itself.
fn wrong(expression: &str, error: &croner::errors::CronError) -> Error {
    if let Err(error) = check_count(expression) {
        return error;
    }
    let alone = |number: usize, field: &str| {
        let mut fields = ["*"; FIELDS.len()];
        fields[number] = field;
        parser().parse(&fields.join(" ")).is_err()
    };
    if expression.trim().starts_with('@') {
        return Error::invalid(format!(
            "`{expression}` is no cron expression; of those with `@` there are @hourly, @daily, @weekly, @monthly and \
             @yearly"
        ));
    }
    let fields = expression.split_whitespace().zip(FIELDS).enumerate();
    let mut bad = fields.filter(|(number, (field, _))| alone(*number, field));
    Error::invalid(match bad.next() {
        Some((_, (field, (name, allowed, example)))) => format!(
            "the cron expression `{expression}` has the {name} `{field}`; allowed are {allowed}, and lists, \
             ranges and steps of them; {example}"
        ),
        None => format!(
            "the cron expression `{expression}` cannot be read: {error}; `0 3 * * *` fires at 03:00 each day"
        ),
    })
}

impl FromStr for Cron {
    type Err = Error;

    fn from_str(expression: &str) -> Result<Self> {
        Self::parse(expression)
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.expression, self.timezone)
    }
}

impl fmt::Debug for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cron({self})")
    }
}
