//! `claim_stuck`: stuck runs that are due become owned, and are read.

use flows_core::error::Result;
use flows_core::store::{Activation, ClaimStuck};

use crate::error::Fault;
use crate::link::{Link, Params};
use crate::load::{INPUTS, Share, load};
use crate::rows::activation;
use crate::sql::CLAIM_STUCK;
use crate::store::Shared;
use crate::unfinished::Request;

impl Shared {
    pub(crate) async fn claim_stuck(&self, claim: ClaimStuck<'_>) -> Result<Vec<Activation>> {
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
    claim: ClaimStuck<'_>,
    number: i64,
) -> Result<Vec<Activation>, Fault> {
    let limit = i64::try_from(claim.limit).unwrap_or(i64::MAX >> 3);
    let suspects = i64::from(claim.suspect);
    let params: Params<'_> = &[&claim.worker, &claim.lanes, &limit, &number, &suspects, &INPUTS];
    let rows = link.query(CLAIM_STUCK, params).await?;
    let runs = rows.iter().map(activation).collect::<Result<Vec<_>>>()?;
    let share = Share::of(runs.len());
    load(link, runs, share).await
}
