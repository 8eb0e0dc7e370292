//! `check_tasks`: how far attempts of activities are, and whether somebody waits for them.

use std::collections::HashSet;

use flows_core::error::Result;
use flows_core::store::TaskBeat;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::rows::columns;
use crate::sql::CHECK_TASKS;
use crate::store::Shared;

columns! {
    /// Attempts that go on.
    Beats<'a> from (beat: &'a TaskBeat), of beat.run;
    ops: i64 = i64::from(beat.op);
    attempts: i32 = i32::try_from(beat.attempt).unwrap_or(i32::MAX);
    heartbeats: Option<&'a [u8]> = beat.heartbeat.as_deref();
}

impl Shared {
    pub(crate) async fn check_tasks(&self, worker: Uuid, beats: &[TaskBeat]) -> Result<Vec<bool>> {
        let lent = self.claimer_for(worker).await?;
        let mut columns = Beats::default();
        beats.iter().for_each(|beat| columns.push(beat));
        let mut values: Vec<&(dyn ToSql + Sync)> = vec![&worker];
        values.extend(columns.params());
        let rows = lent.link().query(CHECK_TASKS, &values).await?;
        lent.give_back();
        let wanted: HashSet<i64> = rows.iter().map(|row| row.get("number")).collect();
        Ok((1..).zip(beats).map(|(number, _)| wanted.contains(&number)).collect())
    }
}
