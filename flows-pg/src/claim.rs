//! `claim`: ready runs become owned, and are read.
//!
//! A claim whose answer does not reach the worker is given back by the next look or claim, so no
//! run is owned by a worker that does not know it.

use flows_core::error::Result;
use flows_core::store::{Activation, Claim};

use crate::error::Fault;
use crate::link::Link;
use crate::load::load;
use crate::rows::activation;
use crate::sql::CLAIM;
use crate::store::Shared;
use crate::unfinished::Request;

impl Shared {
    pub(crate) async fn claim(&self, claim: Claim<'_>) -> Result<Vec<Activation>> {
        let lent = self.claimer_for(claim.worker).await?;
        let number = self.next_request();
        let pending = self.unfinished.begin(claim.worker, Request::Claim(number));
        let runs = claim_and_load(lent.link(), claim, number).await?;
        pending.finish();
        lent.give_back();
        Ok(runs)
    }
}

async fn claim_and_load(
    link: Link<'_>,
    claim: Claim<'_>,
    number: i64,
) -> Result<Vec<Activation>, Fault> {
    let limit = i64::try_from(claim.limit).unwrap_or(i64::MAX >> 3);
    let rows =
        link.query(CLAIM, &[&claim.worker, &claim.shard, &claim.lanes, &limit, &number]).await?;
    let runs = rows.iter().map(activation).collect::<Result<Vec<_>>>()?;
    load(link, runs).await
}
