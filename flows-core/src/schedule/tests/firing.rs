//! What is done at a moment: overlaps, outages, pauses, jitter.

use std::time::Duration;

use super::START;
use crate::schedule::{
    Every, Firing, OpenRun, Overlap, SchedulePolicy, ScheduleProgress, ScheduleSpec,
};
use crate::time::Timestamp;

const MINUTE: i64 = 60_000_000;

fn minutely(overlap: Overlap) -> SchedulePolicy {
    let spec = Every(Duration::from_secs(60)).into();
    SchedulePolicy { spec, overlap, catch_up: Duration::from_secs(3600) }
}

fn at(minutes: i64) -> Timestamp {
    Timestamp(START + minutes * MINUTE)
}

/// Minutes of what is started and of what waits, and what becomes of the open run.
#[track_caller]
fn check(overlap: Overlap, is_open: bool, starts: &[i64], waiting: &[i64], open_run: OpenRun) {
    let mut progress = ScheduleProgress { decided: at(0), ..ScheduleProgress::default() };
    let firing = minutely(overlap).fire(&mut progress, 7, at(3), is_open).unwrap();
    let minutes =
        |times: &[Timestamp]| times.iter().map(|t| (t.0 - START) / MINUTE).collect::<Vec<_>>();
    assert_eq!(
        (minutes(&firing.start), minutes(&progress.waiting)),
        (starts.to_vec(), waiting.to_vec())
    );
    assert_eq!((firing.open_run, progress.decided), (open_run, at(3)));
    let soon = Timestamp(at(3).0 + 12_000_000).min(Timestamp(at(3).0 + 1_000_000));
    let due = if waiting.is_empty() { at(4) } else { firing.due.unwrap().min(at(4)).max(soon) };
    assert_eq!(firing.due, Some(due));
}

#[test]
fn while_a_run_is_open_its_policy_decides() {
    check(Overlap::Skip, true, &[], &[], OpenRun::Leave);
    check(Overlap::BufferOne, true, &[], &[1], OpenRun::Leave);
    check(Overlap::BufferAll, true, &[], &[1, 2, 3], OpenRun::Leave);
    check(Overlap::CancelOther, true, &[], &[3], OpenRun::Cancel);
    check(Overlap::TerminateOther, true, &[3], &[], OpenRun::Terminate);
    check(Overlap::AllowAll, true, &[1, 2, 3], &[], OpenRun::Leave);
}

#[test]
fn of_times_that_come_together_the_first_opens_its_run() {
    check(Overlap::Skip, false, &[1], &[], OpenRun::Leave);
    check(Overlap::BufferOne, false, &[1], &[2], OpenRun::Leave);
    check(Overlap::BufferAll, false, &[1], &[2, 3], OpenRun::Leave);
    check(Overlap::CancelOther, false, &[3], &[], OpenRun::Leave);
    check(Overlap::TerminateOther, false, &[3], &[], OpenRun::Leave);
    check(Overlap::AllowAll, false, &[1, 2, 3], &[], OpenRun::Leave);
}

#[test]
fn what_waits_is_started_when_the_run_has_ended() {
    let policy = minutely(Overlap::BufferAll);
    let mut progress = ScheduleProgress { decided: at(0), ..ScheduleProgress::default() };
    policy.fire(&mut progress, 7, at(2), true).unwrap();
    let later = Timestamp(at(2).0 + 1);
    let firing = policy.fire(&mut progress, 7, later, false).unwrap();
    assert_eq!((firing.start, progress.waiting.as_slice()), (vec![at(1)], &[at(2)][..]));
    assert_eq!(progress.fired, Some(at(1)));
}

#[test]
fn after_an_outage_only_the_window_is_caught_up() {
    let policy = minutely(Overlap::AllowAll);
    let mut progress = ScheduleProgress { decided: at(0), ..ScheduleProgress::default() };
    let firing = policy.fire(&mut progress, 7, at(1000), false).unwrap();
    assert_eq!(firing.start.first(), Some(&at(940)), "as late as the window is long");
    assert_eq!(firing.start.len(), 61);
}

#[test]
fn many_at_once_are_several_looks() {
    let policy =
        SchedulePolicy { catch_up: Duration::from_secs(1_000_000), ..minutely(Overlap::AllowAll) };
    let mut progress = ScheduleProgress { decided: at(0), ..ScheduleProgress::default() };
    let mut starts = 0;
    for expected in [100, 100, 50, 0] {
        let firing = policy.fire(&mut progress, 7, at(250), false).unwrap();
        starts += firing.start.len();
        assert_eq!(firing.start.len(), expected);
        assert_eq!(firing.due <= Some(at(250)), starts < 250);
    }
}

#[test]
fn a_paused_one_does_nothing() {
    let mut progress =
        ScheduleProgress { paused: Some("holiday".into()), ..ScheduleProgress::default() };
    let firing = minutely(Overlap::Skip).fire(&mut progress, 7, at(3), false).unwrap();
    assert_eq!(firing, Firing::default());
}

#[test]
fn jitter_delays_each_time_by_less_than_its_limit_and_loses_none() {
    let spec = ScheduleSpec::from(Every(Duration::from_secs(60))).jitter(Duration::from_secs(30));
    let policy = SchedulePolicy { spec, ..minutely(Overlap::AllowAll) };
    let mut progress = ScheduleProgress { decided: at(0), ..ScheduleProgress::default() };
    let (mut now, mut delays) = (at(0), Vec::new());
    for minute in 1..=20 {
        now = policy.fire(&mut progress, 7, now, false).unwrap().due.unwrap();
        let firing = policy.fire(&mut progress, 7, now, false).unwrap();
        assert_eq!(firing.start, [at(minute)]);
        delays.push(now.since(at(minute)));
    }
    assert!(delays.iter().all(|delay| *delay < Duration::from_secs(30)));
    delays.sort_unstable();
    delays.dedup();
    assert!(delays.len() > 15, "they differ");
}
