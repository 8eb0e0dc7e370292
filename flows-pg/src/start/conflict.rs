//! Workflow ids that are taken: who has them, and what the policy says.

use flows_core::error::{Error, ErrorKind, Result};
use flows_core::ids::RunKey;
use flows_core::store::{NewRun, RunStatus, Started};
use tokio_postgres::Row;
use uuid::Uuid;

use super::StartAnswers;
use super::columns::WantedIds;
use crate::error::{Fault, Remedy};
use crate::scope::Scope;
use crate::sql::{HOLDERS, YIELD_ID};
use crate::store::Shared;
use crate::tenant::Wait;

/// The run that stands in the way of a new one.
#[derive(Debug, Clone)]
pub(crate) struct Holder {
    pub(crate) run: Uuid,
    pub(crate) workflow: String,
    status: RunStatus,
}

impl Holder {
    fn read(row: &Row) -> Result<Self> {
        let (run, workflow) = (row.get("run_id"), row.get("workflow"));
        Ok(Self { run, workflow, status: crate::rows::status(row)? })
    }

    /// Whether the policy lets the new run have the workflow id of this one.
    pub(crate) fn gives_way_to(&self, run: &NewRun) -> bool {
        self.run != run.key.run && run.on_conflict.replaces(self.status)
    }

    /// The answer to a start that it stands in the way of.
    pub(super) fn answer(&self, run: &NewRun) -> Result<Started> {
        if self.run == run.key.run {
            return Ok(Started::Created); // by this start, whose first answer was lost
        }
        if run.on_conflict.refuses() {
            return Err(already_exists(run, self.run));
        }
        Ok(Started::Exists(RunKey { run: self.run, ..run.key }))
    }
}

impl Shared {
    /// Answers the starts that were left out, all of one tenant.
    pub(super) async fn settle_conflicts(
        &self,
        runs: &[NewRun],
        numbers: &[usize],
    ) -> Result<StartAnswers, Fault> {
        let Some(first) = numbers.first() else { return Ok(StartAnswers::new()) };
        let mut columns = WantedIds::default();
        numbers.iter().for_each(|number| columns.push(&runs[*number]));
        let tenant = runs[*first].key.tenant;
        let rows = self.in_tenant(tenant, HOLDERS, &columns.params()).await?;
        let (mut answers, mut waits) = (StartAnswers::new(), true);
        for number in numbers {
            let run = &runs[*number];
            let found = rows.iter().find(|row| row.get::<_, Uuid>("wanted") == run.key.run);
            let answer = match found.map(Holder::read).transpose()? {
                Some(holder) if !holder.gives_way_to(run) => holder.answer(run),
                _ if waits => self.start_alone(run).await,
                _ => Ok(Started::Held), // it may be: the batch has waited once
            };
            waits &= !matches!(answer, Ok(Started::Held));
            answers.push((*number, answer));
        }
        Ok(answers)
    }

    /// Starts one run in a transaction of its own, where it may take an id over.
    async fn start_alone(&self, run: &NewRun) -> Result<Started> {
        let tx = self.begin(run.key.tenant, Wait::Moment).await?;
        let started = super::start_within(Scope::Internal(tx.link()), run).await;
        match tx.end(started).await {
            Err(fault) if fault.remedy() == Remedy::Blocked => Ok(Started::Held),
            started => Ok(started?),
        }
    }
}

/// Finds the run that stands in the way of this one.
pub(crate) async fn holder(scope: Scope<'_>, run: &NewRun) -> Result<Option<Holder>, Fault> {
    let mut columns = WantedIds::default();
    columns.push(run);
    let rows = scope.query(HOLDERS, &columns.params()).await?;
    Ok(rows.first().map(Holder::read).transpose()?)
}

/// Takes the workflow id from a run that has ended; `false` when somebody else has.
pub(crate) async fn yield_id(scope: Scope<'_>, run: &NewRun, from: Uuid) -> Result<bool, Fault> {
    let rows = scope.query(YIELD_ID, &[&run.key.shard, &run.key.tenant, &from]).await?;
    Ok(!rows.is_empty())
}

/// Others start and end runs of this id faster than this start can look.
pub(crate) fn contested(run: &NewRun) -> Error {
    let id = run.spec.workflow_id.as_deref().unwrap_or("without an id");
    let message = format!("others keep starting runs of workflow id `{id}`; try again");
    Error::new(ErrorKind::Unavailable, message)
}

fn already_exists(run: &NewRun, existing: Uuid) -> Error {
    let id = run.spec.workflow_id.as_deref().unwrap_or("without an id");
    let message = format!(
        "a run of workflow id `{id}` exists: {existing}; use another id, or say what to do with \
         `.on_conflict(..)`"
    );
    Error::new(ErrorKind::AlreadyExists, message)
}
