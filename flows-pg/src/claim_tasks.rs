//! `claim_tasks`: attempts of activities for a worker of their queue.
//!
//! A claim whose answer does not reach the worker is given back before its next one, as of runs.

use flows_core::error::Result;
use flows_core::store::{ClaimTasks, ClaimedTask, QueuedTask};
use tokio_postgres::Row;

use crate::rows::key;
use crate::sql::CLAIM_TASKS;
use crate::store::Shared;
use crate::unfinished::Request;

impl Shared {
    pub(crate) async fn claim_tasks(&self, claim: ClaimTasks<'_>) -> Result<Vec<ClaimedTask>> {
        let ClaimTasks { worker, lanes, limit } = claim;
        let lent = self.claimer_for(worker).await?;
        let number = self.next_request();
        let pending = self.unfinished.begin(worker, Request::Claim(number));
        let limit = i64::try_from(limit).unwrap_or(i64::MAX >> 3);
        let rows = lent.link().query(CLAIM_TASKS, &[&worker, &lanes, &limit, &number]).await?;
        pending.finish();
        lent.give_back();
        Ok(rows.iter().map(claimed).collect())
    }
}

fn claimed(row: &Row) -> ClaimedTask {
    let op = u32::try_from(row.get::<_, i64>("op")).unwrap_or(0);
    let attempt = u32::try_from(row.get::<_, i32>("attempt")).unwrap_or(0);
    let task = QueuedTask {
        run: key(row),
        op,
        attempt,
        lane: row.get("lane"),
        content: row.get("content"),
    };
    ClaimedTask {
        task,
        heartbeat: row.get("heartbeat"),
        lost: row.get("lost"),
        is_open: row.get("is_open"),
    }
}
