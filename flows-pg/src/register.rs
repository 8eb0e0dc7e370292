//! `register`: a worker gets its first lease. `retry_stuck`: stuck runs of its lanes get another
//! chance, also when it registers.

use std::time::Duration;

use flows_core::error::Result;
use flows_core::store::{Lease, WorkerIdentity};

use crate::error::Fault;
use crate::link::Link;
use crate::rows::shards;
use crate::sql::{LEASE, RELEASE_STUCK};
use crate::store::Shared;
use crate::types::{Time, micros};

/// Stuck runs of one shard released by one statement.
const CHUNK: i64 = 1000;
/// How often runs are asked for again that somebody holds, and the pause in front of that.
const WAITS: usize = 5;
const PAUSE: Duration = Duration::from_millis(10);

impl Shared {
    pub(crate) async fn register(&self, worker: &WorkerIdentity) -> Result<Lease> {
        let lent = self.leases().await?;
        let lease = lease(lent.link(), worker).await?;
        lent.give_back();
        self.retry_stuck(worker).await?;
        Ok(lease)
    }

    pub(crate) async fn retry_stuck(&self, worker: &WorkerIdentity) -> Result<()> {
        let lent = self.claimer().await?;
        release_stuck(lent.link(), &worker.lanes).await?;
        lent.give_back();
        Ok(())
    }
}

async fn lease(link: Link<'_>, worker: &WorkerIdentity) -> Result<Lease, Fault> {
    let params: crate::link::Params<'_> =
        &[&worker.id, &worker.name, &worker.lanes, &micros(worker.lease)];
    let rows = link.query(LEASE, params).await?;
    let now = rows.first().map(|row| row.get::<_, Time>("now").0);
    Ok(Lease { now: now.unwrap_or_default(), lapsed: false })
}

/// A run that gets stuck again is parked behind this loop, which ends with those it found. One that
/// somebody holds is waited for as long as a send may take; for longer, the next time comes.
async fn release_stuck(link: Link<'_>, lanes: &[i64]) -> Result<(), Fault> {
    let mut waits = 0;
    loop {
        let rows = link.query(RELEASE_STUCK, &[&lanes, &shards(), &CHUNK]).await?;
        let (moved, held) =
            rows.first().map_or((0, 0), |row| (row.get("moved"), row.get::<_, i64>("held")));
        if moved >= CHUNK {
            continue;
        }
        if held == 0 || waits == WAITS {
            return Ok(());
        }
        waits += 1;
        tokio::time::sleep(PAUSE).await;
    }
}
