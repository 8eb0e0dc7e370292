//! `register`: a worker gets its first lease, and stuck runs of its lanes are due.

use std::time::Duration;

use flows_core::error::Result;
use flows_core::store::{Lease, WorkerIdentity};

use crate::error::Fault;
use crate::link::Link;
use crate::sql::{HASTEN_STUCK, LEASE};
use crate::store::Shared;
use crate::types::{Time, micros};

/// Stuck runs that one statement makes due.
const CHUNK: i64 = 1000;
/// The most of these statements at one registration.
const CHUNKS: usize = 1000;
/// How often, and for how long, a registration waits for rows that others hold.
const PAUSES: usize = 5;
const PAUSE: Duration = Duration::from_millis(10);

impl Shared {
    pub(crate) async fn register(&self, worker: &WorkerIdentity) -> Result<Lease> {
        self.check_connections().await?;
        let lent = self.leases().await?;
        let lease = lease(lent.link(), worker).await?;
        self.leased_over().insert(worker.id, lent.opened);
        lent.give_back();
        let lent = self.claimer().await?;
        hasten_stuck(lent.link(), &worker.lanes).await?;
        lent.give_back();
        Ok(lease)
    }
}

async fn lease(link: Link<'_>, worker: &WorkerIdentity) -> Result<Lease, Fault> {
    let params: crate::link::Params<'_> =
        &[&worker.id, &worker.name, &worker.lanes, &micros(worker.lease)];
    let rows = link.query(LEASE, params).await?;
    let now = rows.first().map(|row| row.get::<_, Time>("now").0);
    Ok(Lease { now: now.unwrap_or_default(), lapsed: false })
}

/// A run that another worker finds stuck again meanwhile may be met twice, and one to which somebody
/// sends is skipped; so the rounds are counted, and those that wait for a lock, too. One that stays
/// locked is tried again when it is due.
async fn hasten_stuck(link: Link<'_>, lanes: &[i64]) -> Result<(), Fault> {
    let mut pauses = 0;
    for _ in 0..CHUNKS {
        let rows = link.query(HASTEN_STUCK, &[&lanes, &CHUNK]).await?;
        let count = |column| rows.first().map_or(0, |row| row.get::<_, i64>(column));
        let (found, moved) = (count("found"), count("moved"));
        if found == moved && found < CHUNK || pauses == PAUSES {
            break;
        }
        if moved == 0 {
            pauses += 1;
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(())
}
