//! `register`: a worker gets its first lease. `retry_stuck`: stuck runs of its lanes get another
//! chance, also when it registers.

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

/// A run that gets stuck again is parked behind this loop, which ends with those it found.
async fn release_stuck(link: Link<'_>, lanes: &[i64]) -> Result<(), Fault> {
    loop {
        let rows = link.query(RELEASE_STUCK, &[&lanes, &shards(), &CHUNK]).await?;
        let moved: i64 = rows.first().map_or(0, |row| row.get("moved"));
        if moved < CHUNK {
            return Ok(());
        }
    }
}
