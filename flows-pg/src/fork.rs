//! `fork`: runs that begin as others did; one may take the place of the run that it is forked from.
//!
//! One transaction for all of them. A place is taken before the new run starts, which wants its workflow id; a
//! run that is open ends first.

use flows_core::error::Result;
use flows_core::ids::RunKey;
use flows_core::store::{
    ForkedRun, PATIENCE, Started, Takes, held, no_such_dead_letter, place_is_taken,
};

use crate::error::Fault;
use crate::held::Verb;
use crate::scope::Scope;
use crate::send::deliver;
use crate::sql::{FORK, LINK_SUCCESSOR, MOVE_INBOX, TAKE_DEAD_LETTER};
use crate::start::start_within;
use crate::store::Shared;
use crate::terminate::terminate;

impl Shared {
    pub(crate) async fn fork(&self, forks: &[ForkedRun]) -> Result<Started> {
        let Some(first) = forks.first() else { return Ok(Started::Created) };
        let started = self.patient(first.from.tenant, PATIENCE, Forks(forks)).await?;
        started.ok_or_else(|| held(&format!("run {}", first.from.run)))
    }
}

struct Forks<'a>(&'a [ForkedRun]);

impl Verb for Forks<'_> {
    type Done = Started;

    async fn run(&self, scope: Scope<'_>) -> Result<Started, Fault> {
        fork(scope, self.0).await
    }
}

/// Forks inside a transaction, all of them or none.
pub(crate) async fn fork(scope: Scope<'_>, forks: &[ForkedRun]) -> Result<Started, Fault> {
    scope.savepoint().await?;
    let forked = fork_all(scope, forks).await;
    match forked {
        Ok(Started::Created | Started::Owned { .. }) => scope.keep().await?,
        // an error of the server has aborted the transaction, savepoint and all
        Err(Fault::Pg(..) | Fault::Silent(_)) => {}
        Ok(Started::Exists(_) | Started::Held) | Err(Fault::Final(_)) => scope.take_back().await?,
    }
    forked
}

async fn fork_all(scope: Scope<'_>, forks: &[ForkedRun]) -> Result<Started, Fault> {
    for fork in forks {
        take(scope, fork).await?;
        match start_within(scope, &fork.run).await? {
            Started::Created => begin(scope, fork).await?,
            refused => return Ok(refused),
        }
    }
    Ok(Started::Created)
}

/// Takes what the new run takes from the other one.
async fn take(scope: Scope<'_>, fork: &ForkedRun) -> Result<(), Fault> {
    let RunKey { shard, tenant, run } = fork.from;
    if !fork.takes.place() {
        return Ok(());
    }
    if let Takes::Place(record, close) = &fork.takes {
        terminate(scope, fork.from, record, close, &[]).await?;
    }
    let dead = scope.query(TAKE_DEAD_LETTER, &[&shard, &tenant, &run]).await?;
    if dead.is_empty() && matches!(fork.takes, Takes::DeadLetter) {
        return Err(no_such_dead_letter(fork.from).into());
    }
    let successor = &fork.run.key.run;
    let linked = scope.query(LINK_SUCCESSOR, &[&shard, &tenant, &run, successor]).await?;
    if linked.is_empty() { Err(place_is_taken(fork.from).into()) } else { Ok(()) }
}

/// Gives the new run its journal and its messages.
async fn begin(scope: Scope<'_>, fork: &ForkedRun) -> Result<(), Fault> {
    let (RunKey { shard, tenant, run }, spec) = (fork.run.key, &fork.run.spec);
    let (positions, rows): (Vec<i32>, Vec<&[u8]>) =
        fork.rewritten.iter().map(|(position, row)| (*position, row.as_slice())).unzip();
    let (from, lane, position) = (fork.from, spec.lane(), i64::from(fork.position));
    let params: crate::link::Params<'_> = &[
        &shard,
        &tenant,
        &run,
        &lane,
        &spec.priority,
        &from.shard,
        &from.run,
        &fork.copied,
        &positions,
        &rows,
        &position,
    ];
    scope.query(FORK, params).await?;
    let messages: Vec<_> = fork.messages.iter().enumerate().collect();
    if !messages.is_empty() {
        deliver(scope, messages).await?;
    }
    if fork.takes_inbox {
        let (shards, tenants) = (vec![from.shard], vec![tenant]);
        let (runs, successors) = (vec![from.run], vec![run]);
        scope.query(MOVE_INBOX, &[&shards, &tenants, &runs, &successors]).await?;
    }
    Ok(())
}
