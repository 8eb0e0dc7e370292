//! What somebody's open transaction holds: others go on without it, and one that wants it waits apart
//! from them.
//!
//! A statement for many callers waits a moment for a lock, [`Wait::Moment`]. If that was not enough, the batch
//! is written again in parts, in one transaction with savepoints, and what is held is left out. Who
//! wants that after all waits on a connection of a few that serve nothing else.

use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use crate::error::{Fault, Remedy};
use crate::scope::Scope;
use crate::store::Shared;
use crate::tenant::Wait;

/// Parts of a batch that is held up.
const PARTS: usize = 8;
/// How often a transaction is tried that meets others.
const TRIES: usize = 10;
/// How long one that waits keeps its connection: others that wait have their turn.
const TURN: Duration = Duration::from_millis(500);

/// What was written of a batch, part by part, and what was not.
pub(crate) struct Around<I, A> {
    pub(crate) written: Vec<A>,
    pub(crate) held: Vec<I>,
}

/// A verb that can be tried again in another transaction. (A trait, because the compiler cannot tell yet
/// that what an `AsyncFn` returns may move between threads.)
pub(crate) trait Verb: Sync {
    type Done: Send;

    fn run(&self, scope: Scope<'_>) -> impl Future<Output = Result<Self::Done, Fault>> + Send;
}

/// The same for many items at once.
pub(crate) trait Write: Sync {
    type Item: Clone + Send + Sync;
    type Done: Send;

    fn write(
        &self,
        scope: Scope<'_>,
        part: &[Self::Item],
    ) -> impl Future<Output = Result<Self::Done, Fault>> + Send;
}

impl Shared {
    /// Writes what nobody holds of items, in one transaction.
    pub(crate) async fn around<W: Write>(
        &self,
        tenant: Uuid,
        items: &[W::Item],
        write: W,
    ) -> Result<Around<W::Item, W::Done>, Fault> {
        for _ in 1..TRIES {
            match self.around_once(tenant, items, &write).await {
                Err(fault) if fault.remedy() == Remedy::Repeat => {}
                other => return other,
            }
        }
        self.around_once(tenant, items, &write).await
    }

    async fn around_once<W: Write>(
        &self,
        tenant: Uuid,
        items: &[W::Item],
        write: &W,
    ) -> Result<Around<W::Item, W::Done>, Fault> {
        let tx = self.begin(tenant, Wait::Instant).await?;
        let done = write_parts(Scope::Internal(tx.link()), items, write).await;
        tx.end(done).await
    }

    /// A verb in a transaction of its own that waits for others: a moment in line with everybody,
    /// then apart from them, until the limit. Nothing, if it is held by then; then nothing was written.
    pub(crate) async fn patient<V: Verb>(
        &self,
        tenant: Uuid,
        limit: Duration,
        verb: V,
    ) -> Result<Option<V::Done>, Fault> {
        let tx = self.begin(tenant, Wait::Moment).await?;
        let done = verb.run(Scope::Internal(tx.link())).await;
        match tx.end(done).await {
            Err(fault) if matches!(fault.remedy(), Remedy::Blocked | Remedy::Repeat) => {
                self.wait_apart(tenant, limit, verb).await
            }
            done => done.map(Some),
        }
    }

    /// The same on one of the connections of those who wait, from the beginning.
    pub(crate) async fn wait_apart<V: Verb>(
        &self,
        tenant: Uuid,
        limit: Duration,
        verb: V,
    ) -> Result<Option<V::Done>, Fault> {
        let end = Instant::now() + limit;
        loop {
            let Ok(tx) = tokio::time::timeout_at(end, self.begin_apart(tenant, TURN)).await else {
                return Ok(None);
            };
            let tx = tx?;
            let done = verb.run(Scope::Internal(tx.link())).await;
            match tx.end(done).await {
                Err(fault) if matches!(fault.remedy(), Remedy::Blocked | Remedy::Repeat) => {}
                done => return done.map(Some),
            }
            if Instant::now() >= end {
                return Ok(None);
            }
        }
    }
}

/// Writes the parts that nobody holds; one that is held is cut into smaller ones, down to single items.
async fn write_parts<W: Write>(
    scope: Scope<'_>,
    items: &[W::Item],
    write: &W,
) -> Result<Around<W::Item, W::Done>, Fault> {
    let mut around = Around { written: Vec::new(), held: Vec::new() };
    let mut parts = pieces(items);
    while let Some(part) = parts.pop() {
        scope.savepoint().await?;
        match write.write(scope, &part).await {
            Ok(answer) => {
                scope.keep().await?;
                around.written.push(answer);
            }
            Err(fault) if fault.remedy() == Remedy::Blocked => {
                scope.take_back().await?;
                if part.len() == 1 { around.held.extend(part) } else { parts.extend(pieces(&part)) }
            }
            Err(fault) => return Err(fault),
        }
    }
    Ok(around)
}

/// The parts in reverse order: the last is taken first.
fn pieces<I: Clone>(items: &[I]) -> Vec<Vec<I>> {
    let size = items.len().div_ceil(PARTS).max(1);
    items.chunks(size).rev().map(<[I]>::to_vec).collect()
}
