//! What an activity hands its context to: only workflows call activities, children and durable helpers.
//!
//! The answer gives the context that the function takes, so that there is no second error about that.

use crate::calls::{Call, ChildCall};
use crate::context::{ActivityContext, WorkflowContext};
use crate::definition::{Activity, Workflow};
use crate::durable::Block;

/// A function, and the context of an activity that it is handed.
pub struct Handed<'a, F>(pub F, pub &'a ActivityContext);

/// Only a workflow calls the function.
pub struct NotHere;
/// Anybody does.
pub struct Here<'a>(&'a ActivityContext);

impl NotHere {
    /// Never called.
    pub fn context(&self) -> &'static WorkflowContext {
        unreachable!("this program does not compile")
    }
}

impl<'a> Here<'a> {
    /// The context.
    pub fn context(&self) -> &'a ActivityContext {
        self.0
    }
}

/// What stubs and durable helpers give.
pub trait Stub {}

impl<A: Activity> Stub for Call<A> {}
impl<W: Workflow> Stub for ChildCall<W> {}
impl<F: Future> Stub for Block<F> {}

/// The answer that is tried first: about a function that takes these arguments behind the context.
pub trait OfWorkflows<Args> {
    /// The answer.
    fn answer(&self) -> NotHere {
        NotHere
    }
}

/// The answer about anything.
pub trait Anybody<'a> {
    /// The answer.
    fn answer(&self) -> Here<'a>;
}

impl<'a, F> Anybody<'a> for Handed<'a, F> {
    fn answer(&self) -> Here<'a> {
        Here(self.1)
    }
}

macro_rules! functions {
    ($($arg:ident)*) => {
        impl<F, R: Stub, $($arg),*> OfWorkflows<($($arg,)*)> for &Handed<'_, F> where
            F: Fn(&WorkflowContext, $($arg),*) -> R
        {
        }
        functions!(@ $($arg)*);
    };
    (@) => {};
    (@ $first:ident $($rest:ident)*) => { functions!($($rest)*); };
}

functions!(A B C D E G H I J K);

/// What an activity may call.
#[diagnostic::on_unimplemented(
    message = "an activity cannot call another activity, a child workflow or a durable helper: only a workflow can",
    label = "called in an activity",
    note = "call both from the workflow, one after the other; or, to run the code of that activity as a part of \
            this one, without retries and a record of its own: `name::run(ctx, ..).await`, where `name` is the \
            activity and `ctx` its context, if it takes one",
    note = "code that several activities share goes into a plain `async fn`"
)]
pub trait Callable: Sized {}

#[diagnostic::do_not_recommend]
impl Callable for Here<'_> {}

/// Accepts only what an activity may call.
pub fn callable<T: Callable>(answer: T) -> T {
    answer
}
