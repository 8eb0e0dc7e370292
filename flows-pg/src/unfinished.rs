//! What a worker asked for and never got: because the connection broke, or because its future was
//! dropped half-way. The database may have done it all the same, so it is made good before the
//! worker's next request: runs that were claimed in vain are ready again, flags that were lowered in
//! vain are up again.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio_postgres::Row;
use uuid::Uuid;

use crate::error::Fault;
use crate::link::Link;
use crate::sql::{COLLECT_AGAIN, UNCLAIM, VOID_REQUESTS};

/// A request whose answer must reach the worker, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    /// The runs of this claim are owned by the worker.
    Claim(i64),
    /// Message flags are down.
    Collect(i64),
}

/// The requests of all workers of this process that are unfinished.
#[derive(Debug, Default)]
pub(crate) struct Unfinished(Mutex<HashMap<Uuid, Vec<Request>>>);

/// A request under way: unfinished unless it is said to be finished.
pub(crate) struct Pending<'a> {
    unfinished: &'a Unfinished,
    worker: Uuid,
    request: Option<Request>,
}

/// The first statement waits for requests that are still under way and refuses those that come
/// late; so the others see all they did. Answers how many runs others hold, so that it must be done
/// again: the worker's own requests do not wait for them.
async fn make_good(link: Link<'_>, worker: Uuid, requests: &[Request]) -> Result<i64, Fault> {
    let mut held = 0;
    let mut count = |rows: Vec<Row>| {
        held += rows.first().map_or(0, |row| row.get::<_, i64>("held"));
    };
    let newest = requests.iter().map(Request::number).max().unwrap_or(0);
    link.query(VOID_REQUESTS, &[&worker, &newest]).await?;
    let claims = requests.iter().filter(|request| matches!(request, Request::Claim(_)));
    let claims = claims.map(Request::number).collect::<Vec<_>>();
    if !claims.is_empty() {
        count(link.query(UNCLAIM, &[&worker, &claims]).await?);
    }
    if claims.len() < requests.len() {
        count(link.query(COLLECT_AGAIN, &[&worker]).await?);
    }
    Ok(held)
}

impl Unfinished {
    pub(crate) fn begin(&self, worker: Uuid, request: Request) -> Pending<'_> {
        Pending { unfinished: self, worker, request: Some(request) }
    }

    /// The worker has ended.
    pub(crate) fn forget_all(&self, worker: Uuid) {
        self.lock().remove(&worker);
    }

    /// Makes good, on the claimer's connection, all that this worker lost.
    pub(crate) async fn make_good(&self, link: Link<'_>, worker: Uuid) -> Result<(), Fault> {
        let requests = self.of(worker);
        if !requests.is_empty() && make_good(link, worker, &requests).await? == 0 {
            self.forget(worker, &requests);
        }
        Ok(())
    }

    fn of(&self, worker: Uuid) -> Vec<Request> {
        self.lock().get(&worker).cloned().unwrap_or_default()
    }

    /// These have been made good.
    fn forget(&self, worker: Uuid, requests: &[Request]) {
        let mut all = self.lock();
        if let Some(open) = all.get_mut(&worker) {
            open.retain(|request| !requests.contains(request));
            if open.is_empty() {
                all.remove(&worker);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Vec<Request>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Request {
    fn number(&self) -> i64 {
        match self {
            Self::Claim(number) | Self::Collect(number) => *number,
        }
    }
}

impl Pending<'_> {
    /// The worker gets the answer.
    pub(crate) fn finish(mut self) {
        self.request = None;
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if let Some(request) = self.request {
            self.unfinished.lock().entry(self.worker).or_default().push(request);
        }
    }
}
