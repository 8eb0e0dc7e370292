//! Every way in which owners of a run may end, one after the other: which attempts of its activity count.
//!
//! An owner ends before or behind each of its steps: its code is run, a record is durable, its attempt starts. It ends
//! by its death, or hands the run back.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::{CodeCall, CodeReturned, Effect, Input, Rules, Run, RunStep};
use super::stage::{BEGIN, Fake, old_run, rules, start, turn};
use crate::error::{Error, ErrorKind};
use crate::journal::{self, Event, StoredError};
use crate::replay::{ActivityStart, Command};
use crate::store::{Activation, CONVICTED, Page, setbacks_after};
use crate::time::Timestamp;

/// How an owner ends.
#[derive(Debug, Clone, Copy, PartialEq)]
struct End {
    /// How many steps it does.
    steps: usize,
    by_death: bool,
}

/// What is left when an owner has ended.
#[derive(Clone)]
struct Left {
    journal: Vec<Vec<u8>>,
    setbacks: i16,
    /// The attempts that were started, or were noted and about to, and how many owners had died before.
    started: BTreeMap<u32, usize>,
    /// How many owners have died.
    deaths: usize,
    now: Timestamp,
    /// The first attempt is due then.
    due: Timestamp,
}

/// What every owner does that starts an attempt: its code is run twice, and there is a record behind each.
const ALL: usize = 5;

impl Left {
    /// The attempt that is open, as a replay finds it.
    fn open(&self) -> ActivityStart {
        let rows = self.journal.iter().flat_map(|row| journal::decode(0, row).expect("a row"));
        let mut open = ActivityStart { not_before: Some(self.due), ..start(0) };
        for recorded in rows {
            match recorded.event {
                Event::ActivityAttemptFailed { attempt, .. } => {
                    open = ActivityStart { attempt: attempt + 1, ..start(0) };
                }
                Event::ActivityStarted { attempt, setbacks, .. } if attempt == open.attempt => {
                    open.started = Some(setbacks);
                }
                _ => {}
            }
        }
        open
    }

    fn owned_until(mut self, end: End) -> Self {
        let journal = self.journal.clone();
        let run = Activation { journal, setbacks: self.setbacks, ..old_run(1) };
        // None is stuck here: it is the attempts that are looked at.
        let rules = Rules { max_setbacks: u16::MAX, ..rules() };
        let mut run = Run::<Fake>::new(Box::new(run), 0);
        let mut effects = Vec::new();
        let mut steps = 0;
        let mut step = |run: &mut Run<Fake>, input| {
            let mut step =
                RunStep { now: self.now, rules: &rules, effects: &mut effects, launched: 0 };
            run.handle(input, &mut step);
            std::mem::take(&mut effects)
        };
        let mut todo = step(&mut run, Input::Page(Page::default()));
        while !todo.is_empty() {
            let effect = todo.remove(0);
            let is_over = steps == end.steps;
            steps +=
                usize::from(matches!(effect, Effect::Work | Effect::Commit | Effect::Launch(_)));
            let input = match effect {
                Effect::Launch(start) if !is_over || start.started.is_some() => {
                    self.started.entry(start.attempt).or_insert(self.deaths);
                    break;
                }
                Effect::Work | Effect::Commit | Effect::Launch(_) if is_over => break,
                Effect::Work => {
                    let mut effects = Vec::new();
                    let mut step = RunStep {
                        now: self.now,
                        rules: &rules,
                        effects: &mut effects,
                        launched: 0,
                    };
                    let call = run.next_call(&mut step);
                    todo.extend(effects);
                    match call {
                        Some(call) => returned(&run, call, self.open(), self.now),
                        None => continue,
                    }
                }
                Effect::Commit => {
                    let record = run.next_record().expect("it was said");
                    self.journal.extend(Some(record.events).filter(|row| !row.is_empty()));
                    Input::Committed { parked: true }
                }
                _ => continue,
            };
            todo.extend(step(&mut run, input));
        }
        self.setbacks = setbacks_after(self.setbacks, end.by_death);
        self.deaths += usize::from(end.by_death);
        self.now = self.now.after(Duration::from_secs(3600));
        self
    }
}

/// The code comes back; what has failed with an earlier owner fails.
fn returned(
    run: &Run<Fake>,
    call: CodeCall<Fake>,
    open: ActivityStart,
    now: Timestamp,
) -> Input<Fake> {
    let open = match call {
        CodeCall::Begin { .. } => open,
        CodeCall::Apply(..) => ActivityStart { attempt: open.attempt + 1, ..start(0) },
    };
    let error = StoredError::from(&Error::new(ErrorKind::WorkerLost, "gone"));
    let lost = run.has_lost(&open, now).map(|_| Event::ActivityAttemptFailed {
        step: open.task.step(),
        attempt: open.attempt,
        error,
        retry_at: now,
        heartbeat: None,
    });
    let commands = if lost.is_some() { Vec::new() } else { vec![Command::RunActivity(open)] };
    Input::Returned(CodeReturned {
        machine: Some(Fake::default()),
        turn: Ok(turn(commands)),
        refusal: None,
        failed: lost.into_iter().collect(),
        fresh: None,
    })
}

fn ends() -> Vec<End> {
    let deaths = (0..=ALL).map(|steps| End { steps, by_death: true });
    deaths.chain((0..=ALL).map(|steps| End { steps, by_death: false })).collect()
}

/// What is left behind each row of so many owners that end. A convict that is handed back is a suspect again, with
/// fewer setbacks than it had: that is left out.
fn rows_of(owners: usize, begin: &Left) -> Vec<(Vec<End>, Left)> {
    let mut all = vec![(Vec::new(), begin.clone())];
    for _ in 0..owners {
        let longer = |(row, left): &(Vec<End>, Left)| {
            let (row, left) = (row.clone(), left.clone());
            let may_end = |end: &End| end.by_death || left.setbacks > CONVICTED;
            let ends = ends().into_iter().filter(may_end).collect::<Vec<_>>();
            ends.into_iter()
                .map(move |end| ([row.as_slice(), &[end]].concat(), left.clone().owned_until(end)))
        };
        all = all.iter().flat_map(longer).collect();
    }
    all
}

/// Attempts that were started before a death, and the number of the one that is started next.
fn counted(left: Left) -> (usize, usize) {
    let died = left.started.values().filter(|before| **before < left.deaths).count();
    let last = left.owned_until(End { steps: ALL, by_death: false });
    let next = last.started.keys().last().copied().unwrap_or(0);
    (died, usize::try_from(next).expect("few"))
}

fn begin() -> Left {
    let journal = old_run(1).journal;
    let started = BTreeMap::new();
    Left { journal, setbacks: 0, started, deaths: 0, now: BEGIN, due: BEGIN }
}

/// A worker that has died may have invoked its attempts; what comes behind it is noted.
#[test]
fn who_died_in_an_attempt_counts_once_whoever_ends_meanwhile() {
    let first = End { steps: ALL, by_death: true };
    for (row, left) in rows_of(3, &begin().owned_until(first)) {
        let (died, next) = counted(left);
        assert_eq!(next, died + 1, "behind {row:?}");
    }
}

/// The first one that dies has noted nothing: its attempt counts, and no other one that was not started.
#[test]
fn of_the_first_death_alone_an_attempt_counts_that_may_not_have_started() {
    for (row, left) in rows_of(4, &begin()) {
        let first = row.iter().position(|end| end.by_death);
        let is_guess = first.is_some_and(|at| {
            let before = row[..=at].iter().fold(begin(), |left, end| left.owned_until(*end));
            before.started.is_empty()
        });
        let (died, next) = counted(left);
        assert_eq!(next, died + 1 + usize::from(is_guess), "behind {row:?}");
    }
}

/// It was not due when the run was first suspected, so the first owner had not started it.
#[test]
fn an_attempt_that_is_due_later_counts_when_it_has_started() {
    let later = Left { due: BEGIN.after(Duration::from_secs(2 * 3600)), ..begin() };
    let first = End { steps: ALL, by_death: true };
    let judged = later.owned_until(first).owned_until(first);
    assert_eq!((judged.started.len(), judged.setbacks), (0, -2));
    for (row, left) in rows_of(3, &judged) {
        let (died, next) = counted(left);
        assert_eq!(next, died + 1, "behind {row:?}");
    }
}
