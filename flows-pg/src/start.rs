//! `start`: new runs, and what to do when a workflow id is taken.
//!
//! Batches go tenant by tenant, each in one transaction; what a conflict policy has to decide is
//! decided behind that, run by run.

mod columns;
mod conflict;
mod owned;

use std::collections::{BTreeMap, HashSet};

use flows_core::error::{Error, Result};
use flows_core::store::{NewRun, Started};
use futures_util::StreamExt;
use futures_util::stream;
use uuid::Uuid;

pub(crate) use self::columns::Columns;
use self::conflict::Holder;
use crate::error::{Fault, Remedy};
use crate::parts::cut;
use crate::scope::Scope;
use crate::sql::START;
use crate::store::Shared;

/// Transactions of one call that are under way at the same time.
const TENANTS_AT_ONCE: usize = 8;
/// How often a start is tried whose workflow id changes hands.
const TRIES: usize = 10;

type Answers = Vec<(usize, Result<Started>)>;

impl Shared {
    pub(crate) async fn start(&self, runs: &[NewRun]) -> Result<Vec<Result<Started>>> {
        let mut tenants = BTreeMap::<Uuid, Vec<usize>>::new();
        for (number, run) in runs.iter().enumerate() {
            tenants.entry(run.key.tenant).or_default().push(number);
        }
        let parts = tenants.into_values().flat_map(|numbers| cut(numbers, |n| size(&runs[*n])));
        let groups = parts.map(|numbers| self.start_tenant(runs, numbers));
        let groups = stream::iter(groups).buffer_unordered(TENANTS_AT_ONCE);
        let mut answers: Answers = groups.concat().await;
        answers.sort_unstable_by_key(|(number, _)| *number);
        Ok(answers.into_iter().map(|(_, answer)| answer).collect())
    }

    /// Starts runs of one tenant. A run that cannot be stored does not harm the others.
    async fn start_tenant(&self, runs: &[NewRun], numbers: Vec<usize>) -> Answers {
        let first = self.start_at_once(runs, &numbers).await;
        match first {
            Err(fault) if fault.remedy() == Remedy::Data && numbers.len() > 1 => {
                let mut answers = Answers::new();
                for number in numbers {
                    let answer = self.start_at_once(runs, &[number]).await;
                    answers.extend(settled(&[number], answer));
                }
                answers
            }
            other => settled(&numbers, other),
        }
    }

    async fn start_at_once(&self, runs: &[NewRun], numbers: &[usize]) -> Result<Answers, Fault> {
        let given = numbers.iter().map(|number| &runs[*number]).collect::<Vec<_>>();
        let created = self.create(&given).await?;
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
        let columns = Columns::sorted(runs.iter().copied());
        let rows = self.in_tenant(first.key.tenant, START, &columns.params()).await?;
        Ok(rows.iter().map(|row| row.get("run_id")).collect())
    }
}

fn size(run: &NewRun) -> usize {
    run.input.len() + run.workflow_id.as_ref().map_or(0, |id| id.len())
}

/// An error of a transaction is the answer to all that were in it.
fn settled(numbers: &[usize], answers: Result<Answers, Fault>) -> Answers {
    match answers {
        Ok(answers) => answers,
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

/// Starts one run if its workflow id is free.
async fn start(scope: Scope<'_>, run: &NewRun) -> Result<bool, Fault> {
    let columns = Columns::sorted([run]);
    Ok(!scope.query(START, &columns.params()).await?.is_empty())
}

impl Holder {
    /// Whether the policy lets the new run have the workflow id of this one.
    fn gives_way_to(&self, run: &NewRun) -> bool {
        let replaces = run.on_conflict == flows_core::store::ConflictPolicy::TerminateExisting;
        replaces && !self.is_open && self.run != run.key.run
    }
}
