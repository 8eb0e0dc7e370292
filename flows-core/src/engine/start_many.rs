//! Many starts at once: in few statements, each with an answer of its own.

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use super::access::Access;
use super::execution::{Execution, Typed};
use super::start::{Start, execution, start};
use super::tenant::Tenant;
use super::waiters::FirstNews;
use crate::error::{Error, Result};
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

    async fn run(self) -> Result<Vec<Result<Execution<W>>>> {
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
        Box::pin(self.run())
    }
}
