//! The runtime of tokio, out of the reach of workflow code.
//!
//! A function that a workflow calls may start a task, and nothing shows that it does. So the thread on
//! which the testing kit runs workflow code enters no runtime: what wants one panics, with file and line.
//! Only the closure of a side effect has it.

use std::cell::RefCell;

use tokio::runtime::Handle;

thread_local! {
    /// The runtime that this thread keeps from workflow code.
    static WITHHELD: RefCell<Option<Handle>> = const { RefCell::new(None) };
}

/// Keeps a runtime from the workflow code that this thread runs.
pub(crate) fn withhold(runtime: Handle) {
    WITHHELD.set(Some(runtime));
}

/// Runs what may use the runtime.
pub(crate) fn within<T>(code: impl FnOnce() -> T) -> T {
    let runtime = WITHHELD.try_with(|withheld| withheld.borrow().clone()).ok().flatten();
    let _entered = runtime.as_ref().map(Handle::enter);
    code()
}

/// Whether a panic says that there is no runtime.
pub(super) fn is_missed(said: &str) -> bool {
    said.contains("must be called from the context of a Tokio")
}

/// What it is in a workflow.
pub(super) const MISSED: &str = "uses the runtime of tokio, as `tokio::spawn` and `tokio::time::sleep` do: \
    nobody records what it starts there, and a replay would start it once more. Put it into an \
    `#[activity]`; in a workflow, `.start()` begins something that is awaited later, and `ctx.sleep` \
    waits";
