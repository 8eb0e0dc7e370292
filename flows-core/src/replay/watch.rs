//! The watch over a poll: does every part of the workflow wait on something durable?
//!
//! The types let a workflow await what is durable and nothing else. But the body of somebody's
//! macro may await what it likes, and hides that from `#[workflow]`. So each part that runs code of
//! the user (the workflow and every async block in it) is judged when it returns `Pending`. It
//! waits on something foreign
//!
//! - if the last thing that happened in that very poll of it was not that a durable future said
//!   `Pending`: a body that awaits is the caller of what it waits for, so nothing comes between;
//! - or if somebody has kept its waker: what is ours keeps wake flags, and those weakly;
//! - or if its waker was used where no workflow is polled.
//!
//! This is exact for whatever waits, and found in the turn in which the wait begins, before anything
//! is done that this turn wants. A future that wakes itself is polled again in the same turn and
//! judged then. What is foreign and ready at once cannot be told from a plain call.
//!
//! It costs a few plain loads and stores for each part that is polled. They are thread-local,
//! because a future has no other way to its machine than the context of its poll.

use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};

use super::bounds::Bound;
use super::machine::Shared;
pub(crate) use super::place::Place;
use super::wake_flag::WakeFlag;

thread_local! {
    static WATCH: PollWatch = const {
        PollWatch {
            machine: RefCell::new(None),
            wake_flag: RefCell::new(Weak::new()),
            now: Cell::new(NOTHING),
            foreign: Cell::new(None),
            forgotten: RefCell::new(Vec::new()),
            giving_up: Cell::new(false),
        }
    };
}

struct PollWatch {
    /// The machine that polls, if one does.
    machine: RefCell<Option<Arc<Shared>>>,
    /// The wake flag of the part that is being polled; none outside of a poll.
    wake_flag: RefCell<Weak<WakeFlag>>,
    now: Cell<Now>,
    /// The first foreign wait of this poll.
    foreign: Cell<Option<Foreign>>,
    /// Calls that this poll has dropped, and that nobody has awaited, in words.
    forgotten: RefCell<Vec<String>>,
    /// What is dropped now is given up.
    giving_up: Cell<bool>,
}

/// What has happened in the part that is being polled.
#[derive(Clone, Copy)]
struct Now {
    /// The last thing was that something durable said `Pending`.
    waits: bool,
    /// The last await that was passed.
    passed: Option<Place>,
    /// The statement with somebody's macro that is being executed.
    entered: Option<Place>,
}

const NOTHING: Now = Now { waits: false, passed: None, entered: None };

/// A wait that no replay could repeat, and where it was found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Foreign {
    /// The statement that it is in, where that has a macro nobody can see into.
    pub(crate) entered: Option<Place>,
    /// The durable await before it, in the same poll.
    pub(crate) passed: Option<Place>,
}

// ---- for the machine ---------------------------------------------------------------------------

/// Polls the whole workflow.
pub(crate) fn look<T>(
    machine: &Arc<Shared>,
    wake_flag: &Arc<WakeFlag>,
    entered: &mut Option<Place>,
    poll: impl FnOnce(&mut Context<'_>) -> Poll<T>,
) -> Result<Poll<T>, Foreign> {
    let waker = Waker::from(Arc::clone(wake_flag));
    let mut context = Context::from_waker(&waker);
    let _blank = Blank;
    WATCH.with(|watch| watch.machine.replace(Some(Arc::clone(machine))));
    let polled = with_wake_flag(wake_flag, || part(entered, || poll(&mut context)));
    machine.lock().forgotten.extend(WATCH.with(|watch| watch.forgotten.take()));
    match WATCH.with(|watch| watch.foreign.take()) {
        Some(foreign) => Err(foreign),
        None => Ok(polled),
    }
}

/// Forgets everything behind a poll, also behind one that panics.
struct Blank;

impl Drop for Blank {
    fn drop(&mut self) {
        WATCH.with(|watch| {
            watch.machine.take();
            watch.wake_flag.replace(Weak::new());
            watch.now.set(NOTHING);
            watch.foreign.set(None);
            watch.forgotten.take();
        });
    }
}

// ---- for what runs code of the user, and for sets ----------------------------------------------

/// Polls a part and judges it. `entered` is what [`entering`] has left in it.
pub(crate) fn part<T>(entered: &mut Option<Place>, poll: impl FnOnce() -> Poll<T>) -> Poll<T> {
    WATCH.with(|watch| {
        let outer = watch.now.replace(Now { entered: *entered, ..NOTHING });
        let holders = watch.wake_flag.borrow().strong_count();
        let polled = poll();
        let inner = watch.now.get();
        *entered = inner.entered;
        if polled.is_pending() && watch.is_foreign(inner, holders) && watch.foreign.get().is_none()
        {
            watch.foreign.set(Some(Foreign { entered: inner.entered, passed: inner.passed }));
        }
        let passed = if polled.is_ready() { inner.passed.or(outer.passed) } else { outer.passed };
        watch.now.set(Now { waits: polled.is_pending(), passed, entered: outer.entered });
        polled
    })
}

impl PollWatch {
    /// Whether a part that is pending waits on something foreign.
    fn is_foreign(&self, now: Now, holders: usize) -> bool {
        let wake_flag = self.wake_flag.borrow();
        if wake_flag.strong_count() > holders {
            return true;
        }
        let Some(wake_flag) = wake_flag.upgrade() else { return false };
        wake_flag.is_set_from_outside() || (!now.waits && !wake_flag.is_set())
    }
}

/// How many calls this poll has forgotten so far.
pub(crate) fn forgotten() -> usize {
    WATCH.with(|watch| watch.forgotten.borrow().len())
}

/// What was forgotten since then was left behind by an error.
pub(crate) fn forgive(before: usize) {
    WATCH.with(|watch| watch.forgotten.borrow_mut().truncate(before));
}

/// Whoever awaits it does so no more: nothing that is dropped here is forgotten.
pub(crate) fn give_up(dropping: impl FnOnce()) {
    let outer = WATCH.try_with(|watch| watch.giving_up.replace(true));
    dropping();
    let _ = WATCH.try_with(|watch| watch.giving_up.set(outer.unwrap_or_default()));
}

/// A call was dropped, and nobody has awaited it.
pub(crate) fn forgets(owner: &Arc<Shared>, call: impl FnOnce() -> String) {
    let _ = WATCH.try_with(|watch| {
        let polls = watch.machine.borrow().as_ref().is_some_and(|polls| Arc::ptr_eq(polls, owner));
        if polls && !watch.giving_up.get() && !crate::panics::is_unwinding() {
            watch.forgotten.borrow_mut().push(call());
        }
    });
}

/// Polls a part that has a wake flag of its own.
pub(crate) fn with_wake_flag<T>(wake_flag: &Arc<WakeFlag>, poll: impl FnOnce() -> T) -> T {
    wake_flag.quiet();
    let outer = WATCH.with(|watch| watch.wake_flag.replace(Arc::downgrade(wake_flag)));
    let polled = poll();
    WATCH.with(|watch| watch.wake_flag.replace(outer));
    polled
}

// ---- for durable futures -----------------------------------------------------------------------

/// A durable future, or a combinator over some, says `Pending`.
pub(crate) fn waits() {
    WATCH.with(|watch| watch.now.set(Now { waits: true, ..watch.now.get() }));
}

/// The wait for an operation that was called here is over.
pub(crate) fn passed(site: Place) {
    WATCH.with(|watch| {
        watch.now.set(Now { waits: false, passed: Some(site), ..watch.now.get() });
    });
}

/// A durable future was dropped, or has got what it waited for: whoever polled it does not wait on
/// what said `Pending` last.
pub(crate) fn goes_on() {
    let _ = WATCH.try_with(|watch| watch.now.set(Now { waits: false, ..watch.now.get() }));
}

/// Keeps the wake flag of the part that is being polled; `false` where nothing is.
pub(crate) fn keep(kept: &mut Weak<WakeFlag>) -> bool {
    WATCH.with(|watch| {
        let wake_flag = watch.wake_flag.borrow();
        if !kept.ptr_eq(&wake_flag) {
            *kept = Weak::clone(&wake_flag);
        }
        wake_flag.strong_count() > 0
    })
}

/// A durable future says `Pending` to whoever has this waker. In the workflow that is the machine or
/// a set of ours; anybody else would wait for what comes after the turn, which cannot end before.
/// Who has a waker that wakes nothing does not wait.
pub(crate) fn answers(
    owner: &Arc<Shared>,
    cx: &Context<'_>,
    site: Place,
    what: impl FnOnce() -> String,
) {
    if !is_ours(owner, cx) {
        if wakes_nothing(cx.waker()) {
            owner.bounds.call("a poll by hand", site);
        } else {
            owner.bounds.exceed(Bound::Blocked, what(), site);
        }
    }
}

fn is_ours(owner: &Arc<Shared>, cx: &Context<'_>) -> bool {
    WATCH.with(|watch| {
        let polls = watch.machine.borrow().as_ref().is_some_and(|polls| Arc::ptr_eq(polls, owner));
        polls && std::ptr::eq(cx.waker().data(), watch.wake_flag.borrow().as_ptr().cast())
    })
}

fn wakes_nothing(waker: &Waker) -> bool {
    waker.will_wake(Waker::noop()) || waker.will_wake(futures_util::task::noop_waker_ref())
}

/// A set of ours says `Pending`.
pub(crate) fn set_answers(cx: &Context<'_>, name: &str, site: Place) {
    if let Some(owner) = WATCH.with(|watch| watch.machine.borrow().clone()) {
        answers(&owner, cx, site, || format!("`{name}`"));
    }
}

/// Something is awaited here.
pub(crate) fn awaits(site: Place) {
    WATCH.with(|watch| {
        let machine = watch.machine.borrow();
        if let Some(machine) = &*machine {
            machine.bounds.call("an await of what is ready at once", site);
        }
    });
}

/// Whether this thread polls a workflow.
pub(crate) fn is_polling() -> bool {
    WATCH.try_with(|watch| watch.wake_flag.borrow().strong_count() > 0).unwrap_or(false)
}

// ---- for generated code ------------------------------------------------------------------------

/// A statement that has a macro nobody can see into; until this is dropped, a foreign wait is
/// looked for there.
pub struct Entered {
    place: Place,
    outer: Option<Place>,
}

/// Begins such a statement, at the caller's place.
#[track_caller]
pub fn entering() -> Entered {
    let place = Location::caller();
    let outer = WATCH.with(|watch| {
        let now = watch.now.get();
        watch.now.set(Now { entered: Some(place), ..now });
        now.entered
    });
    Entered { place, outer }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let _ = WATCH.try_with(|watch| {
            let now = watch.now.get();
            if now.entered.is_some_and(|entered| std::ptr::eq(entered, self.place)) {
                watch.now.set(Now { entered: self.outer, ..now });
            }
        });
    }
}
