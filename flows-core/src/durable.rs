//! What may be awaited in a workflow, and nothing else.
//!
//! `#[workflow]` and `#[durable]` turn every `.await` into `durable(…).await`, so a future that no
//! journal can replay is a type error at the place where it is awaited.

use std::panic::Location;
use std::pin::Pin;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};

use crate::replay::watch::{self, Place};

/// A future whose every step is recorded, so that it may be awaited in a workflow.
///
/// Activities, child workflows and what [`WorkflowContext`](crate::context::WorkflowContext) gives
/// are durable; so are `join!`, `select!` and the like over them, async blocks inside a workflow,
/// and `#[durable]` functions. Name it in generic `#[durable]` helpers:
/// `async fn twice<F: flows::Durable>(…)`.
///
/// A future around others is durable for any of them, where whoever makes it takes durable ones only:
/// the error is then about the one that is not, and there is no second about what is around it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be awaited in a workflow: a replay could not repeat it",
    label = "not durable",
    note = "if it reaches outside (a request, a query, a file), put it into an `#[activity]` and await that",
    note = "if it is a helper of yours that awaits activities, timers or signals, write `#[flows::durable]` above \
            it; where it takes a future, it takes `impl Durable<Output = T>` or \
            `Pin<Box<dyn Durable<Output = T> + Send>>`",
    note = "to wait for a time, use `ctx.sleep` or `ctx.timeout`; for a message, `ctx.signal`; for several things \
            at once, `flows::join!`, `flows::select!` or `flows::join_all`"
)]
pub trait Durable: Future + sealed::Sealed {}

/// An error is then about [`Durable`], which users know, not about what it takes.
#[diagnostic::do_not_recommend]
impl<F: Future + sealed::Sealed> Durable for F {}

pub(crate) mod sealed {
    //! Only this crate says what is durable.

    /// What is durable.
    #[diagnostic::on_unimplemented(
        message = "`Durable` cannot be implemented for `{Self}`: the journal knows nothing of it",
        label = "not one of the library's futures",
        note = "await the library's durable futures in a `#[flows::durable]` function instead of \
                writing a future; put other waiting into an `#[activity]`"
    )]
    #[expect(unnameable_types, reason = "nobody else implements or names it")]
    pub trait Sealed {
        /// Somebody is going to await it, by itself or with others. What is dropped after that is given up;
        /// what is dropped without is forgotten.
        #[doc(hidden)]
        fn is_awaited(&self) {}
    }
}

/// Accepts only what is durable.
#[must_use = "without `.await` nothing is done: write `.await` behind it"]
#[track_caller]
pub fn durable<F: Durable>(future: F) -> F {
    watch::awaits(Location::caller());
    future.is_awaited();
    future
}

/// An async block of a workflow.
#[must_use = "without `.await` nothing in it is done: write `.await` behind it"]
pub struct Block<F: Future> {
    /// None when it is being dropped.
    future: Option<Pin<Box<F>>>,
    /// See [`watch::entering`].
    entered: Option<Place>,
    awaited: AtomicBool,
    failed: fn(&F::Output) -> bool,
}

/// Wraps an async block in which every await is durable.
pub fn block<F: Future>(future: F) -> Block<F> {
    helper(future, |_| true) // nobody knows what it gives: nothing is said about how it ends
}

/// Wraps the body of a function; `failed` says whether it ended with an error.
pub fn helper<F: Future>(future: F, failed: fn(&F::Output) -> bool) -> Block<F> {
    Block { future: Some(Box::pin(future)), entered: None, awaited: AtomicBool::new(false), failed }
}

/// What a function gives. Generated code asks it whether that is an error.
pub struct BlockOutput<'a, T: ?Sized>(pub &'a T);

/// Of what can be an error.
pub trait MayFail {
    /// Whether it is one.
    fn failed(&self) -> bool;
}

/// Of anything else.
pub trait NeverFails {
    /// It is none.
    fn failed(&self) -> bool {
        false
    }
}

impl<T, E> MayFail for &BlockOutput<'_, Result<T, E>> {
    fn failed(&self) -> bool {
        self.0.is_err()
    }
}

impl<T> MayFail for &BlockOutput<'_, Option<T>> {
    fn failed(&self) -> bool {
        self.0.is_none()
    }
}

impl<T: ?Sized> NeverFails for BlockOutput<'_, T> {}

impl<F: Future> Future for Block<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Self { future, entered, failed, .. } = &mut *self;
        let Some(future) = future else { return Poll::Pending };
        let forgotten = watch::forgotten();
        let polled = watch::part(entered, || future.as_mut().poll(cx));
        if matches!(&polled, Poll::Ready(output) if failed(output)) {
            watch::forgive(forgotten);
        }
        polled
    }
}

/// What it holds is given up with it.
impl<F: Future> Drop for Block<F> {
    fn drop(&mut self) {
        let future = self.future.take();
        if self.awaited.load(Relaxed) {
            watch::give_up(|| drop(future));
        }
    }
}

impl<F: Future> sealed::Sealed for Block<F> {
    fn is_awaited(&self) {
        self.awaited.store(true, Relaxed);
    }
}

macro_rules! like_what_is_in_it {
    ([$($bound:ident)?] $pointer:ty) => {
        impl<F: Durable $(+ $bound)? + ?Sized> sealed::Sealed for $pointer {
            fn is_awaited(&self) {
                F::is_awaited(self);
            }
        }
    };
}

like_what_is_in_it!([] Pin<Box<F>>);
like_what_is_in_it!([Unpin] Box<F>);
like_what_is_in_it!([Unpin] &mut F);
like_what_is_in_it!([] Pin<&mut F>);
impl<T> sealed::Sealed for std::future::Ready<T> {}
