//! Mocks: what stands in for the body of an activity or a workflow.
//!
//! Types are checked where a mock is given and erased here, as those of a definition are.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use crate::context::ActivityContext;
use crate::definition::{Activity, PayloadFuture, Workflow, failed};
use crate::error::{Error, Result};
use crate::payload::Payload;

/// Stands in for a body, for every attempt.
pub(crate) type Mock = Arc<dyn Fn(ActivityContext, Payload) -> PayloadFuture + Send + Sync>;

/// Stands in for the body of a workflow.
pub(crate) type WorkflowMock = Arc<dyn Fn(&Payload) -> Result<Payload> + Send + Sync>;

/// A workflow that ends at once.
pub(crate) fn workflow<W, F>(mock: F) -> WorkflowMock
where
    W: Workflow,
    F: FnMut(W::Input) -> Result<W::Output> + Send + 'static,
{
    let mock = Mutex::new(mock);
    Arc::new(move |input| {
        let input = input.decode().map_err(|error| error.context_of("input", W::NAME))?;
        let output = {
            let mut mock = mock.lock().unwrap_or_else(PoisonError::into_inner);
            mock(input)
        };
        let output = output.map_err(failed::<W>)?;
        Payload::output(&output).map_err(|error| error.context_of("output", W::NAME))
    })
}

/// A closure over the input.
pub(crate) fn closure<A, F>(mock: F) -> Mock
where
    A: Activity,
    F: FnMut(A::Input) -> Result<A::Output> + Send + 'static,
{
    let mock = Arc::new(Mutex::new(mock));
    Arc::new(move |_, input| {
        let mock = Arc::clone(&mock);
        Box::pin(async move {
            let input = decode::<A>(&input)?;
            let output = {
                let mut mock = mock.lock().unwrap_or_else(PoisonError::into_inner);
                mock(input)
            };
            encode::<A>(&output?)
        })
    })
}

/// An async closure, which is given the attempt's context.
pub(crate) fn asynchronous<A, F, R>(mock: F) -> Mock
where
    A: Activity,
    F: Fn(ActivityContext, A::Input) -> R + Send + Sync + 'static,
    R: Future<Output = Result<A::Output>> + Send + 'static,
{
    let mock = Arc::new(mock);
    Arc::new(move |context, input| {
        let mock = Arc::clone(&mock);
        Box::pin(async move {
            let output = mock(context, decode::<A>(&input)?).await;
            encode::<A>(&output?)
        })
    })
}

/// The same result every time.
pub(crate) fn result<A: Activity>(result: Result<A::Output>) -> Mock {
    let result = result.and_then(|value| encode::<A>(&value));
    Arc::new(move |_, _| {
        let result = result.clone();
        Box::pin(async move { result })
    })
}

/// One result after the other; then errors that say so.
pub(crate) fn sequence<A: Activity>(results: impl IntoIterator<Item = Result<A::Output>>) -> Mock {
    let results = results.into_iter().map(|result| result.and_then(|value| encode::<A>(&value)));
    let results: VecDeque<_> = results.collect();
    let (count, left) = (results.len(), Mutex::new(results));
    Arc::new(move |_, _| {
        let next = left.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        Box::pin(async move {
            next.unwrap_or_else(|| {
                Err(Error::terminal(format!(
                    "the mock of activity `{}` has {count} results and was invoked once more; \
                     give `mock_sequence` another result, or use `mock`",
                    A::NAME
                )))
            })
        })
    })
}

fn decode<A: Activity>(input: &Payload) -> Result<A::Input> {
    input.decode().map_err(|error| error.context_of("input", A::NAME))
}

fn encode<A: Activity>(output: &A::Output) -> Result<Payload> {
    Payload::encode(A::CODEC, output).map_err(|error| error.context_of("output", A::NAME))
}
