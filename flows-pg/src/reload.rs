//! `reload`: runs that a worker still owns, read again.

use flows_core::error::Result;
use flows_core::ids::RunKey;
use flows_core::store::Activation;
use uuid::Uuid;

use crate::load::{INPUTS, Share, load};
use crate::rows::{Keys, activation};
use crate::sql::RELOAD;
use crate::store::Shared;

impl Shared {
    pub(crate) async fn reload(&self, worker: Uuid, runs: &[RunKey]) -> Result<Vec<Activation>> {
        let lent = self.claimer().await?;
        let keys = runs.iter().copied().collect::<Keys>();
        let params: crate::link::Params<'_> =
            &[&worker, &keys.shards, &keys.tenants, &keys.runs, &INPUTS];
        let rows = lent.link().query(RELOAD, params).await?;
        let runs = rows.iter().map(activation).collect::<Result<Vec<_>>>()?;
        let share = if keys.len() == 1 { Share::WHOLE } else { Share::of(runs.len()) };
        let loaded = load(lent.link(), runs, share).await?;
        lent.give_back();
        Ok(loaded)
    }
}
