//! `end_tasks`: attempts of activities that a worker has claimed end, and their runs hear of that.
//!
//! Each is one transaction with its message, many of them together. If somebody's open transaction holds one of the runs,
//! they are written one by one, and that one again later.

use std::collections::HashSet;

use flows_core::error::Result;
use flows_core::store::TaskEnd;
use uuid::Uuid;

use crate::error::{Fault, Remedy};
use crate::link::Link;
use crate::rows::columns;
use crate::scope::Scope;
use crate::send::{deliver, hints};
use crate::sql::END_TASKS;
use crate::store::Shared;

columns! {
    /// Attempts that end.
    EndedTasks from (end: &TaskEnd), of end.run;
    ops: i64 = i64::from(end.op);
    attempts: i32 = i32::try_from(end.attempt).unwrap_or(i32::MAX);
    queued: bool = end.queued;
}

impl Shared {
    pub(crate) async fn end_tasks(&self, worker: Uuid, ends: &[TaskEnd]) -> Result<Vec<bool>> {
        let lent = self.starter().await?;
        let mut done = vec![true; ends.len()];
        match self.end_some(lent.link(), worker, ends).await {
            Err(fault) if fault.remedy() == Remedy::Blocked => {
                for (end, done) in ends.iter().zip(&mut done) {
                    match self.end_some(lent.link(), worker, std::slice::from_ref(end)).await {
                        Err(fault) if fault.remedy() == Remedy::Blocked => *done = false,
                        ended => ended?,
                    }
                }
            }
            ended => ended?,
        }
        lent.give_back();
        Ok(done)
    }

    async fn end_some(&self, link: Link<'_>, worker: Uuid, ends: &[TaskEnd]) -> Result<(), Fault> {
        link.begin("BEGIN").await?;
        let sent = match end(link, worker, ends).await {
            Ok(sent) => sent,
            Err(fault) => {
                if !fault.is_of_connection() {
                    link.command("ROLLBACK").await?;
                }
                return Err(fault);
            }
        };
        link.command("COMMIT").await?;
        self.hints.after_commit(sent);
        Ok(())
    }
}

async fn end(
    link: Link<'_>,
    worker: Uuid,
    ends: &[TaskEnd],
) -> Result<Vec<flows_core::store::Hint>, Fault> {
    let mut sorted: Vec<_> = ends.iter().collect();
    sorted.sort_by_key(|end| (end.run, end.op, end.attempt));
    let mut columns = EndedTasks::default();
    sorted.iter().for_each(|end| columns.push(end));
    let mut values: Vec<&(dyn tokio_postgres::types::ToSql + Sync)> = vec![&worker];
    values.extend(columns.params());
    let rows = link.query(END_TASKS, &values).await?;
    let mine: HashSet<i64> = rows.iter().map(|row| row.get("number")).collect();
    let ended = (1..).zip(&sorted).filter(|(number, _)| mine.contains(number));
    let messages: Vec<_> = ended.filter_map(|(_, end)| end.message.as_ref()).collect();
    let open = messages.iter().copied().enumerate().collect();
    let answers = deliver(Scope::Internal(link), open).await?;
    Ok(hints(answers, &messages))
}
