//! `renew`: a lease goes on, or it is over and the worker starts afresh.

use flows_core::error::Result;
use flows_core::store::{Lease, WorkerIdentity};

use crate::error::Fault;
use crate::link::Link;
use crate::register::lease;
use crate::release::release_all;
use crate::sql::RENEW;
use crate::store::Shared;
use crate::types::{Time, micros};
use crate::unfinished::Request;

impl Shared {
    /// A worker whose lease is over forgets its runs, so those that nobody has taken yet are made
    /// ready here: nobody else would. The same if an earlier answer was lost, which may have said so.
    pub(crate) async fn renew(&self, worker: &WorkerIdentity) -> Result<Lease> {
        let lent = self.claimer().await?;
        let in_doubt = self.unfinished.has_renewal(worker.id);
        let pending = self.unfinished.begin(worker.id, Request::Renew);
        let lease = match in_doubt {
            false => extend(lent.link(), worker).await?,
            true => None,
        };
        let lease = match lease {
            Some(lease) => lease,
            None => self.begin_again(lent.link(), worker).await?,
        };
        pending.finish();
        lent.give_back();
        Ok(lease)
    }

    async fn begin_again(&self, link: Link<'_>, worker: &WorkerIdentity) -> Result<Lease, Fault> {
        let shards = release_all(link, worker.id, false).await?;
        self.hints.ready(shards);
        lease(link, worker, true).await
    }
}

async fn extend(link: Link<'_>, worker: &WorkerIdentity) -> Result<Option<Lease>, Fault> {
    let rows = link.query(RENEW, &[&worker.id, &micros(worker.lease)]).await?;
    let now = rows.first().map(|row| row.get::<_, Time>("now").0);
    Ok(now.map(|now| Lease { now, lapsed: false }))
}
