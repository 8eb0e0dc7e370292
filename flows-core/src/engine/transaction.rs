//! A transaction of the application's own, with its type erased.

use std::marker::PhantomData;

use uuid::Uuid;

use crate::ids::RunKey;
use crate::store::{Close, Mail, NewRun, RunView, Sent, Started, StoreFuture, Transaction};

/// What can be done inside an application's transaction.
pub(super) trait Verbs: Send + Sync {
    fn start<'a>(&'a self, run: &'a NewRun) -> StoreFuture<'a, Started>;
    fn send<'a>(&'a self, mail: &'a Mail) -> StoreFuture<'a, Sent>;
    fn terminate<'a>(
        &'a self,
        run: RunKey,
        record: &'a [u8],
        close: &'a Close,
        mail: &'a [Mail],
    ) -> StoreFuture<'a, bool>;
    fn rerun<'a>(&'a self, dead: RunKey, run: &'a NewRun) -> StoreFuture<'a, Started>;
    fn find<'a>(&'a self, tenant: Uuid, workflow_id: &'a str) -> StoreFuture<'a, Option<RunKey>>;
    fn describe(&self, run: RunKey) -> StoreFuture<'_, Option<RunView>>;
}

struct Within<'t, S, T> {
    tx: &'t T,
    store: PhantomData<fn() -> S>,
}

/// Erases the type of a transaction.
pub(super) fn erase<'t, S: 'static, T: Transaction<S>>(tx: &'t T) -> Box<dyn Verbs + 't> {
    Box::new(Within { tx, store: PhantomData })
}

impl<S, T: Transaction<S>> Verbs for Within<'_, S, T> {
    fn start<'a>(&'a self, run: &'a NewRun) -> StoreFuture<'a, Started> {
        self.tx.start(run)
    }

    fn send<'a>(&'a self, mail: &'a Mail) -> StoreFuture<'a, Sent> {
        self.tx.send(mail)
    }

    fn terminate<'a>(
        &'a self,
        run: RunKey,
        record: &'a [u8],
        close: &'a Close,
        mail: &'a [Mail],
    ) -> StoreFuture<'a, bool> {
        self.tx.terminate(run, record, close, mail)
    }

    fn rerun<'a>(&'a self, dead: RunKey, run: &'a NewRun) -> StoreFuture<'a, Started> {
        self.tx.rerun(dead, run)
    }

    fn find<'a>(&'a self, tenant: Uuid, workflow_id: &'a str) -> StoreFuture<'a, Option<RunKey>> {
        self.tx.find(tenant, workflow_id)
    }

    fn describe(&self, run: RunKey) -> StoreFuture<'_, Option<RunView>> {
        self.tx.describe(run)
    }
}
