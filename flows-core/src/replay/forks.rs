//! Of a run that was forked: which of its calls are calls of the run that it was forked from.
//!
//! The same call has the same idempotency key, so that what that run has done to the world is not done twice;
//! another call has a key of its own. A call is the same if that run has made it with the same number, activity
//! and input. What the code calls while it repeats that run's events, that run has called, whether or not it has
//! recorded a result: unless something was edited, which the code may have seen.

use uuid::Uuid;

use crate::journal::{Event, ForkPoint, Recorded};

/// Where a run was forked, and where the run that it was forked from was.
#[derive(Debug)]
pub(crate) struct Forks(
    /// The oldest first; never empty.
    Vec<ForkPoint>,
);

impl Forks {
    /// What a journal begins with.
    pub(crate) fn take(journal: &mut Vec<Recorded>) -> Option<Box<Self>> {
        let mut points = Vec::new();
        while let Some(Recorded { event: Event::Forked(_), .. }) = journal.first() {
            if let Event::Forked(point) = journal.remove(0).event {
                points.push(*point);
            }
        }
        (!points.is_empty()).then(|| Box::new(Self(points)))
    }

    /// The run that all of them began as.
    pub(crate) fn first(&self) -> Uuid {
        self.0.first().map_or_else(Uuid::nil, |point| point.from)
    }

    /// The first run that has made this call, which the code makes behind so many events.
    pub(crate) fn called_by(&self, turns: u32, op: u32, name: &str, input: u64) -> Option<Uuid> {
        let is_same = |point: &&ForkPoint| {
            let repeats = !point.edited && turns <= point.turns;
            let found = point.calls.binary_search_by_key(&op, |call| call.op);
            repeats
                || found.is_ok_and(|at| {
                    let call = &point.calls[at];
                    call.name == name && call.input == input
                })
        };
        self.0.iter().rev().take_while(is_same).last().map(|point| point.from)
    }
}
