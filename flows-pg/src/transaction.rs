//! The verbs inside a transaction of the application's: never committed here, never rolled back.

use deadpool_postgres::StatementCache;
use flows_core::error::{Error, Result};
use flows_core::ids::RunKey;
use flows_core::store::{
    Close, InTransaction, NewRun, OutgoingMessage, RunView, Sent, Started, Store, StoreFuture,
    Transaction, held, no_such_run,
};
use tokio_postgres::Client;
use uuid::Uuid;

use crate::PgStore;
use crate::error::{Fault, Remedy};
use crate::link::Link;
use crate::names::Names;
use crate::scope::Scope;
use crate::{describe, find, pooler, rerun, send, start, terminate};

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
        Scope::Foreign(Link::foreign(self.client, self.names, cache), tenant)
    }

    async fn start(self, run: &NewRun) -> Result<Started> {
        let started = start::start_within(self.scope(run.key.tenant), run).await;
        started.map_err(|fault| match &run.spec.workflow_id {
            Some(id) => named(fault, &format!("workflow id `{id}`")),
            None => of_run(run.key)(fault),
        })
    }

    async fn send(self, mail: &OutgoingMessage) -> Result<Sent> {
        let answers = send::deliver(self.scope(mail.to.tenant), vec![(0, mail)]).await;
        let answers = answers.map_err(of_run(mail.to))?;
        let answer = answers.into_iter().next().map(|(_, answer)| answer);
        answer.unwrap_or_else(|| Err(no_such_run(&mail.to.run.to_string())))
    }

    async fn terminate(
        self,
        run: RunKey,
        record: &[u8],
        close: &Close,
        mail: &[OutgoingMessage],
    ) -> Result<bool> {
        let scope = self.scope(run.tenant);
        let ended = terminate::terminate(scope, run, record, close, mail).await;
        Ok(ended.map_err(of_run(run))?.is_some())
    }

    async fn rerun(self, dead: RunKey, run: &NewRun) -> Result<Started> {
        rerun::rerun(self.scope(dead.tenant), dead, run).await.map_err(of_run(dead))
    }

    async fn find(self, tenant: Uuid, workflow_id: &str) -> Result<Option<RunKey>> {
        Ok(find::find(self.scope(tenant), tenant, workflow_id).await?)
    }

    async fn describe(self, run: RunKey) -> Result<Option<RunView>> {
        Ok(describe::describe(self.scope(run.tenant), run).await?)
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

fn of_run(run: RunKey) -> impl FnOnce(Fault) -> Error {
    move |fault| named(fault, &format!("run {}", run.run))
}

impl Transaction for Foreign<'_> {
    fn start<'a>(&'a self, run: &'a NewRun) -> StoreFuture<'a, Started> {
        Box::pin(Foreign::start(*self, run))
    }

    fn send<'a>(&'a self, mail: &'a OutgoingMessage) -> StoreFuture<'a, Sent> {
        Box::pin(Foreign::send(*self, mail))
    }

    fn terminate<'a>(
        &'a self,
        run: RunKey,
        record: &'a [u8],
        close: &'a Close,
        mail: &'a [OutgoingMessage],
    ) -> StoreFuture<'a, bool> {
        Box::pin(Foreign::terminate(*self, run, record, close, mail))
    }

    fn rerun<'a>(&'a self, dead: RunKey, run: &'a NewRun) -> StoreFuture<'a, Started> {
        Box::pin(Foreign::rerun(*self, dead, run))
    }

    fn find<'a>(&'a self, tenant: Uuid, workflow_id: &'a str) -> StoreFuture<'a, Option<RunKey>> {
        Box::pin(Foreign::find(*self, tenant, workflow_id))
    }

    fn describe(&self, run: RunKey) -> StoreFuture<'_, Option<RunView>> {
        Box::pin(Foreign::describe(*self, run))
    }
}

/// The names of the store's schema.
fn names(store: Option<&dyn Store>) -> Names {
    let store = store.and_then(|store| store.as_any().downcast_ref::<PgStore>());
    store.map(|store| store.0.source.names()).unwrap_or_default()
}

impl InTransaction<Postgres> for tokio_postgres::Transaction<'_> {
    fn verbs_of(&self, store: Option<&dyn Store>) -> Box<dyn Transaction + '_> {
        Box::new(Foreign { client: self.client(), cache: None, names: names(store) })
    }
}

impl InTransaction<Postgres> for deadpool_postgres::Transaction<'_> {
    fn verbs_of(&self, store: Option<&dyn Store>) -> Box<dyn Transaction + '_> {
        let cache = Some(&*self.statement_cache);
        Box::new(Foreign { client: self.client(), cache, names: names(store) })
    }
}
