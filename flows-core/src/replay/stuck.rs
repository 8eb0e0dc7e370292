//! Why a run cannot go on in this build. It is neither failed nor lost: a mended build takes it up.

use std::fmt;

use super::bounds::{BYTES, Bound, Broken, CALLS, OPERATIONS};
use super::watch::{Foreign, Place};
use crate::error::storable_reason;

/// What may be awaited.
const INSTEAD: &str = "Await activities, children, `ctx.sleep`, `ctx.signal` and the like, or `flows::join!` and \
     `flows::select!` of them; put other waiting into an `#[activity]`.";

/// What to do where the code was changed.
pub(crate) const KEEP_THE_CODE: &str = "\nThis run needs the code that wrote its journal. Keep that code for it, as the `else` of an \
     `if ctx.patched(\"…\")` or under its own `version` of the workflow; or deploy that build again.";

/// A run that cannot go on in this build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stuck {
    message: String,
}

impl Stuck {
    /// A reason of its own.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: storable_reason(message.into()) }
    }

    /// The workflow waits for something that is not durable.
    pub(crate) fn foreign(found: Foreign, who: &str) -> Self {
        let inside = |place: Place| format!("the macro at {}:{}", place.file(), place.line());
        let behind = |place: Place| format!("the await at {}:{}", place.file(), place.line());
        let place = match (found.entered.map(inside), found.passed.map(behind)) {
            (Some(inside), Some(behind)) => format!("in {inside}, behind {behind}"),
            (Some(inside), None) => format!("in {inside}"),
            (None, Some(behind)) => format!("behind {behind}"),
            (None, None) => "at the first await of the workflow, or of an async block in it".into(),
        };
        Self::new(format!(
            "the workflow waits for something that is not durable: a replay could not repeat it\n  \
             where:    {place}\n  \
             workflow: {who}\n\
             {INSTEAD}"
        ))
    }

    /// The workflow waits, and there is nothing that it waits for.
    pub(crate) fn waits_on_nothing(who: &str) -> Self {
        Self::new(format!(
            "the workflow waits, but on nothing durable, so no event could ever wake it\n  \
             workflow: {who}\n\
             {INSTEAD}"
        ))
    }

    /// A durable future was polled by something that is not the workflow.
    pub(crate) fn moved_out(what: &str) -> Self {
        Self::new(format!(
            "a durable future was polled outside of its workflow, by a task or a thread: {what}\n\
             Await it in the workflow; for several things at once use `flows::join!` or `.start()`."
        ))
    }

    /// The workflow has exceeded a bound of its turn.
    pub(crate) fn out_of_bounds(broken: &Broken, who: &str) -> Self {
        let Broken { bound, call, site } = broken;
        let (what, cure) = in_words(*bound);
        let (file, line) = (site.file(), site.line());
        Self::new(format!(
            "{what}\n  where:    {call}, called at {file}:{line}\n  workflow: {who}\n{cure}"
        ))
    }

    /// The journal and the code disagree.
    pub(crate) fn mismatch(journal: &str, code: &str) -> Self {
        Self::new(format!(
            "the journal does not match this build\n  \
             journal: {journal}\n  \
             code:    {code}{KEEP_THE_CODE}"
        ))
    }
}

/// What a workflow has done that exceeds a bound, and what it can do instead.
fn in_words(bound: Bound) -> (String, &'static str) {
    const WAIT: &str = "Time stands still between two awaits, and nothing arrives. Wait for time with \
         `ctx.sleep(..).await`, for a signal with `ctx.receive().await` or `ctx.signal(..).await`.";
    const LEAVE: &str = "Once the run is cancelled, what it awaits fails at once: leave a loop at the first error \
         (`?`) and clean up under `ctx.shield`. Spread work that is larger over several turns (await a part \
         before you call the next), over children, or over runs with `ctx.continue_as_new`.";
    match bound {
        Bound::Operations => (
            format!("the workflow calls more than {OPERATIONS} operations in one turn, without waiting"),
            LEAVE,
        ),
        Bound::Bytes => {
            (format!("the workflow asks for more than {BYTES} bytes to be stored in one turn"), LEAVE)
        }
        Bound::Calls => {
            (format!("the workflow calls the library {CALLS} times in one turn, without waiting"), WAIT)
        }
        Bound::Time => (
            "the workflow calls the library again and again, for many seconds, without waiting".into(),
            WAIT,
        ),
        Bound::Blocked => (
            "the workflow polls a durable future by itself, as `block_on` does: it would block its \
             thread for ever"
                .into(),
            "Make the function an `async fn` with `#[flows::durable]`, and `.await` it and the future.",
        ),
    }
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Stuck {}
