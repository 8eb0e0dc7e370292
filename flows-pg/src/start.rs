//! `start`: new runs, and what to do when a workflow id is taken.
//!
//! Batches go tenant by tenant, each in one transaction; what a conflict policy has to decide is
//! decided behind that, run by run. Where somebody's open transaction holds a workflow id, the others
//! are started without it.

mod columns;
pub(crate) mod conflict;
mod owned;

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use flows_core::error::{Error, Result};
use flows_core::store::{NewRun, Started};
use futures_util::StreamExt;
use futures_util::stream;
use tokio_postgres::Row;
use uuid::Uuid;

pub(crate) use self::columns::NewRuns;
use crate::attributes::{self, SetAttributes};
use crate::error::{Fault, Remedy};
use crate::held::{Verb, Write};
use crate::parts::cut;
use crate::scope::Scope;
use crate::sql::START;
use crate::store::Shared;
use crate::tenant::Wait;

/// Transactions of one call that are under way at the same time.
const TENANTS_AT_ONCE: usize = 8;
/// How often a start is tried whose workflow id changes hands.
pub(crate) const TRIES: usize = 10;

type StartAnswers = Vec<(usize, Result<Started>)>;

impl Shared {
    pub(crate) async fn start(&self, runs: &[NewRun]) -> Result<Vec<Result<Started>>> {
        let mut tenants = BTreeMap::<Uuid, Vec<usize>>::new();
        for (number, run) in runs.iter().enumerate() {
            tenants.entry(run.key.tenant).or_default().push(number);
        }
        let parts = tenants.into_values().flat_map(|numbers| cut(numbers, |n| size(&runs[*n])));
        let groups = parts.map(|numbers| self.start_tenant(runs, numbers));
        let groups = stream::iter(groups).buffer_unordered(TENANTS_AT_ONCE);
        let mut answers: StartAnswers = groups.concat().await;
        answers.sort_unstable_by_key(|(number, _)| *number);
        Ok(answers.into_iter().map(|(_, answer)| answer).collect())
    }

    pub(crate) async fn start_held(&self, run: &NewRun, limit: Duration) -> Result<Started> {
        let started = self.wait_apart(run.key.tenant, limit, StartOne(run)).await?;
        Ok(started.unwrap_or(Started::Held))
    }

    /// Starts runs of one tenant. A run that cannot be stored does not harm the others.
    async fn start_tenant(&self, runs: &[NewRun], numbers: Vec<usize>) -> StartAnswers {
        let first = self.start_at_once(runs, &numbers).await;
        let first = match first {
            Err(fault) if fault.remedy() == Remedy::Blocked && numbers.len() > 1 => {
                self.start_around(runs, &numbers).await
            }
            first => first,
        };
        match first {
            Err(fault) if fault.remedy() == Remedy::Data && numbers.len() > 1 => {
                let mut answers = StartAnswers::new();
                for number in numbers {
                    let answer = self.start_at_once(runs, &[number]).await;
                    answers.extend(settled(&[number], answer));
                }
                answers
            }
            other => settled(&numbers, other),
        }
    }

    async fn start_at_once(
        &self,
        runs: &[NewRun],
        numbers: &[usize],
    ) -> Result<StartAnswers, Fault> {
        let given = numbers.iter().map(|number| &runs[*number]).collect::<Vec<_>>();
        let created = self.create(&given).await?;
        self.answer(runs, numbers, &created).await
    }

    /// Starts those whose workflow id nobody holds.
    async fn start_around(
        &self,
        runs: &[NewRun],
        numbers: &[usize],
    ) -> Result<StartAnswers, Fault> {
        let Some(first) = numbers.first() else { return Ok(StartAnswers::new()) };
        let around = self.around(runs[*first].key.tenant, numbers, Create(runs)).await?;
        let created = around.written.into_iter().flatten().collect();
        let is_free = |number: &&usize| !around.held.contains(number);
        let free = numbers.iter().filter(is_free).copied().collect::<Vec<_>>();
        let mut answers = self.answer(runs, &free, &created).await?;
        answers.extend(around.held.iter().map(|number| (*number, Ok(Started::Held))));
        Ok(answers)
    }

    /// The answers to starts of which some have created their run.
    async fn answer(
        &self,
        runs: &[NewRun],
        numbers: &[usize],
        created: &HashSet<Uuid>,
    ) -> Result<StartAnswers, Fault> {
        let is_left = |number: &&usize| !created.contains(&runs[**number].key.run);
        let left = numbers.iter().filter(is_left).copied().collect::<Vec<_>>();
        let mut answers = self.settle_conflicts(runs, &left).await?;
        let made = numbers.iter().filter(|number| !is_left(number));
        answers.extend(made.map(|number| (*number, Ok(Started::Created))));
        Ok(answers)
    }

    /// Creates those runs whose workflow id is free.
    async fn create(&self, runs: &[&NewRun]) -> Result<HashSet<Uuid>, Fault> {
        let Some(first) = runs.first() else { return Ok(HashSet::new()) };
        let (tenant, wait) = (first.key.tenant, Wait::Moment);
        if runs.iter().all(|run| run.attributes.is_none()) {
            let columns = NewRuns::sorted(runs.iter().copied());
            let rows = self.in_tenant_within(wait, tenant, START, &columns.params()).await?;
            return Ok(created(&rows));
        }
        let tx = self.begin(tenant, wait).await?;
        let created = create(Scope::Internal(tx.link()), runs).await;
        tx.end(created).await
    }
}

/// Creates those runs of a part whose workflow id is free.
struct Create<'a>(&'a [NewRun]);

impl Write for Create<'_> {
    type Item = usize;
    type Done = Vec<Uuid>;

    async fn write(&self, scope: Scope<'_>, part: &[usize]) -> Result<Vec<Uuid>, Fault> {
        let part = part.iter().map(|number| &self.0[*number]).collect::<Vec<_>>();
        Ok(create(scope, &part).await?.into_iter().collect())
    }
}

struct StartOne<'a>(&'a NewRun);

impl Verb for StartOne<'_> {
    type Done = Started;

    async fn run(&self, scope: Scope<'_>) -> Result<Started, Fault> {
        start_within(scope, self.0).await
    }
}

fn size(run: &NewRun) -> usize {
    run.spec.input.len() + run.spec.workflow_id.as_ref().map_or(0, |id| id.len())
}

/// An error of a transaction is the answer to all that were in it.
fn settled(numbers: &[usize], answers: Result<StartAnswers, Fault>) -> StartAnswers {
    match answers {
        Ok(answers) => answers,
        Err(fault) if fault.remedy() == Remedy::Blocked => {
            numbers.iter().map(|number| (*number, Ok(Started::Held))).collect()
        }
        Err(fault) => {
            let error = Error::from(fault);
            numbers.iter().map(|number| (*number, Err(error.clone()))).collect()
        }
    }
}

/// Starts one run inside a transaction, whose outcome decides about all of it.
pub(crate) async fn start_within(scope: Scope<'_>, run: &NewRun) -> Result<Started, Fault> {
    for _ in 0..TRIES {
        if start(scope, run).await? {
            return Ok(Started::Created);
        }
        match conflict::holder(scope, run).await? {
            Some(holder) if holder.gives_way_to(run) => {
                conflict::yield_id(scope, run, holder.run).await?;
            }
            Some(holder) => return Ok(holder.answer(run)?),
            None => {}
        }
    }
    Err(conflict::contested(run).into())
}

/// Starts those of some runs of a tenant whose workflow id is free.
pub(crate) async fn create_within(
    scope: Scope<'_>,
    runs: &[NewRun],
) -> Result<HashSet<Uuid>, Fault> {
    create(scope, &runs.iter().collect::<Vec<_>>()).await
}

/// Starts those whose workflow id is free, and gives them their attributes.
async fn create(scope: Scope<'_>, runs: &[&NewRun]) -> Result<HashSet<Uuid>, Fault> {
    let columns = NewRuns::sorted(runs.iter().copied());
    let created = created(&scope.query(START, &columns.params()).await?);
    let started = runs.iter().copied().filter(|run| created.contains(&run.key.run));
    attributes::set(scope, &SetAttributes::of_starts(started)).await?;
    Ok(created)
}

/// The runs that were created.
fn created(rows: &[Row]) -> HashSet<Uuid> {
    rows.iter().map(|row| row.get("run_id")).collect()
}

/// Starts one run if its workflow id is free; whether it was.
pub(crate) async fn start(scope: Scope<'_>, run: &NewRun) -> Result<bool, Fault> {
    Ok(!create(scope, &[run]).await?.is_empty())
}
