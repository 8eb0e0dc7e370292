//! `claim`: ready runs become owned, and are read.
//!
//! A claim whose answer does not reach the worker is given back by the next look or claim, so no
//! run is owned by a worker that does not know it.

use flows_core::error::Result;
use flows_core::store::{Activation, Claim};
use futures_util::future::join;

use crate::error::Fault;
use crate::link::{Link, Params};
use crate::load::{INPUTS, Share, load, read};
use crate::rows::{activation, ascending};
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

/// Journals of runs that are expected are asked for together with the claim. It is the later of two
/// statements all the same, and sees what the claim could not see yet. What was not won is not read.
async fn claim_and_load(
    link: Link<'_>,
    claim: Claim<'_>,
    number: i64,
) -> Result<Vec<Activation>, Fault> {
    let limit = i64::try_from(claim.limit).unwrap_or(i64::MAX >> 3);
    let lanes = ascending(claim.lanes);
    let params: Params<'_> =
        &[&claim.worker, &claim.shard, &lanes.as_ref(), &limit, &number, &INPUTS];
    let statement = link.prepare(CLAIM).await?;
    let share = Share::of(claim.expected.len());
    let along = read(link, claim.expected, share, Some((claim.worker, number)));
    let (rows, along) = join(link.send(&statement, params), along).await;
    let mut runs = rows?.iter().map(activation).collect::<Result<Vec<_>>>()?;
    link.count("loaded with its claim", along?.fill(&mut runs));
    let share = Share::of(runs.iter().filter(|(run, load)| *load && !run.unread).count());
    load(link, runs, share).await
}
