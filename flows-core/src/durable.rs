//! What may be awaited in a workflow, and nothing else.
//!
//! `#[workflow]` and `#[durable]` turn every `.await` into `durable(…).await`, so a future that no
//! journal can replay is a type error at the place where it is awaited.

use std::panic::Location;
use std::pin::Pin;
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
    note = "what waits for anything outside goes into an `#[activity]`, which is called instead; a helper that \
            awaits durable things is marked `#[flows::durable]`, and takes `impl Durable<Output = T>` or \
            `Pin<Box<dyn Durable<Output = T> + Send>>` where others take a `Future`",
    note = "for time use `ctx.sleep` and `ctx.timeout`, for what comes from outside `ctx.signal`, for several at \
            once `flows::join!`, `flows::select!` and `flows::join_all`; `async` blocks of these are durable too"
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
    pub trait Sealed {}
}

/// Accepts only what is durable.
#[must_use = "a durable future does nothing unless it is awaited"]
#[track_caller]
pub fn durable<F: Durable>(future: F) -> F {
    watch::awaits(Location::caller());
    future
}

/// An async block of a workflow.
#[must_use = "an async block does nothing unless it is awaited"]
pub struct Block<F> {
    future: Pin<Box<F>>,
    /// See [`watch::entering`].
    entered: Option<Place>,
}

/// Wraps an async block in which every await is durable.
pub fn block<F: Future>(future: F) -> Block<F> {
    Block { future: Box::pin(future), entered: None }
}

impl<F: Future> Future for Block<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Self { future, entered } = &mut *self;
        watch::part(entered, || future.as_mut().poll(cx))
    }
}

impl<F: Future> sealed::Sealed for Block<F> {}
impl<F: Durable + ?Sized> sealed::Sealed for Pin<Box<F>> {}
impl<F: Durable + Unpin + ?Sized> sealed::Sealed for Box<F> {}
impl<F: Durable + Unpin + ?Sized> sealed::Sealed for &mut F {}
impl<F: Durable + ?Sized> sealed::Sealed for Pin<&mut F> {}
impl<T> sealed::Sealed for std::future::Ready<T> {}
