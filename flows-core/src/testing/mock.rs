//! Mocks: what stands in for the body of an activity or a workflow.
//!
//! Types are checked where a mock is given and erased here, as those of a definition are.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use crate::context::ActivityContext;
use crate::definition::{Activity, ActivityDef, PayloadFuture, Workflow, WorkflowDef};
use crate::error::{Error, Result};
use crate::payload::Payload;

/// Stands in for a body, for every attempt.
pub(crate) type Mock = Arc<dyn Fn(ActivityContext, Payload) -> PayloadFuture + Send + Sync>;

/// Stands in for the body of a workflow.
pub(crate) type WorkflowMock = Arc<dyn Fn(&Payload) -> Result<Payload> + Send + Sync>;

/// What stands in for which activity, and for which version of which workflow.
#[derive(Default, Clone)]
pub(crate) struct Mocks {
    pub(crate) activities: HashMap<&'static str, Mock>,
    pub(crate) workflows: HashMap<(&'static str, u32), WorkflowMock>,
}

/// A workflow that ends at once.
pub(crate) fn workflow<W, F>(_: W, mock: F) -> ((&'static str, u32), WorkflowMock)
where
    W: Workflow,
    F: FnMut(W::Input) -> Result<W::Output> + Send + 'static,
{
    let mock = Mutex::new(mock);
    let mock: WorkflowMock = Arc::new(move |input| {
        let input = WorkflowDef::decode_input::<W>(input)?;
        let output = {
            let mut mock = mock.lock().unwrap_or_else(PoisonError::into_inner);
            mock(input)
        };
        WorkflowDef::encode_output::<W>(output)
    });
    ((W::NAME, W::VERSION), mock)
}

/// A closure over the input.
pub(crate) fn closure<A, F>(_: A, mock: F) -> (&'static str, Mock)
where
    A: Activity,
    F: FnMut(A::Input) -> Result<A::Output> + Send + 'static,
{
    let mock = Arc::new(Mutex::new(mock));
    let mock: Mock = Arc::new(move |_, input| {
        let mock = Arc::clone(&mock);
        Box::pin(async move {
            let input = ActivityDef::decode_input::<A>(&input)?;
            let output = {
                let mut mock = mock.lock().unwrap_or_else(PoisonError::into_inner);
                mock(input)
            };
            ActivityDef::encode_output::<A>(output)
        })
    });
    (A::NAME, mock)
}

/// An async closure, which is given the attempt's context.
pub(crate) fn asynchronous<A, F, R>(_: A, mock: F) -> (&'static str, Mock)
where
    A: Activity,
    F: Fn(ActivityContext, A::Input) -> R + Send + Sync + 'static,
    R: Future<Output = Result<A::Output>> + Send + 'static,
{
    let mock = Arc::new(mock);
    let mock: Mock = Arc::new(move |context, input| {
        let mock = Arc::clone(&mock);
        Box::pin(async move {
            let output = mock(context, ActivityDef::decode_input::<A>(&input)?).await;
            ActivityDef::encode_output::<A>(output)
        })
    });
    (A::NAME, mock)
}

/// The same result every time.
pub(crate) fn result<A: Activity>(_: A, result: Result<A::Output>) -> (&'static str, Mock) {
    let result = ActivityDef::encode_output::<A>(result);
    let mock: Mock = Arc::new(move |_, _| {
        let result = result.clone();
        Box::pin(async move { result })
    });
    (A::NAME, mock)
}

/// One result after the other; then errors that say so.
pub(crate) fn sequence<A: Activity>(
    _: A,
    results: impl IntoIterator<Item = Result<A::Output>>,
) -> (&'static str, Mock) {
    let results: VecDeque<_> = results.into_iter().map(ActivityDef::encode_output::<A>).collect();
    let (count, left) = (results.len(), Mutex::new(results));
    let mock: Mock = Arc::new(move |_, _| {
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
    });
    (A::NAME, mock)
}
