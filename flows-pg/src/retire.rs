//! `retire`: a worker hands back what it owns, and is forgotten.

use std::collections::HashSet;

use flows_core::error::Result;
use flows_core::ids::RunKey;
use uuid::Uuid;

use crate::error::Fault;
use crate::link::Link;
use crate::release::{PAUSE, ROUNDS, release_all};
use crate::rows::Keys;
use crate::sql::TAKE_BACK;
use crate::store::Shared;

impl Shared {
    pub(crate) async fn retire(&self, worker: Uuid, innocent: &[RunKey]) -> Result<()> {
        let lent = self.claimer_for(worker).await?;
        let (released, over) = release_all(lent.link(), worker).await?;
        if over {
            take_back(lent.link(), innocent).await?;
        }
        lent.give_back();
        self.unfinished.forget_all(worker);
        self.leased_over().remove(&worker);
        self.hints.after_commit(released.hints());
        Ok(())
    }
}

/// Takes a setback of each run back. One that somebody holds at the moment is met again, a few times.
async fn take_back(link: Link<'_>, innocent: &[RunKey]) -> Result<(), Fault> {
    let mut left: HashSet<RunKey> = innocent.iter().copied().collect();
    for _ in 0..ROUNDS {
        if left.is_empty() {
            break;
        }
        let Keys { shards, tenants, runs } = left.iter().copied().collect();
        let rows = link.query(TAKE_BACK, &[&shards, &tenants, &runs]).await?;
        let held = rows.iter().map(|row| row.get("run_id")).collect::<HashSet<Uuid>>();
        left.retain(|key| held.contains(&key.run));
        if !left.is_empty() {
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(())
}
