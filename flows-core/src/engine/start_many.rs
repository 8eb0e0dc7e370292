//! Many starts at once: in few statements, each with an answer of its own.

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use super::access::Access;
use super::execution::{Execution, Typed};
use super::layer::{ClientCall, ClientVerb, Layered, layered};
use super::start::{Start, execution, start};
use super::tenant::Tenant;
use super::waiters::FirstNews;
use crate::error::{Error, Result};
use crate::headers::Headers;
use crate::store::{InTransaction, NewRun, Started};

/// Starts of one workflow; await it to get an answer for each, in their order.
#[cfg_attr(not(doctest), doc = include_str!("docs/start_many.md"))]
#[must_use = "nothing is started unless this is awaited"]
pub struct StartMany<'t, W: Typed> {
    access: Access<'t>,
    starts: Vec<Start<'t, W>>,
}

impl<'t, W: Typed> StartMany<'t, W> {
    pub(super) fn new(tenant: Tenant, starts: impl IntoIterator<Item = Start<'t, W>>) -> Self {
        Self { access: Access::new(tenant), starts: starts.into_iter().collect() }
    }

    /// Starts all inside a transaction of the application's: see [`Start::with_tx`].
    pub fn with_tx<S, T: InTransaction<S>>(mut self, tx: &'t T) -> Self {
        self.access = self.access.within(tx);
        self
    }
}

impl<W: Typed> Layered for StartMany<'_, W> {
    type Output = Vec<Result<Execution<W>>>;

    fn access(&self) -> Option<&Access<'_>> {
        Some(&self.access)
    }

    fn describe(&self) -> ClientCall {
        let verb = ClientVerb::StartMany;
        let none = || ClientCall::new(verb, Some(&self.access));
        let first = self.starts.first().map(|first| first.as_call(verb));
        ClientCall { id: None, headers: Headers::default(), ..first.unwrap_or_else(none) }
    }

    fn set_headers(&mut self, headers: Headers) {
        for start in &mut self.starts {
            let own = std::mem::take(start.headers());
            *start.headers() = headers.clone().with(&own);
        }
    }

    async fn call(self) -> Result<Self::Output> {
        let Self { access, starts } = self;
        let checked: Vec<_> = starts.into_iter().map(|start| checked(&access, start)).collect();
        let runs: Vec<_> = checked.iter().filter_map(|run| run.as_ref().ok()).cloned().collect();
        let mut started = access.start_all(&runs).await?.into_iter();
        let (mut answers, mut created) = (Vec::with_capacity(checked.len()), Vec::new());
        for run in checked {
            answers.push(match run.map(|run| (run, started.next())) {
                Ok((run, Some(Ok(Started::Created)))) => {
                    let exec = execution(&access, &run, run.key, FirstNews::default());
                    created.push(run);
                    Ok(exec)
                }
                Ok((_, Some(Err(error)))) | Err(error) => Err(error),
                // its id is taken, or somebody's transaction holds it: as for a single start
                Ok((run, _)) => start(&access, run).await,
            });
        }
        access.tell_of_starts(&created);
        Ok(answers)
    }
}

fn checked<W: Typed>(access: &Access<'_>, start: Start<'_, W>) -> Result<NewRun> {
    let (own, run) = start.checked()?;
    if !own.is_certain() || run.key.tenant != access.tenant.id() {
        return Err(Error::invalid(
            "a start among many has their tenant and their transaction: make it with the tenant of \
             `start_many`, and give the transaction to that",
        ));
    }
    Ok(run)
}

impl<'t, W: Typed> IntoFuture for StartMany<'t, W> {
    type Output = Result<Vec<Result<Execution<W>>>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 't>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(layered(self))
    }
}
