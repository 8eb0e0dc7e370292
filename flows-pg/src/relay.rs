//! Connections that go from one transactional activity to the next, while activities wait for the pool.
//!
//! What a body has set is reset by then, but for advisory locks, which it takes a statement of its own to
//! release: the next one's first statement does that as well.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

use deadpool_postgres::{Object, Pool};
use futures_util::future::{Either, select};
use tokio::sync::oneshot;

use crate::closing::Borrowed;
use crate::error::Fault;

/// The activities that wait.
#[derive(Default)]
pub(crate) struct Relay(Mutex<VecDeque<oneshot::Sender<Borrowed>>>);

/// A connection for an activity.
pub(crate) struct Taken {
    pub(crate) client: Borrowed,
    /// Another activity has handed it over, perhaps with advisory locks.
    pub(crate) is_handed: bool,
}

impl Relay {
    /// A connection of the pool, or one that another activity hands over, whichever comes first.
    pub(crate) async fn take(
        &self,
        pooled: impl Future<Output = Result<Object, Fault>>,
    ) -> Result<Taken, Fault> {
        let (offer, offered) = oneshot::channel();
        self.waiting().push_back(offer);
        let handed = |client| Ok(Taken { client, is_handed: true });
        let pooled = match select(offered, pin!(pooled)).await {
            Either::Left((Ok(client), _)) => return handed(client),
            Either::Left((Err(_), pooled)) => pooled.await, // nobody drops an offer
            Either::Right((pooled, mut offered)) => {
                offered.close();
                if let Ok(client) = offered.try_recv() {
                    return handed(client); // and the pool gets its own back
                }
                self.waiting().retain(|offer| !offer.is_closed());
                pooled
            }
        };
        Ok(Taken { client: Borrowed::new(pooled?), is_handed: false })
    }

    /// Whether an activity waits, and nobody else does who would have to wait behind all of them.
    pub(crate) fn is_wanted(&self, pool: &Pool) -> bool {
        let waiting = self.waiting().len();
        waiting > 0 && pool.status().waiting <= waiting
    }

    /// Hands a connection over. It comes back where nobody waits any more.
    pub(crate) fn hand_over(&self, client: Borrowed) -> Option<Borrowed> {
        let mut client = client;
        loop {
            let next = self.waiting().pop_front();
            let Some(offer) = next else { return Some(client) };
            match offer.send(client) {
                Ok(()) => return None,
                Err(unsent) => client = unsent,
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<oneshot::Sender<Borrowed>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
