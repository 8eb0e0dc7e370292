//! The way that a client's verbs go: to the store, many calls in a batch; or into a transaction of the
//! application's.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::execution::Target;
use super::local_workers::Begun;
use super::tenant::Tenant;
use super::waiters::FirstNews;
use crate::codec::EncodingClient;
use crate::error::Result;
use crate::ids::RunKey;
use crate::limits::check_name;
use crate::store::{
    ClientStore, InTransaction, NewRun, OutgoingMessage, Sent, Started, no_such_run,
};

/// What a client's call does for a tenant, and where.
pub(super) struct Access<'t> {
    pub(super) tenant: Tenant,
    tx: Option<Box<dyn ClientStore + 't>>,
}

impl<'t> Access<'t> {
    /// To the store.
    pub(super) fn new(tenant: Tenant) -> Self {
        Self { tenant, tx: None }
    }

    /// Into a transaction of the application's.
    pub(super) fn within<S, T: InTransaction<S>>(self, tx: &'t T) -> Self {
        let inner = &*self.tenant.inner;
        let verbs = tx.verbs_of(Some(&*inner.store));
        let tx: Option<Box<dyn ClientStore + 't>> = Some(match &inner.codecs {
            Some(codecs) => Box::new(EncodingClient::new(verbs, codecs.clone())),
            None => verbs,
        });
        Self { tx, ..self }
    }

    /// Everything else that clients do.
    pub(super) fn store(&self) -> &(dyn ClientStore + 't) {
        match &self.tx {
            Some(tx) => &**tx,
            None => &*self.tenant.inner.store,
        }
    }

    /// Whether what it has done exists: the application may still roll its transaction back.
    pub(super) fn is_certain(&self) -> bool {
        self.tx.is_none()
    }

    pub(super) async fn start(&self, new: &NewRun) -> Result<Begun> {
        match &self.tx {
            Some(tx) => Ok(Begun { started: tx.start_one(new).await?, news: FirstNews::default() }),
            None => self.tenant.inner.start(new).await,
        }
    }

    /// Many at once, without a worker of this process taking them in.
    pub(super) async fn start_all(&self, runs: &[NewRun]) -> Result<Vec<Result<Started>>> {
        if self.is_certain() {
            self.tenant.inner.until_served().await;
        }
        if runs.is_empty() { Ok(Vec::new()) } else { self.store().start(runs).await }
    }

    pub(super) async fn send(&self, message: &OutgoingMessage) -> Result<Sent> {
        match &self.tx {
            Some(tx) => tx.send_one(message).await,
            None => self.tenant.inner.send(message).await,
        }
    }

    /// Both in one transaction.
    pub(super) async fn signal_with_start(
        &self,
        new: &NewRun,
        signal: &OutgoingMessage,
    ) -> Result<(Started, Sent)> {
        if self.is_certain() {
            self.tenant.inner.until_served().await;
        }
        self.store().signal_with_start(new, signal).await
    }

    /// The run that is meant.
    pub(super) async fn resolve(&self, target: &Target) -> Result<RunKey> {
        let (id, tenant) = match target {
            Target::Run { key, .. } => return Ok(*key),
            Target::Id(id) => (id.as_str(), self.tenant.id()),
        };
        check_name("workflow id", id)?;
        let by_run_id = || Some(RunKey::of_run(tenant, Uuid::parse_str(id).ok()?));
        let found = self.store().find(tenant, id).await?;
        found.or_else(by_run_id).ok_or_else(|| no_such_run(&format!("`{id}`")))
    }

    /// A run was started that a worker should claim.
    pub(super) fn tell_of_start(&self, new: &NewRun) {
        self.tell_of_starts(std::slice::from_ref(new));
    }

    /// The same of many.
    pub(super) fn tell_of_starts(&self, new: &[NewRun]) {
        let hints = &self.tenant.inner.hints;
        let is_due = |new: &&NewRun| new.delay.is_none() && new.start_at.is_none();
        if self.is_certain() {
            let shards: BTreeSet<_> = new.iter().filter(is_due).map(|new| new.key.shard).collect();
            if !shards.is_empty() {
                hints.ready(shards.into_iter().collect());
            }
        } else {
            let shards: BTreeSet<_> = new.iter().map(|new| new.key.shard).collect();
            shards.into_iter().for_each(|shard| hints.soon(shard));
        }
    }

    /// A message was sent.
    pub(super) fn tell_of_message(&self, run: RunKey, sent: &Sent) {
        let hints = &self.tenant.inner.hints;
        match sent {
            Sent::ToOwner(_) | Sent::ToReady if !self.is_certain() => hints.soon(run.shard),
            Sent::ToOwner(worker) => hints.messages(*worker),
            Sent::ToReady => hints.woken(run),
            Sent::Kept | Sent::Duplicate | Sent::Held => {}
        }
    }

    /// A run was ended from outside.
    pub(super) fn tell_of_end(&self, run: RunKey) {
        if self.is_certain() {
            self.tenant.inner.hints.terminated(run);
        }
    }
}
