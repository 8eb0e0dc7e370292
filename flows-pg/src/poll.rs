//! `poll`: one statement when there is nothing to do.

use flows_core::error::Result;
use flows_core::store::{Polled, WorkerIdentity};
use flows_core::time::Timestamp;
use tokio_postgres::Row;

use crate::error::Fault;
use crate::link::Link;
use crate::release::release_orphans;
use crate::rows::{ascending, shards};
use crate::sql::{POLL, WAKE_DUE};
use crate::store::Shared;
use crate::types::Time;

/// Due runs of one shard that one look makes ready. When there are more, the polled says that the
/// next one is due already, and the worker claims what there is before it looks again.
const WOKEN: i64 = 500;

/// What the statement saw.
struct Sight {
    polled: Polled,
    is_due: bool,
    orphans: bool,
}

impl Shared {
    pub(crate) async fn poll(&self, worker: &WorkerIdentity) -> Result<Polled> {
        let lent = self.claimer_for(worker.id).await?;
        let mut sight = poll(lent.link(), worker).await?;
        if sight.is_due || sight.orphans {
            self.tidy(lent.link(), &sight).await?;
            sight = poll(lent.link(), worker).await?;
        }
        lent.give_back();
        Ok(sight.polled)
    }

    async fn tidy(&self, link: Link<'_>, sight: &Sight) -> Result<(), Fault> {
        if sight.is_due {
            link.query(WAKE_DUE, &[&shards(), &WOKEN]).await?;
        }
        if sight.orphans {
            let released = release_orphans(link).await?;
            self.hints.after_commit(released.hints());
        }
        Ok(())
    }
}

async fn poll(link: Link<'_>, worker: &WorkerIdentity) -> Result<Sight, Fault> {
    let lanes = ascending(&worker.lanes);
    let rows =
        link.query(POLL, &[&worker.id, &lanes.as_ref(), &shards(), &worker.task_lanes]).await?;
    Ok(rows.first().map_or_else(Sight::nothing, Sight::read))
}

impl Sight {
    fn read(row: &Row) -> Self {
        let due = |column| row.get::<_, Option<Time>>(column).map(|due| due.0);
        let (next_due, schedule_due): (Option<Timestamp>, _) =
            (due("next_due"), due("schedule_due"));
        let now = row.get::<_, Time>("now").0;
        Self {
            is_due: next_due.is_some_and(|due| due <= now),
            orphans: row.get("orphans"),
            polled: Polled {
                ready: row.get("ready"),
                messages: row.get("messages"),
                next_due: next_due.into_iter().chain(schedule_due).min(),
                schedules: schedule_due.is_some_and(|due| due <= now),
                suspects: row.get("suspects"),
                overdue: row.get("overdue"),
                tasks: row.get("tasks"),
                pauses: row.get("pauses"),
            },
        }
    }

    fn nothing() -> Self {
        Self { polled: Polled::default(), is_due: false, orphans: false }
    }
}
