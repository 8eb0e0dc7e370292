//! Expressions against a calculation that shares nothing with them, and their properties.

mod daylight;
mod firing;
mod zones;

use std::time::Duration;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::{Cron, Every, ScheduleSpec};
use crate::time::Timestamp;

/// 2024-01-01 00:00 UTC.
const START: i64 = 1_704_067_200_000_000;

fn wrong(expression: &str, expected: &Expect) {
    expected.assert_eq(&Cron::parse(expression).unwrap_err().to_string());
}

#[test]
fn an_error_names_the_field_and_shows_an_example() {
    wrong(
        "60 3 * * *",
        &expect![
            "the cron expression `60 3 * * *` has the minute `60`; allowed are 0-59, and lists, ranges and steps of them; `30 3 * * *` fires at 03:30 each day"
        ],
    );
    wrong(
        "0 25 * * *",
        &expect![
            "the cron expression `0 25 * * *` has the hour `25`; allowed are 0-23, and lists, ranges and steps of them; `0 3 * * *` fires at 03:00 each day"
        ],
    );
    wrong(
        "0 3 32 * *",
        &expect![
            "the cron expression `0 3 32 * *` has the day of the month `32`; allowed are 1-31 or L for the last, and lists, ranges and steps of them; `0 3 1 * *` fires at 03:00 on the first of each month"
        ],
    );
    wrong(
        "0 3 * FOO *",
        &expect![
            "the cron expression `0 3 * FOO *` has the month `FOO`; allowed are 1-12 or JAN-DEC, and lists, ranges and steps of them; `0 3 1 1,7 *` fires at 03:00 on the first of January and July"
        ],
    );
    wrong(
        "0 3 * * 9-10",
        &expect![
            "the cron expression `0 3 * * 9-10` has the day of the week `9-10`; allowed are 0-7 or SUN-SAT, where 0 and 7 are Sunday, and lists, ranges and steps of them; `0 3 * * MON-FRI` fires at 03:00 on weekdays"
        ],
    );
    wrong(
        "0 3 * *",
        &expect![
            "the cron expression `0 3 * *` has 4 fields instead of 5: minute, hour, day of the month, month, day of the week; `0 3 * * *` fires at 03:00 each day"
        ],
    );
    wrong(
        "0 0 3 * * *",
        &expect![
            "the cron expression `0 0 3 * * *` has 6 fields instead of 5: minute, hour, day of the month, month, day of the week; `0 3 * * *` fires at 03:00 each day"
        ],
    );
    wrong(
        "",
        &expect![
            "the cron expression `` has 0 fields instead of 5: minute, hour, day of the month, month, day of the week; `0 3 * * *` fires at 03:00 each day"
        ],
    );
    wrong(
        "@reboot",
        &expect![
            "`@reboot` is no cron expression; of those with `@` there are @hourly, @daily, @weekly, @monthly and @yearly"
        ],
    );
}

#[test]
fn what_can_never_fire_is_refused() {
    let check = |spec: ScheduleSpec| spec.check().unwrap_err().to_string();
    let february = Cron::parse("0 0 30 2 *").unwrap();
    expect!["no day matches the cron expression of `0 0 30 2 * UTC`: it would never fire"]
        .assert_eq(&check(february.into()));
    let nowhere = Cron::parse("0 3 * * *").unwrap().timezone("Europe/Atlantis");
    expect!["`Europe/Atlantis` is no time zone of the IANA database; name one like `Europe/Paris`, `America/New_York` or `UTC`"].assert_eq(&check(nowhere.into()));
    expect!["the interval of the schedule is 10ms; the shortest is 1 s"]
        .assert_eq(&check(Every(Duration::from_millis(10)).into()));
    expect!["the schedule has no times: give it a `Cron` or an `Every`"]
        .assert_eq(&check(ScheduleSpec::default()));
    let at = |micros| Timestamp(micros).into();
    let backwards =
        ScheduleSpec::from(Every(Duration::from_secs(1))).starting(at(START)).ending(at(0));
    expect!["the schedule ends before it starts"].assert_eq(&check(backwards));
}

#[test]
fn start_and_end_are_inclusive_and_a_time_of_two_counts_once() {
    let hour = 3_600_000_000;
    let spec = ScheduleSpec::from(Cron::parse("0 * * * *").unwrap())
        .and(Every(Duration::from_secs(7200)))
        .starting(Timestamp(START).into())
        .ending(Timestamp(START + 2 * hour).into());
    let times =
        spec.after(Timestamp(0).into()).unwrap().map(|time| Timestamp::from(time).0 - START);
    assert_eq!(times.collect::<Vec<_>>(), [0, hour, 2 * hour]);
}

fn specs() -> impl Strategy<Value = ScheduleSpec> {
    let field = |low: u8, high: u8| {
        prop_oneof![
            Just("*".to_owned()),
            (low..=high).prop_map(|value| value.to_string()),
            (2_u8..=9).prop_map(|step| format!("*/{step}")),
            (low..=high, low..=high).prop_map(|(a, b)| format!("{},{}", a.min(b), a.max(b))),
        ]
    };
    let zone = prop::sample::select(vec![
        "UTC",
        "Europe/Paris",
        "America/New_York",
        "Australia/Lord_Howe",
    ]);
    let cron = (field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 6), zone);
    let cron = cron.prop_map(|(minute, hour, day, month, weekday, zone)| {
        Cron::parse(&format!("{minute} {hour} {day} {month} {weekday}")).unwrap().timezone(zone)
    });
    (prop::collection::vec(cron, 1..3), prop::option::of(1_u64..100_000)).prop_map(
        |(crons, every)| {
            let each = crons.into_iter().fold(ScheduleSpec::default(), ScheduleSpec::and);
            every.into_iter().fold(each, |spec, secs| spec.and(Every(Duration::from_secs(secs))))
        },
    )
}

proptest! {
    /// Whoever asks between two times gets the second one: no time is lost or named twice.
    #[test]
    fn the_next_time_is_next_from_everywhere_before_it(
        spec in specs(), at in START..START + 300_000_000_000_000, part in 0.0_f64..1.0,
    ) {
        let next = spec.next_after(Timestamp(at)).unwrap().unwrap();
        prop_assert!(next.0 > at);
        let between = at + ((next.0 - at - 1) as f64 * part) as i64;
        prop_assert_eq!(spec.next_after(Timestamp(between)).unwrap(), Some(next));
        prop_assert!(spec.next_after(next).unwrap().unwrap() > next);
    }

    #[test]
    fn a_stored_specification_is_the_same(spec in specs()) {
        let stored = serde_json::to_string(&spec).unwrap();
        prop_assert_eq!(serde_json::from_str::<ScheduleSpec>(&stored).unwrap(), spec);
    }
}
