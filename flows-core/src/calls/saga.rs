//! Sagas: steps that are undone, in reverse, when the workflow fails.

use std::future::poll_fn;
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::activity::Call;
use crate::context::{Raised, WorkflowContext, undo};
use crate::definition::{Activity, ActivityDef};
use crate::durable::sealed::Sealed;
use crate::error::{Error, Result};
use crate::payload::Payload;
use crate::replay::{NotUndone, SagaStep, Shared, Undoing};

impl WorkflowContext {
    /// Begins a saga: its steps are undone if the workflow returns an error.
    #[track_caller]
    pub fn saga(&self) -> Saga {
        self.calls("`ctx.saga()`", Location::caller());
        let shared = Arc::clone(self.shared());
        Saga { id: shared.sagas.begin(), shared }
    }
}

/// Steps that belong together: all of them count, or none.
///
/// [`run`](Saga::run) does a step and remembers how to undo it. When the workflow returns an error, be it a
/// failure, a timeout or its cancellation, the steps are undone in reverse, each by the activity that
/// `#[activity(compensate = …)]` names, with the retry policy of that activity. A crash half-way changes
/// nothing: each compensation is recorded like any other activity. When the workflow returns `Ok`, or
/// continues as new, nothing is undone.
///
/// If something cannot be undone, the others are undone nevertheless, and the run fails with an error that
/// begins with the first cause and names what is left.
#[cfg_attr(not(doctest), doc = include_str!("docs/saga.md"))]
#[must_use = "a saga without steps undoes nothing: `saga.run(charge(ctx, …)).await?`"]
pub struct Saga {
    shared: Arc<Shared>,
    id: u32,
}

impl Saga {
    /// Does a step, and undoes it later if need be.
    ///
    /// A step that has begun is awaited before it is undone, also if the run is cancelled meanwhile or this
    /// future is dropped by a time limit: what it did is never left in doubt. A step that fails is not undone.
    pub fn run<A: Compensated>(&self, call: Call<A>) -> SagaCall<A> {
        let (input, undo) = (call.untyped().payload(), A::compensate as UndoFn<A>);
        let step = Some(BegunStep { input, call, begun: false, undo });
        SagaCall { shared: Arc::clone(&self.shared), saga: self.id, step }
    }

    /// Forgets the steps: whatever happens now, they count.
    pub fn complete(self) {
        drop(self.shared.sagas.take(self.id));
    }

    /// Undoes the steps now, because of an error, and returns it with what could not be undone: for code that
    /// goes on after it. A workflow that returns its error need not call this.
    pub fn compensate(self, cause: impl Into<Error>) -> Compensate {
        let steps = self.shared.sagas.take(self.id);
        Compensate { undoing: Box::pin(undo(self.shared, steps, cause.into())) }
    }
}

/// The future of [`Saga::run`].
#[must_use = "without `.await` the step is not done: write `.await` behind it"]
pub struct SagaCall<A: Activity> {
    shared: Arc<Shared>,
    saga: u32,
    /// Until it has ended.
    step: Option<BegunStep<A>>,
}

/// The future of [`Saga::compensate`].
#[must_use = "without `.await` nothing is undone: write `.await` behind it"]
pub struct Compensate {
    undoing: Pin<Box<dyn Future<Output = Error> + Send>>,
}

impl Future for Compensate {
    type Output = Error;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Error> {
        self.undoing.as_mut().poll(cx)
    }
}

impl Sealed for Compensate {}

impl<A: Activity> Unpin for SagaCall<A> {}

impl<A: Activity> Future for SagaCall<A> {
    type Output = Result<A::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { shared, saga, step } = &mut *self;
        let Some(begun) = step else {
            return Poll::Ready(Err(Error::terminal(
                "a step of a saga was polled again after its end",
            )));
        };
        let ended = ready!(begun.poll(shared, cx));
        *step = None;
        Poll::Ready(ended.map(|(output, done)| {
            shared.sagas.add(*saga, Box::new(done));
            output
        }))
    }
}

impl<A: Activity> Sealed for SagaCall<A> {
    fn is_awaited(&self) {
        self.step.iter().for_each(|step| step.call.is_awaited());
    }
}

/// What has begun is awaited before it is undone.
impl<A: Activity> Drop for SagaCall<A> {
    fn drop(&mut self) {
        if let Some(step) = self.step.take().filter(|step| step.begun) {
            self.shared.sagas.add(self.saga, Box::new(step));
        }
    }
}

/// A step that has not ended.
struct BegunStep<A: Activity> {
    call: Call<A>,
    /// None, if it cannot be encoded: then the call fails.
    input: Option<Payload>,
    begun: bool,
    undo: UndoFn<A>,
}

/// A step that was done.
struct DoneStep<A: Activity> {
    input: Payload,
    output: Payload,
    undo: UndoFn<A>,
}

/// The call that undoes a step. (A pointer, so that a step without one is one error, where it is run.)
type UndoFn<A> =
    fn(&WorkflowContext, <A as Activity>::Input, <A as Activity>::Output) -> Compensation;

impl<A: Activity> BegunStep<A> {
    fn poll(
        &mut self,
        shared: &Arc<Shared>,
        cx: &Context<'_>,
    ) -> Poll<Result<(A::Output, DoneStep<A>)>> {
        self.call.issue(); // not under the shield: a cancelled run begins nothing
        let call = self.call.untyped_mut();
        if let Some(error) = call.take_refused() {
            return Poll::Ready(Err(error));
        }
        self.begun = true;
        let _raised = Raised::over(shared);
        let output = ready!(call.poll_payload(cx))?;
        let value = ready!(call.decode(&output))?;
        let input = self.input.take().unwrap_or_else(|| Payload::from_json("null"));
        Poll::Ready(Ok((value, DoneStep { input, output, undo: self.undo })))
    }
}

impl<A: Activity> SagaStep for BegunStep<A> {
    fn undo(mut self: Box<Self>, shared: &Arc<Shared>) -> Undoing {
        let shared = Arc::clone(shared);
        Box::pin(async move {
            match poll_fn(|cx| self.poll(&shared, cx)).await {
                Ok((_, done)) => Box::new(done).undo(&shared).await,
                Err(_) => Ok(()), // it was not done
            }
        })
    }
}

impl<A: Activity> SagaStep for DoneStep<A> {
    fn undo(self: Box<Self>, shared: &Arc<Shared>) -> Undoing {
        let ctx = WorkflowContext::new(Arc::clone(shared));
        Box::pin(async move {
            let input = ActivityDef::decode_input::<A>(&self.input);
            let read = input.and_then(|input| Ok((input, self.output.decode()?)));
            let (by, undone) = match read {
                Ok((input, output)) => {
                    let Compensation { name, call } = (self.undo)(&ctx, input, output);
                    (name, call.await)
                }
                Err(error) => ("its compensation", Err(error)),
            };
            undone.map_err(|error| NotUndone { step: A::NAME, by, error })
        })
    }
}

/// An activity that can be undone. `#[activity(compensate = …)]` implements it.
#[diagnostic::on_unimplemented(
    message = "the activity of `{Self}` has no compensation, so it cannot be a step of a saga",
    label = "nothing undoes it",
    note = "name the activity that undoes it: `#[activity(compensate = refund)]`; an activity that leaves nothing \
            to undo is called without the saga"
)]
pub trait Compensated: Activity {
    /// The call that undoes it.
    #[doc(hidden)]
    fn compensate(ctx: &WorkflowContext, input: Self::Input, output: Self::Output) -> Compensation;
}

/// A call that undoes a step.
pub struct Compensation {
    name: &'static str,
    call: Pin<Box<dyn Future<Output = Result<()>> + Send>>,
}

impl Compensation {
    fn by<C: Activity>(call: Call<C>) -> Self {
        Self { name: C::NAME, call: Box::pin(async move { call.await.map(drop) }) }
    }
}

/// The call of an activity that undoes what another one did with `input`, and what gave `output`.
pub fn compensation<F, I, O, How>(ctx: &WorkflowContext, by: F, input: I, output: O) -> Compensation
where
    F: Undoes<I, O, How>,
{
    by.undoes(ctx, input, output)
}

/// The function of an activity that takes another one's output, or its input and output.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot undo this activity",
    label = "takes neither what the activity returns, nor its parameters and then what it returns",
    note = "the compensation is an activity with one parameter, `{O}`; or with the parameters `{I}` of the \
            activity and then `{O}`"
)]
pub trait Undoes<I, O, How> {
    #[doc(hidden)]
    fn undoes(self, ctx: &WorkflowContext, input: I, output: O) -> Compensation;
}

/// It takes the output.
#[expect(unnameable_types, reason = "nobody else implements or names it")]
pub struct ByOutput<C>(PhantomData<C>);

/// It takes input and output.
#[expect(unnameable_types, reason = "nobody else implements or names it")]
pub struct ByInputAndOutput<C>(PhantomData<C>);

#[diagnostic::do_not_recommend]
impl<F, I, O, C> Undoes<I, O, ByOutput<C>> for F
where
    F: Fn(&WorkflowContext, O) -> Call<C>,
    C: Activity,
{
    fn undoes(self, ctx: &WorkflowContext, _: I, output: O) -> Compensation {
        Compensation::by(self(ctx, output))
    }
}

macro_rules! by_input_and_output {
    ($($param:ident $name:ident),+) => {
        #[diagnostic::do_not_recommend]
        impl<F, $($param,)+ O, C> Undoes<($($param,)+), O, ByInputAndOutput<C>> for F
        where
            F: Fn(&WorkflowContext, $($param,)+ O) -> Call<C>,
            C: Activity,
        {
            fn undoes(self, ctx: &WorkflowContext, input: ($($param,)+), output: O) -> Compensation {
                let ($($name,)+) = input;
                Compensation::by(self(ctx, $($name,)+ output))
            }
        }
    };
}

by_input_and_output!(A a);
by_input_and_output!(A a, B b);
by_input_and_output!(A a, B b, D d);
by_input_and_output!(A a, B b, D d, E e);
by_input_and_output!(A a, B b, D d, E e, G g);
by_input_and_output!(A a, B b, D d, E e, G g, H h);
by_input_and_output!(A a, B b, D d, E e, G g, H h, J j);
by_input_and_output!(A a, B b, D d, E e, G g, H h, J j, K k);
by_input_and_output!(A a, B b, D d, E e, G g, H h, J j, K k, L l);
by_input_and_output!(A a, B b, D d, E e, G g, H h, J j, K k, L l, M m);
