//! Ten years of three time zones, minute by minute: what the documentation says about gaps and overlaps.

use super::zones::{Minute, ZONES, Zone, day};
use crate::schedule::{Cron, ScheduleSpec};
use crate::time::Timestamp;

/// All changes and all expressions here are multiples of it.
const STEP: Minute = 5;
const MINUTE: i64 = 60_000_000;

/// An expression, and whether a minute of the day matches it; of a time, or of whatever the clock shows.
type Case = (&'static str, bool, fn(hour: i64, minute: i64) -> bool);

const CASES: [Case; 8] = [
    ("30 2 * * *", true, |hour, minute| (hour, minute) == (2, 30)),
    ("0 3 * * *", true, |hour, minute| (hour, minute) == (3, 0)),
    ("30 1 * * *", true, |hour, minute| (hour, minute) == (1, 30)),
    ("15,45 1-3,14 * * *", true, |hour, minute| {
        (minute == 15 || minute == 45) && matches!(hour, 1..=3 | 14)
    }),
    ("@daily", true, |hour, minute| (hour, minute) == (0, 0)),
    ("*/20 * * * *", false, |_, minute| minute % 20 == 0),
    ("0 */2 * * *", false, |hour, minute| hour % 2 == 0 && minute == 0),
    ("*/15 2 * * *", false, |hour, minute| hour == 2 && minute % 15 == 0),
];

/// A time of the day fires when the clock first reaches or passes it; the others whenever it shows them.
fn expected(
    zone: &Zone,
    (_, is_of_a_time, matches): Case,
    from: Minute,
    to: Minute,
) -> Vec<Minute> {
    let is_match = |shown: Minute| {
        let of_day = shown.rem_euclid(1440);
        matches(of_day / 60, of_day % 60)
    };
    let clock = zone.clock();
    let mut reached = clock(from);
    let mut times = Vec::new();
    for at in (from + STEP..to).step_by(STEP as usize) {
        let shown = clock(at);
        let fires = if is_of_a_time {
            let mut passed = (reached + STEP..=shown).step_by(STEP as usize);
            passed.any(is_match)
        } else {
            is_match(shown)
        };
        if fires {
            times.push(at);
        }
        reached = reached.max(shown);
    }
    times
}

#[test]
fn ten_years_of_three_zones_are_as_documented() {
    let (from, to) = (day(2024, 1, 1) * 1440, day(2034, 1, 1) * 1440);
    for zone in &ZONES {
        for case in CASES {
            let spec = ScheduleSpec::from(Cron::parse(case.0).unwrap().timezone(zone.name));
            let times = spec.after(Timestamp(from * MINUTE).into()).unwrap();
            let times =
                times.map(|time| Timestamp::from(time).0).take_while(|at| *at < to * MINUTE);
            let times: Vec<_> = times.map(|at| at / MINUTE).collect();
            let expected = expected(zone, case, from, to);
            let differs = times.iter().zip(&expected).find(|(found, expected)| found != expected);
            assert_eq!(differs, None, "`{}` in {}", case.0, zone.name);
            assert_eq!(times.len(), expected.len(), "`{}` in {}", case.0, zone.name);
        }
    }
}

#[test]
fn the_hand_made_rules_know_the_nights_of_2026() {
    let night = |zone: usize, at: Minute| {
        let clock = ZONES[zone].clock();
        clock(at) - clock(at - 1) - 1
    };
    assert_eq!(night(0, day(2026, 3, 29) * 1440 + 60), 60);
    assert_eq!(night(0, day(2026, 10, 25) * 1440 + 60), -60);
    assert_eq!(night(1, day(2026, 3, 8) * 1440 + 420), 60);
    assert_eq!(night(1, day(2026, 11, 1) * 1440 + 360), -60);
    assert_eq!(night(2, day(2026, 4, 4) * 1440 + 900), -30);
    assert_eq!(night(2, day(2026, 10, 3) * 1440 + 930), 30);
}
