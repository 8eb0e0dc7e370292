//! `retire`: a worker hands back what it owns, and is forgotten.

use flows_core::error::Result;
use uuid::Uuid;

use crate::release::release_all;
use crate::store::Shared;

impl Shared {
    pub(crate) async fn retire(&self, worker: Uuid) -> Result<()> {
        let lent = self.claimer().await?;
        let shards = release_all(lent.link(), worker).await?;
        lent.give_back();
        self.unfinished.forget_all(worker);
        self.leased_over().remove(&worker);
        self.hints.ready(shards);
        Ok(())
    }
}
