//! The verbs inside a transaction of the application's: never committed here, never rolled back.

use std::collections::HashSet;
use std::time::Duration;

use deadpool_postgres::StatementCache;
use flows_core::error::{Error, Result};
use flows_core::ids::RunKey;
use flows_core::store::{
    ClientStore, Close, ForkedRun, InTransaction, NewRun, OutgoingMessage, RunView, ScheduleChange,
    ScheduleRow, Sent, Started, Store, StoreFuture, held, only,
};
use flows_core::time::Timestamp;
use futures_util::TryFutureExt;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::PgStore;
use crate::error::{Fault, Remedy};
use crate::link::Link;
use crate::names::Names;
use crate::scope::Scope;
use crate::{fork, pooler, rerun, schedules, send, signal_with_start, start, terminate};

/// The marker of this store: `tx: &impl InTransaction<Postgres>` is a transaction of PostgreSQL.
#[derive(Debug, Clone, Copy)]
pub struct Postgres;

/// A transaction of the application's, as a connection.
#[derive(Clone, Copy)]
struct Foreign<'a> {
    client: &'a Client,
    cache: Option<&'a StatementCache>,
    names: Names,
}

impl<'a> Foreign<'a> {
    fn scope(self, tenant: Uuid) -> Scope<'a> {
        // a session that a pooler lends has other statements prepared than the cache says
        let cache = self.cache.filter(|_| pooler::may_be_direct(self.client));
        Scope::Application(Link::foreign(self.client, self.names, cache), tenant)
    }

    async fn start(self, run: &NewRun) -> Result<Started> {
        start::start_within(self.scope(run.key.tenant), run).await.map_err(of_start(run))
    }

    /// Those of many whose workflow id is free, in one statement. (One alone says itself what it waits for.)
    async fn create(self, runs: &[NewRun]) -> Result<HashSet<Uuid>> {
        let (Some(first), true) = (runs.first(), runs.len() > 1) else { return Ok(HashSet::new()) };
        let tenant = first.key.tenant;
        if runs.iter().any(|run| run.key.tenant != tenant) {
            return Ok(HashSet::new());
        }
        let created = start::create_within(self.scope(tenant), runs).await;
        created.map_err(|fault| named(fault, "one of the workflow ids"))
    }

    async fn send(self, message: &OutgoingMessage) -> Result<Sent> {
        let answers = send::deliver(self.scope(message.to.tenant), vec![(0, message)]).await;
        let answers = answers.map_err(of_run(message.to))?;
        only(answers.into_iter().map(|(_, answer)| answer).collect())
    }
}

/// An error that says what was held, if that is why.
fn named(fault: Fault, what: &str) -> Error {
    match fault.remedy() {
        Remedy::Blocked => {
            let error = held(what);
            let message = format!("{error}; this transaction can only be rolled back now");
            error.with_message(message)
        }
        _ => fault.into(),
    }
}

fn of_start(run: &NewRun) -> impl FnOnce(Fault) -> Error {
    |fault| match &run.spec.workflow_id {
        Some(id) => named(fault, &format!("workflow id `{id}`")),
        None => of_run(run.key)(fault),
    }
}

fn of_run(run: RunKey) -> impl FnOnce(Fault) -> Error {
    move |fault| named(fault, &format!("run {}", run.run))
}

impl ClientStore for Foreign<'_> {
    fn start<'a>(&'a self, runs: &'a [NewRun]) -> StoreFuture<'a, Vec<Result<Started>>> {
        Box::pin(async move {
            let created = self.create(runs).await?;
            let mut answers = Vec::with_capacity(runs.len());
            for run in runs {
                answers.push(match created.contains(&run.key.run) {
                    true => Ok(Started::Created),
                    false => Foreign::start(*self, run).await,
                });
            }
            Ok(answers)
        })
    }

    fn start_held<'a>(&'a self, run: &'a NewRun, _limit: Duration) -> StoreFuture<'a, Started> {
        Box::pin(Foreign::start(*self, run))
    }

    fn send<'a>(&'a self, messages: &'a [OutgoingMessage]) -> StoreFuture<'a, Vec<Result<Sent>>> {
        Box::pin(async move {
            let mut answers = Vec::new();
            for message in messages {
                answers.push(Foreign::send(*self, message).await);
            }
            Ok(answers)
        })
    }

    fn send_held<'a>(
        &'a self,
        message: &'a OutgoingMessage,
        _limit: Duration,
    ) -> StoreFuture<'a, Sent> {
        Box::pin(Foreign::send(*self, message))
    }

    fn signal_with_start<'a>(
        &'a self,
        run: &'a NewRun,
        signal: &'a OutgoingMessage,
    ) -> StoreFuture<'a, (Started, Sent)> {
        let done = signal_with_start::within(self.scope(run.key.tenant), run, signal);
        Box::pin(done.map_err(of_start(run)))
    }

    fn terminate<'a>(
        &'a self,
        run: RunKey,
        record: &'a [u8],
        close: &'a Close,
        messages: &'a [OutgoingMessage],
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let scope = self.scope(run.tenant);
            let ended = terminate::terminate(scope, run, record, close, messages).await;
            Ok(ended.map_err(of_run(run))?.is_some())
        })
    }

    fn rerun<'a>(&'a self, dead: RunKey, run: &'a NewRun) -> StoreFuture<'a, Started> {
        let started = rerun::rerun(self.scope(dead.tenant), dead, run);
        Box::pin(started.map_err(of_run(dead)))
    }

    fn fork<'a>(&'a self, forks: &'a [ForkedRun]) -> StoreFuture<'a, Started> {
        Box::pin(async move {
            let Some(first) = forks.first() else { return Ok(Started::Created) };
            let forked = fork::fork(self.scope(first.from.tenant), forks).await;
            forked.map_err(of_run(first.from))
        })
    }

    fn dismiss<'a>(&'a self, dead: RunKey, reason: &'a str) -> StoreFuture<'a, ()> {
        Box::pin(self.scope(dead.tenant).dismiss(dead, reason).map_err(of_run(dead)))
    }

    fn retry_stuck(&self, run: RunKey) -> StoreFuture<'_, bool> {
        Box::pin(self.scope(run.tenant).retry_stuck(run).map_err(of_run(run)))
    }

    fn find<'a>(&'a self, tenant: Uuid, workflow_id: &'a str) -> StoreFuture<'a, Option<RunKey>> {
        Box::pin(self.scope(tenant).find(tenant, workflow_id).err_into())
    }

    fn describe(&self, run: RunKey) -> StoreFuture<'_, Option<RunView>> {
        Box::pin(self.scope(run.tenant).describe(run).err_into())
    }

    fn find_schedule<'a>(
        &'a self,
        tenant: Uuid,
        id: &'a str,
    ) -> StoreFuture<'a, (Timestamp, Option<ScheduleRow>)> {
        Box::pin(self.scope(tenant).find_schedule(tenant, id).err_into())
    }

    fn change_schedule<'a>(&'a self, change: &'a ScheduleChange) -> StoreFuture<'a, bool> {
        let done = schedules::change::change_schedule(self.scope(change.tenant), change);
        Box::pin(done.map_err(|fault| named(fault, &format!("schedule `{}`", change.id))))
    }
}

/// The names of the store's schema.
fn names(store: Option<&dyn Store>) -> Names {
    let store = store.and_then(|store| store.as_any().downcast_ref::<PgStore>());
    store.map(|store| store.0.source.names()).unwrap_or_default()
}

impl InTransaction<Postgres> for tokio_postgres::Transaction<'_> {
    fn verbs_of(&self, store: Option<&dyn Store>) -> Box<dyn ClientStore + '_> {
        Box::new(Foreign { client: self.client(), cache: None, names: names(store) })
    }
}

impl InTransaction<Postgres> for deadpool_postgres::Transaction<'_> {
    fn verbs_of(&self, store: Option<&dyn Store>) -> Box<dyn ClientStore + '_> {
        let cache = Some(&*self.statement_cache);
        Box::new(Foreign { client: self.client(), cache, names: names(store) })
    }
}
