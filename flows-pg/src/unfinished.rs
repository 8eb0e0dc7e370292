//! What a worker asked for and never got: because the connection broke, or because its future was
//! dropped half-way. The database may have done it all the same, so it is made good later.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

/// A request whose answer must reach the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    /// The claim of this number: its runs are owned, but the worker does not know them.
    Claim(i64),
    /// Mail flags are down whose letters the worker has not seen.
    Collect,
}

/// The requests of all workers of this process that are unfinished.
#[derive(Debug, Default)]
pub(crate) struct Unfinished(Mutex<Requests>);

#[derive(Debug, Default)]
struct Requests {
    claims: HashMap<Uuid, Vec<i64>>,
    collects: HashSet<Uuid>,
}

/// A request under way: unfinished unless it is said to be finished.
pub(crate) struct Pending<'a> {
    unfinished: &'a Unfinished,
    worker: Uuid,
    request: Option<Request>,
}

impl Unfinished {
    pub(crate) fn begin(&self, worker: Uuid, request: Request) -> Pending<'_> {
        Pending { unfinished: self, worker, request: Some(request) }
    }

    /// The claims of the worker that were not finished.
    pub(crate) fn claims(&self, worker: Uuid) -> Vec<i64> {
        self.lock().claims.get(&worker).cloned().unwrap_or_default()
    }

    /// Those claims have been made good.
    pub(crate) fn forget_claims(&self, worker: Uuid, claims: &[i64]) {
        let mut requests = self.lock();
        if let Some(open) = requests.claims.get_mut(&worker) {
            open.retain(|claim| !claims.contains(claim));
            if open.is_empty() {
                requests.claims.remove(&worker);
            }
        }
    }

    pub(crate) fn has_collect(&self, worker: Uuid) -> bool {
        self.lock().collects.contains(&worker)
    }

    /// The worker has ended.
    pub(crate) fn forget(&self, worker: Uuid) {
        let mut requests = self.lock();
        requests.claims.remove(&worker);
        requests.collects.remove(&worker);
    }

    fn add(&self, worker: Uuid, request: Request) {
        let mut requests = self.lock();
        match request {
            Request::Claim(number) => requests.claims.entry(worker).or_default().push(number),
            Request::Collect => {
                requests.collects.insert(worker);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Requests> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pending<'_> {
    /// The worker gets the answer.
    pub(crate) fn finish(mut self) {
        match self.request.take() {
            Some(Request::Collect) => {
                self.unfinished.lock().collects.remove(&self.worker);
            }
            Some(Request::Claim(_)) | None => {}
        }
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if let Some(request) = self.request {
            self.unfinished.add(self.worker, request);
        }
    }
}
