//! What a crash must not change: the outcome, the decisions, the signals, the effect counts.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::plan::{Progress, Step};
use super::run::CrashRun;
use crate::engine::HistoryEvent;
use crate::error::Result;
use crate::replay::KEEP_THE_CODE;
use crate::testing::causes::CAUSES;

/// What differs, in words and in lines.
pub(super) struct Difference {
    pub(super) what: String,
    /// Undisturbed and crashed.
    pub(super) sides: Option<(String, String)>,
}

impl Difference {
    fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), sides: None }
    }

    fn between(what: &str, undisturbed: String, crashed: String) -> Option<Self> {
        let sides = Some((undisturbed, crashed));
        let differs = sides.as_ref().is_some_and(|(one, other)| one != other);
        differs.then(|| Self { what: what.to_owned(), sides })
    }
}

/// The first thing that a crash has changed.
pub(super) fn difference(undisturbed: &CrashRun, crashed: &CrashRun) -> Option<Difference> {
    let outcomes = || {
        let (one, other) = (in_words(&undisturbed.outcome), in_words(&crashed.outcome));
        Difference::between("its outcome", one, other)
    };
    let signals = || {
        let (one, other) = (signals(&undisturbed.journal), signals(&crashed.journal));
        Difference::between("the signals it received", one, other)
    };
    let decisions = || {
        let (one, other) = (decisions(&undisturbed.journal), decisions(&crashed.journal));
        Difference::between("what it has recorded", one, other)
    };
    outcomes()
        .or_else(|| never_died(undisturbed, crashed))
        .or_else(|| effects(&crashed.done))
        .or_else(signals)
        .or_else(decisions)
}

/// It was to die and has not come so far.
fn never_died(undisturbed: &CrashRun, crashed: &CrashRun) -> Option<Difference> {
    crashed.place.filter(|_| !crashed.died)?;
    let counts = |crash_run: &CrashRun| format!("{} commits", crash_run.commits);
    let sides = Some((counts(undisturbed), counts(crashed)));
    Some(Difference { what: "its crash_run: it never came to this place".into(), sides })
}

/// Each activity is invoked before its record and never after it; and there is one record.
fn effects(done: &[Progress]) -> Option<Difference> {
    let mut seen: BTreeMap<Step, (usize, usize)> = BTreeMap::new();
    for done in done {
        let (Progress::Invoked(step) | Progress::Recorded(step)) = *done;
        let (invoked, recorded) = seen.entry(step).or_default();
        let op = step.1;
        match done {
            Progress::Invoked(_) if *recorded > 0 => {
                let what = format!("its effects: activity #{op} was invoked after its record");
                return Some(Difference::new(what));
            }
            Progress::Recorded(_) if *recorded > 0 || *invoked == 0 => {
                let times = *recorded + 1;
                let what = format!(
                    "its effects: activity #{op} was recorded {times} times and invoked {invoked} \
                     times by then"
                );
                return Some(Difference::new(what));
            }
            Progress::Invoked(_) => *invoked += 1,
            Progress::Recorded(_) => *recorded += 1,
        }
    }
    None
}

pub(super) fn in_words(outcome: &Result<Box<RawValue>>) -> String {
    match outcome {
        Ok(output) => output.get().to_owned(),
        // The code is the same, and the usual causes are named at the end of the report.
        Err(error) => {
            let said = format!("error: {error}").replace(KEEP_THE_CODE, "").replace(CAUSES, "");
            said.trim_end().to_owned()
        }
    }
}

fn signals(journal: &[HistoryEvent]) -> String {
    let signals = journal.iter().filter(|event| event.kind == "signal_received");
    let shown = signals.map(|event| {
        let name = event.name.as_deref().unwrap_or_default();
        format!("{name} {:?}", event.value)
    });
    shown.collect::<Vec<_>>().join(", ")
}

/// The operations that have results, in the order of their numbers: their order in time may follow
/// from which worker was faster.
fn decisions(journal: &[HistoryEvent]) -> String {
    let mut decided: Vec<_> = journal
        .iter()
        .filter(|event| event.kind != "activity_attempt_failed")
        .filter_map(|event| Some((event.operation?, event.kind, event.name.as_deref())))
        .collect();
    decided.sort();
    let shown = decided.into_iter().map(|(op, kind, name)| {
        let name = name.map(|name| format!(" `{name}`")).unwrap_or_default();
        format!("{kind}{name} (#{op})")
    });
    shown.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::Progress::{Invoked, Recorded};
    use super::*;

    /// What is said about a list of invocations and records.
    #[track_caller]
    fn check(done: &[fn(Step) -> Progress], expected: Option<&str>) {
        let done: Vec<_> = done.iter().map(|done| done((Uuid::nil(), 3))).collect();
        assert_eq!(effects(&done).map(|difference| difference.what).as_deref(), expected);
    }

    #[test]
    fn effects_are_counted() {
        check(&[], None);
        check(&[Invoked, Invoked, Recorded], None);
        check(
            &[Invoked, Recorded, Invoked],
            Some("its effects: activity #3 was invoked after its record"),
        );
        check(
            &[Invoked, Recorded, Recorded],
            Some("its effects: activity #3 was recorded 2 times and invoked 1 times by then"),
        );
        check(
            &[Recorded],
            Some("its effects: activity #3 was recorded 1 times and invoked 0 times by then"),
        );
    }
}
