//! A few connections beside the pool, for what must not wait in line with its users.
//!
//! The pool's users are the application's own code and the bodies of transactional activities: they
//! may hold a connection for as long as they like, and call the engine meanwhile. If that call waited
//! for another connection of the same pool, callers that have used the pool up would wait for each
//! other.

use std::sync::{Mutex, MutexGuard, PoisonError};

use deadpool_postgres::{ClientWrapper, PoolError, TimeoutType};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::closing::throw_away;
use crate::error::Fault;
use crate::source::Source;

/// At most so many connections, opened when they are needed and kept.
#[derive(Debug)]
pub(crate) struct Reserve {
    permits: Semaphore,
    idle: Mutex<Vec<ClientWrapper>>,
}

/// A connection on loan. Dropped, it is thrown away; [`Spare::give_back`] keeps it.
pub(crate) struct Spare<'a> {
    /// Taken only at the end.
    client: Option<ClientWrapper>,
    reserve: &'a Reserve,
    _permit: SemaphorePermit<'a>,
}

impl Reserve {
    pub(crate) fn new(size: usize) -> Self {
        Self { permits: Semaphore::new(size), idle: Mutex::default() }
    }

    /// Lends a connection, in the order of the requests.
    pub(crate) async fn lend(&self, source: &Source) -> Result<Spare<'_>, Fault> {
        let Ok(permit) = self.permits.acquire().await else {
            unreachable!("nobody closes the semaphore")
        };
        let kept = self.kept();
        let client = match kept {
            Some(client) => client,
            None => open(source).await?,
        };
        Ok(Spare { client: Some(client), reserve: self, _permit: permit })
    }

    fn kept(&self) -> Option<ClientWrapper> {
        let mut idle = self.idle();
        while let Some(client) = idle.pop() {
            if !client.is_closed() {
                return Some(client);
            }
        }
        None
    }

    /// Forgets the connections that nobody uses: they are likely to be of no use.
    pub(crate) fn suspect(&self) {
        self.idle().clear();
    }

    fn idle(&self) -> MutexGuard<'_, Vec<ClientWrapper>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn open(source: &Source) -> Result<ClientWrapper, Fault> {
    match tokio::time::timeout(source.limit(), source.open()).await {
        Ok(opened) => Ok(opened?),
        Err(_) => Err(PoolError::Timeout(TimeoutType::Create).into()),
    }
}

impl Spare<'_> {
    pub(crate) fn client(&self) -> &ClientWrapper {
        // taken by those that consume it, and by nobody else
        self.client.as_ref().unwrap_or_else(|| unreachable!("the connection was given back"))
    }

    /// Keeps the connection: nothing is unfinished on it.
    pub(crate) fn give_back(mut self) {
        self.reserve.idle().extend(self.client.take());
    }
}

impl Drop for Spare<'_> {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            throw_away(client);
        }
    }
}
