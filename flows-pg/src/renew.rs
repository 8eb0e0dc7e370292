//! `renew`: a lease goes on, unless it is over.
//!
//! A lease that is over stays over, whatever the worker asks: its runs are being taken by others.

use flows_core::error::Result;
use flows_core::store::{Lease, WorkerIdentity};

use crate::error::Fault;
use crate::link::{Link, PROMPTLY};
use crate::sql::RENEW;
use crate::store::Shared;
use crate::types::{Time, micros};

impl Shared {
    pub(crate) async fn renew(&self, worker: &WorkerIdentity) -> Result<Lease> {
        // there should be time for another try
        let lent = self.leases().await?.within(PROMPTLY);
        let before = self.leased_over().get(&worker.id).copied();
        let anew = before.is_some_and(|opened| opened != lent.opened);
        let lease = renew(lent.link(), worker, anew).await?;
        self.leased_over().insert(worker.id, lent.opened);
        lent.give_back();
        Ok(lease)
    }
}

async fn renew(link: Link<'_>, worker: &WorkerIdentity, anew: bool) -> Result<Lease, Fault> {
    let rows = link.query(RENEW, &[&worker.id, &micros(worker.lease), &anew]).await?;
    let (now, lapsed) = match rows.first() {
        Some(row) => (row.get::<_, Time>("now").0, row.get("lapsed")),
        None => Default::default(),
    };
    Ok(Lease { now, lapsed })
}
