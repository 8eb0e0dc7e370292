//! Panics of user code: caught, and told with file and line.
//!
//! A payload does not know where it comes from; only the process's panic hook does. So the first user
//! code that runs puts a hook in front of the one that is there: it notes the place for its thread, and
//! passes on. A payload may panic in its turn when it is dropped; that is caught too.

pub(crate) mod guarded;
pub(crate) mod runtime;

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    /// Where this thread has panicked last.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// A panic that was caught.
#[derive(Debug)]
pub(crate) struct Caught {
    place: Option<String>,
    said: String,
}

/// Runs user code.
pub(crate) fn catch<T>(code: impl FnOnce() -> T) -> Result<T, Caught> {
    begin();
    catch_unwind(AssertUnwindSafe(code)).map_err(Caught::of)
}

/// From here on, the place of a panic is known.
pub(crate) fn begin() {
    static HOOK: Once = Once::new();
    if is_unwinding() {
        return; // this may be a destructor, and the place that of the panic which runs it
    }
    if !HOOK.is_completed() {
        HOOK.call_once(|| {
            let before = take_hook();
            set_hook(Box::new(move |info| {
                note(info);
                before(info);
            }));
        });
    }
    let _ = PLACE.try_with(|place| place.try_borrow_mut().map(|mut place| *place = None));
}

fn note(info: &PanicHookInfo<'_>) {
    let at = info.location().map(|at| format!("{}:{}", at.file(), at.line()));
    let _ = PLACE.try_with(|place| place.try_borrow_mut().map(|mut place| *place = at));
}

impl Caught {
    /// What was caught on this thread just now.
    pub(crate) fn of(payload: Box<dyn Any + Send>) -> Self {
        let place = PLACE.try_with(RefCell::take).ok().flatten();
        let said = said(&*payload);
        discard(payload);
        Self { place, said }
    }
}

impl Caught {
    /// The same of workflow code: what it did, where the panic only says what it lacks.
    pub(crate) fn of_workflow(&self) -> String {
        match &self.place {
            Some(place) if runtime::is_missed(&self.said) => {
                format!("at {place} {}", runtime::MISSED)
            }
            _ => self.to_string(),
        }
    }
}

impl fmt::Display for Caught {
    /// panicked at src/order.rs:12: no paper
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(f, "panicked at {place}: {}", self.said),
            None => write!(f, "panicked: {}", self.said),
        }
    }
}

/// What a panic said.
pub(crate) fn said(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a value that is not text".into())
}

/// Whether this thread is unwinding: another panic would abort the process.
pub(crate) fn is_unwinding() -> bool {
    std::thread::panicking()
}

/// Drops a payload. One that panics then, and so on, is leaked.
fn discard(payload: Box<dyn Any + Send>) {
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(another);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Panics when it is dropped, with another of its kind.
    struct Spiteful(u32);

    impl Drop for Spiteful {
        fn drop(&mut self) {
            if self.0 > 0 && !std::thread::panicking() {
                std::panic::panic_any(Spiteful(self.0 - 1));
            }
        }
    }

    #[test]
    fn a_panic_is_told_with_file_and_line() {
        let caught = catch(|| panic!("no {}", "paper")).expect_err("it panics");
        let line = line!() - 1;
        assert_eq!(caught.to_string(), format!("panicked at {}:{line}: no paper", file!()));
    }

    #[test]
    fn a_payload_that_panics_when_dropped_harms_nobody() {
        for depth in [0, 1, 3] {
            let caught = catch(|| std::panic::panic_any(Spiteful(depth))).expect_err("it panics");
            assert!(caught.to_string().ends_with(": a value that is not text"), "{caught}");
        }
    }

    #[test]
    fn a_place_is_not_that_of_an_earlier_panic() {
        drop(catch_unwind(|| panic!("an earlier one, which user code has caught")));
        let caught =
            catch(|| std::panic::resume_unwind(Box::new("thrown"))).expect_err("it panics");
        assert_eq!(caught.to_string(), "panicked: thrown", "no hook has seen it");
    }
}
