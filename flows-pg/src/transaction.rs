//! The verbs inside a transaction of the application's: never committed here, never rolled back.

use deadpool_postgres::StatementCache;
use flows_core::error::Result;
use flows_core::ids::RunKey;
use flows_core::store::{
    Close, Mail, NewRun, RunView, Sent, Started, StoreFuture, Transaction, no_such_run,
};
use tokio_postgres::Client;
use uuid::Uuid;

use crate::link::Link;
use crate::scope::Scope;
use crate::{describe, find, rerun, send, start, terminate};

/// The marker of this store: `tx: &impl Transaction<Postgres>` is a transaction of PostgreSQL.
#[derive(Debug, Clone, Copy)]
pub struct Postgres;

/// A transaction of the application's, as a connection.
#[derive(Clone, Copy)]
struct Foreign<'a> {
    client: &'a Client,
    cache: Option<&'a StatementCache>,
}

impl<'a> Foreign<'a> {
    fn scope(self, tenant: Uuid) -> Scope<'a> {
        Scope::Foreign(Link::foreign(self.client, self.cache), tenant)
    }

    async fn start(self, run: &NewRun) -> Result<Started> {
        Ok(start::start_within(self.scope(run.key.tenant), run).await?)
    }

    async fn send(self, mail: &Mail) -> Result<Sent> {
        let answers = send::deliver(self.scope(mail.to.tenant), vec![(0, mail)]).await?;
        let answer = answers.into_iter().next().map(|(_, answer)| answer);
        answer.unwrap_or_else(|| Err(no_such_run(&mail.to.run.to_string())))
    }

    async fn terminate(
        self,
        run: RunKey,
        record: &[u8],
        close: &Close,
        mail: &[Mail],
    ) -> Result<bool> {
        let scope = self.scope(run.tenant);
        Ok(terminate::terminate(scope, run, record, close, mail).await?.is_some())
    }

    async fn rerun(self, dead: RunKey, run: &NewRun) -> Result<Started> {
        Ok(rerun::rerun(self.scope(dead.tenant), dead, run).await?)
    }

    async fn find(self, tenant: Uuid, workflow_id: &str) -> Result<Option<RunKey>> {
        Ok(find::find(self.scope(tenant), tenant, workflow_id).await?)
    }

    async fn describe(self, run: RunKey) -> Result<Option<RunView>> {
        Ok(describe::describe(self.scope(run.tenant), run).await?)
    }
}

/// What the implementations below differ in.
trait Borrow {
    fn foreign(&self) -> Foreign<'_>;
}

impl Borrow for tokio_postgres::Transaction<'_> {
    fn foreign(&self) -> Foreign<'_> {
        Foreign { client: self.client(), cache: None }
    }
}

impl Borrow for deadpool_postgres::Transaction<'_> {
    fn foreign(&self) -> Foreign<'_> {
        Foreign { client: self.client(), cache: Some(&self.statement_cache) }
    }
}

macro_rules! transaction {
    ($type:ty) => {
        impl Transaction<Postgres> for $type {
            fn start<'a>(&'a self, run: &'a NewRun) -> StoreFuture<'a, Started> {
                Box::pin(self.foreign().start(run))
            }

            fn send<'a>(&'a self, mail: &'a Mail) -> StoreFuture<'a, Sent> {
                Box::pin(self.foreign().send(mail))
            }

            fn terminate<'a>(
                &'a self,
                run: RunKey,
                record: &'a [u8],
                close: &'a Close,
                mail: &'a [Mail],
            ) -> StoreFuture<'a, bool> {
                Box::pin(self.foreign().terminate(run, record, close, mail))
            }

            fn rerun<'a>(&'a self, dead: RunKey, run: &'a NewRun) -> StoreFuture<'a, Started> {
                Box::pin(self.foreign().rerun(dead, run))
            }

            fn find<'a>(
                &'a self,
                tenant: Uuid,
                workflow_id: &'a str,
            ) -> StoreFuture<'a, Option<RunKey>> {
                Box::pin(self.foreign().find(tenant, workflow_id))
            }

            fn describe(&self, run: RunKey) -> StoreFuture<'_, Option<RunView>> {
                Box::pin(self.foreign().describe(run))
            }
        }
    };
}

transaction!(tokio_postgres::Transaction<'_>);
transaction!(deadpool_postgres::Transaction<'_>);
