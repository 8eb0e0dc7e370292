//! `pause`, `resume`, `pauses`: what operators do, as the role of workers.

use flows_core::error::Result;
use flows_core::store::{NewPause, PauseRow, PauseScope};
use futures_util::future::join;
use tokio_postgres::Row;

use crate::error::Fault;
use crate::link::{Link, Params};
use crate::sql::{ENTER_SCAN, PAUSE, PAUSES, RESUME, Sql};
use crate::store::Shared;
use crate::types::Time;

impl Shared {
    pub(crate) async fn pause(&self, pause: &NewPause) -> Result<bool> {
        let (queue, workflow, version) = pause.scope.parts();
        let params: Params<'_> = &[&queue, &workflow, &version, &pause.reason, &pause.author];
        let rows = self.as_worker(PAUSE, params).await?;
        Ok(rows.first().is_some_and(|row| row.get("is_new")))
    }

    pub(crate) async fn resume(&self, scope: &PauseScope) -> Result<bool> {
        let (queue, workflow, version) = scope.parts();
        let rows = self.as_worker(RESUME, &[&queue, &workflow, &version]).await?;
        Ok(rows.first().is_some_and(|row| row.get("was_paused")))
    }

    pub(crate) async fn pauses(&self) -> Result<Vec<PauseRow>> {
        Ok(self.as_worker(PAUSES, &[]).await?.iter().map(pause).collect())
    }

    /// A statement in a transaction of its own, as the role of workers.
    async fn as_worker(&self, sql: Sql, params: Params<'_>) -> Result<Vec<Row>, Fault> {
        let tx = self.borrow_client().await?;
        let rows = entered(tx.link(), sql, params).await;
        tx.end(rows).await
    }
}

async fn entered(link: Link<'_>, sql: Sql, params: Params<'_>) -> Result<Vec<Row>, Fault> {
    let enter = link.prepare(ENTER_SCAN).await?;
    let (begun, entered) = join(link.begin("BEGIN"), link.send(&enter, &[])).await;
    begun?;
    entered?;
    link.query(sql, params).await
}

/// What is paused, by its columns.
pub(crate) fn pause(row: &Row) -> PauseRow {
    let (queue, workflow) = (row.get("paused_queue"), row.get("paused_workflow"));
    PauseRow {
        scope: PauseScope::of_parts(queue, workflow, row.get("paused_version")),
        reason: row.get("paused_why"),
        author: row.get("paused_by"),
        since: row.get::<_, Time>("paused_at").0,
    }
}
