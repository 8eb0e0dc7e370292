//! Virtual time of a test: it stands still unless the test waits for it.
//!
//! A paused runtime moves its clock to the next timer when nothing else can run, but not while a
//! blocking task is on its way. So the gate keeps one: a thread that does nothing. It is let go
//! while somebody waits for a result, and only then may the clock move. Real work on blocking
//! threads holds the clock in the same way; a socket does not.

use std::cell::RefCell;
use std::io::Write;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::{Handle, RuntimeFlavor};

use crate::clock;

/// How long (really) a test may leave time standing still before it is told.
const PATIENCE: Duration = Duration::from_secs(10);

thread_local! {
    /// The gate of the test that runs on this thread, for as long as somebody holds it.
    static GATE: RefCell<Weak<Gate>> = const { RefCell::new(Weak::new()) };
}

/// Lets virtual time move, or not; shared by everything that one test waits for.
pub(crate) struct Gate {
    runtime: Handle,
    state: Mutex<GateState>,
}

#[derive(Default)]
struct GateState {
    /// Who needs time to be virtual: after the last, it is left alone.
    owners: usize,
    /// Who waits for time to move.
    waiting: usize,
    hold: Option<Hold>,
}

/// Dropping it ends the blocking task.
struct Hold(#[expect(dead_code, reason = "its drop is the message")] mpsc::Sender<()>);

/// Keeps time virtual, and still.
pub(crate) struct Still(Arc<Gate>);

/// Lets time move.
pub(crate) struct Moving(Arc<Gate>);

impl Still {
    /// Pauses the clock of this runtime, unless that has been done.
    ///
    /// # Panics
    /// Outside of a runtime, and in one of several threads: its clock cannot be paused.
    #[track_caller]
    pub(crate) fn begin() -> Self {
        let here = Handle::try_current().ok().map(|runtime| runtime.id());
        let known = GATE.with_borrow(Weak::upgrade);
        let known = known.filter(|gate| Some(gate.runtime.id()) == here);
        let gate = known.unwrap_or_else(Gate::new);
        gate.change(|state| state.owners += 1);
        Self(gate)
    }

    pub(crate) fn gate(&self) -> &Arc<Gate> {
        &self.0
    }
}

impl Drop for Still {
    fn drop(&mut self) {
        self.0.change(|state| state.owners -= 1);
    }
}

impl Drop for Moving {
    fn drop(&mut self) {
        self.0.change(|state| state.waiting -= 1);
    }
}

impl Gate {
    #[track_caller]
    fn new() -> Arc<Self> {
        let Ok(runtime) = Handle::try_current() else {
            panic!(
                "virtual time needs a runtime: in a test use `#[flows::test]` or `#[tokio::test]`, in `main` \
                 `#[tokio::main(flavor = \"current_thread\")]`"
            );
        };
        assert!(
            runtime.runtime_flavor() == RuntimeFlavor::CurrentThread,
            "virtual time needs a runtime of one thread, and this one has several: in a test use \
             `#[flows::test]`, or `#[tokio::test]` without `flavor = \"multi_thread\"`; in `main` write \
             `#[tokio::main(flavor = \"current_thread\")]`"
        );
        if !clock::is_paused() {
            tokio::time::pause();
        }
        let gate = Arc::new(Self { runtime, state: Mutex::default() });
        GATE.set(Arc::downgrade(&gate));
        gate
    }

    /// Time may move until the answer is dropped.
    pub(crate) fn open(self: &Arc<Self>) -> Moving {
        self.change(|state| state.waiting += 1);
        Moving(Arc::clone(self))
    }

    fn change(&self, change: impl FnOnce(&mut GateState)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        let hold = state.owners > 0 && state.waiting == 0;
        if !hold {
            state.hold = None;
        } else if state.hold.is_none() {
            state.hold = Some(self.hold());
        }
    }

    fn hold(&self) -> Hold {
        let (sender, released) = mpsc::channel();
        self.runtime.spawn_blocking(move || {
            if released.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                complain();
                let _ = released.recv(); // it ends when the sender is dropped
            }
        });
        Hold(sender)
    }
}

/// Past the capture of test output: who sees it looks at a test that hangs.
fn complain() {
    let message = format!(
        "flows: for {PATIENCE:?} of real time a test has not waited for anything that moves \
         virtual time. If it hangs: only `exec.result()`, `env.sleep(..)`, `env.settle()` and \
         `env.waits_for(..)` move it. For a `tokio::time::sleep` of the test itself, write \
         `env.sleep(..)`.\n"
    );
    drop(std::io::stderr().write_all(message.as_bytes()));
}
