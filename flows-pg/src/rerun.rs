//! `rerun`: a dead letter goes on as a new run, once.

use flows_core::error::Result;
use flows_core::ids::RunKey;
use flows_core::store::{NewRun, PATIENCE, Started, held, no_such_dead_letter};

use crate::error::Fault;
use crate::held::Verb;
use crate::scope::Scope;
use crate::sql::{LINK_SUCCESSOR, TAKE_DEAD_LETTER};
use crate::start::start_within;
use crate::store::Shared;

impl Shared {
    pub(crate) async fn rerun(&self, dead: RunKey, run: &NewRun) -> Result<Started> {
        let started = self.patient(dead.tenant, PATIENCE, Rerun { dead, run }).await?;
        started.ok_or_else(|| held(&format!("run {}", dead.run)))
    }
}

struct Rerun<'a> {
    dead: RunKey,
    run: &'a NewRun,
}

impl Verb for Rerun<'_> {
    type Done = Started;

    async fn run(&self, scope: Scope<'_>) -> Result<Started, Fault> {
        rerun(scope, self.dead, self.run).await
    }
}

/// Reruns inside a transaction. The new run takes over the workflow id, unless that has gone to yet
/// another run: then the conflict policy says what happens, and the dead letter stays.
pub(crate) async fn rerun(scope: Scope<'_>, dead: RunKey, run: &NewRun) -> Result<Started, Fault> {
    scope.savepoint().await?;
    if scope.query(TAKE_DEAD_LETTER, &[&dead.shard, &dead.tenant, &dead.run]).await?.is_empty() {
        scope.take_back().await?;
        return Err(no_such_dead_letter(dead).into());
    }
    scope.query(LINK_SUCCESSOR, &[&dead.shard, &dead.tenant, &dead.run, &run.key.run]).await?;
    let started = start_within(scope, run).await;
    match started {
        Ok(Started::Created | Started::Owned { .. }) => scope.keep().await?,
        // an error of the server has aborted the transaction, savepoint and all
        Err(Fault::Pg(..) | Fault::Silent(_)) => {}
        Ok(Started::Exists(_) | Started::Held) | Err(Fault::Final(_)) => scope.take_back().await?,
    }
    started
}
