//! Batching without a timer: what arrives while one batch is on its way makes the next, and so does what
//! tasks that can run already are about to ask.
//!
//! One task owns the work, so a caller that is dropped in the middle changes nothing.
//!
//! What waits is bounded, by number and by bytes: when the database is slow, callers wait for their
//! turn in front of the queue, and memory does not grow.
//!
//! A task ends with its runtime. An engine may be used on several, one after the other or at once, so
//! each has a batcher of its own.

use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::runtime::{Handle, Id};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::error::{Error, ErrorKind, Result};

/// The most requests of one batch.
const BATCH: usize = 1000;
/// The most requests that wait; further callers wait for their turn.
const QUEUE: usize = 8192;
/// How often others may go first, before a batch is served.
const ROUNDS: usize = 16;
/// The most kilobytes of requests that wait or are on their way.
const ROOM: u32 = 64 * 1024;

/// Collects requests and hands them over in batches.
pub(crate) struct Batcher<Q, A> {
    queue: mpsc::Sender<Request<Q, A>>,
    room: Arc<Semaphore>,
    size: fn(&Q) -> usize,
}

/// A batcher for each runtime that the engine is used on.
pub(crate) struct Batchers<Q, A> {
    all: RwLock<ByRuntime<Q, A>>,
    size: fn(&Q) -> usize,
    serve: Serve<Q, A>,
}

type ByRuntime<Q, A> = Vec<(Id, Arc<Batcher<Q, A>>)>;
type Serve<Q, A> = Arc<dyn Fn(Vec<Q>) -> BoxFuture<'static, Result<Vec<Result<A>>>> + Send + Sync>;

struct Request<Q, A> {
    question: Q,
    caller: Caller<A>,
}

/// Who waits for an answer, and the room that the question takes up until then.
struct Caller<A> {
    answer: oneshot::Sender<Result<A>>,
    _room: OwnedSemaphorePermit,
}

impl<Q: Send + 'static, A: Send + 'static> Batchers<Q, A> {
    /// As of [`Batcher::spawn`].
    pub(crate) fn new<F>(
        size: fn(&Q) -> usize,
        serve: impl Fn(Vec<Q>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Vec<Result<A>>>> + Send + 'static,
    {
        let serve = Arc::new(move |batch| serve(batch).boxed());
        Self { all: RwLock::default(), size, serve }
    }

    /// Asks with others of this runtime, and waits for the answer.
    pub(crate) async fn ask(&self, question: Q) -> Result<A> {
        self.here().ask(question).await
    }

    /// The batcher of the current runtime, made when it is first needed.
    fn here(&self) -> Arc<Batcher<Q, A>> {
        let here = Handle::current().id();
        let of_here = |all: &[(Id, Arc<Batcher<Q, A>>)]| {
            all.iter().find(|(id, _)| *id == here).map(|(_, batcher)| Arc::clone(batcher))
        };
        let known = of_here(&self.all.read().unwrap_or_else(PoisonError::into_inner));
        if let Some(known) = known {
            return known;
        }
        let mut all = self.all.write().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(_, batcher)| !batcher.queue.is_closed()); // those of runtimes that have ended
        of_here(&all).unwrap_or_else(|| {
            let serve = Arc::clone(&self.serve);
            let made = Arc::new(Batcher::spawn(self.size, move |batch| serve(batch)));
            all.push((here, Arc::clone(&made)));
            made
        })
    }
}

impl<Q: Send + 'static, A: Send + 'static> Batcher<Q, A> {
    /// Starts a batcher whose `serve` answers a batch in order, or fails it as a whole. `size` is the
    /// bytes of a request.
    pub(crate) fn spawn<S, F>(size: fn(&Q) -> usize, serve: S) -> Self
    where
        S: Fn(Vec<Q>) -> F + Send + 'static,
        F: Future<Output = Result<Vec<Result<A>>>> + Send,
    {
        let (queue, mut requests) = mpsc::channel::<Request<Q, A>>(QUEUE);
        tokio::spawn(async move {
            let mut batch = Vec::new();
            while requests.recv_many(&mut batch, BATCH).await > 0 {
                gather(&mut requests, &mut batch).await;
                let parts = batch.drain(..).map(|Request { question, caller }| (question, caller));
                let (questions, callers): (Vec<_>, Vec<_>) = parts.unzip();
                answer(callers, serve(questions).await);
            }
        });
        Self { queue, room: Arc::new(Semaphore::new(ROOM as usize)), size }
    }

    /// Asks, and waits for the answer.
    pub(crate) async fn ask(&self, question: Q) -> Result<A> {
        let kilobytes = u32::try_from((self.size)(&question) >> 10).unwrap_or(ROOM);
        let room = Arc::clone(&self.room).acquire_many_owned(kilobytes.clamp(1, ROOM));
        let room = room.await.map_err(|_| ended())?;
        let (caller, answer) = oneshot::channel();
        let caller = Caller { answer: caller, _room: room };
        self.queue.send(Request { question, caller }).await.map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }
}

/// Lets those go first who are about to ask, as long as there are any, and not for ever.
async fn gather<T>(requests: &mut mpsc::Receiver<T>, batch: &mut Vec<T>) {
    for _ in 0..ROUNDS {
        let before = batch.len();
        tokio::task::yield_now().await;
        while batch.len() < BATCH
            && let Ok(request) = requests.try_recv()
        {
            batch.push(request);
        }
        if batch.len() == before {
            return;
        }
    }
}

fn answer<A>(callers: Vec<Caller<A>>, answers: Result<Vec<Result<A>>>) {
    match answers {
        Ok(answers) => {
            for (caller, answer) in callers.into_iter().zip(answers) {
                drop(caller.answer.send(answer)); // a caller that has gone needs no answer
            }
        }
        Err(error) => {
            for caller in callers {
                drop(caller.answer.send(Err(error.clone())));
            }
        }
    }
}

fn ended() -> Error {
    Error::new(ErrorKind::Unavailable, "the runtime that the engine was made on has ended")
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::watch;

    /// Asks `callers` of a batcher that serves nobody until all are waiting: how many the batcher
    /// holds then, and in which sizes it served them.
    async fn held(callers: usize, bytes: usize) -> (usize, Vec<usize>) {
        let (open, gate) = watch::channel(false);
        let served = Arc::new(std::sync::Mutex::new(Vec::new()));
        let (log, held) = (Arc::clone(&served), Arc::new(()));
        let batcher = Arc::new(Batcher::spawn(|(_, bytes)| *bytes, {
            move |batch: Vec<(Arc<()>, usize)>| {
                let (mut gate, log) = (gate.clone(), Arc::clone(&log));
                async move {
                    drop(gate.wait_for(|open| *open).await);
                    log.lock().unwrap().push(batch.len());
                    Ok(batch.iter().map(|_| Ok(())).collect())
                }
            }
        }));
        let mut asking = tokio::task::JoinSet::new();
        for _ in 0..callers {
            let (batcher, mark) = (Arc::clone(&batcher), Arc::clone(&held));
            asking.spawn(async move { batcher.ask((mark, bytes)).await });
        }
        for _ in 0..2 * callers {
            tokio::task::yield_now().await; // on this one thread, others move on meanwhile
        }
        let waiting = QUEUE - batcher.queue.capacity();
        open.send(true).unwrap();
        assert!(asking.join_all().await.iter().all(Result::is_ok), "everybody is served");
        let served = served.lock().unwrap().clone();
        assert_eq!(batcher.room.available_permits(), ROOM as usize, "the room is free again");
        (waiting + served[0], served)
    }

    #[tokio::test]
    async fn a_slow_store_slows_callers_by_number() {
        let (held, served) = held(20_000, 10).await;
        assert!((QUEUE..=QUEUE + BATCH).contains(&held), "{held} requests are held");
        assert!(served.iter().all(|size| *size <= BATCH), "{served:?}");
    }

    #[tokio::test]
    async fn a_slow_store_slows_callers_by_bytes() {
        let (held, _) = held(200, 2 << 20).await;
        assert_eq!(held, 32, "64 MB in requests of 2");
    }

    #[tokio::test]
    async fn those_who_are_about_to_ask_go_along() {
        let batcher =
            Batcher::spawn(|_| 1, async |batch: Vec<()>| Ok(vec![Ok(batch.len()); batch.len()]));
        let batcher = Arc::new(batcher);
        let mut asking = tokio::task::JoinSet::new();
        let (first, mut turn) = oneshot::channel();
        for _ in 0..100 {
            let batcher = Arc::clone(&batcher);
            let (next, mine) = oneshot::channel();
            let before = std::mem::replace(&mut turn, mine);
            asking.spawn(async move {
                before.await.unwrap();
                let _ = next.send(()); // nobody is behind the last
                batcher.ask(()).await
            });
        }
        for _ in 0..200 {
            tokio::task::yield_now().await; // on this one thread, all others wait now
        }
        first.send(()).unwrap();
        let sizes = asking.join_all().await.into_iter().collect::<Result<Vec<_>>>();
        assert_eq!(sizes.unwrap(), [100; 100]);
    }

    #[tokio::test]
    async fn a_batch_does_not_wait_for_ever_for_those_who_go_on_asking() {
        let (queue, mut requests) = mpsc::channel(QUEUE);
        let go_on = async {
            loop {
                queue.send(()).await.unwrap();
                tokio::task::yield_now().await;
            }
        };
        let mut batch = vec![()];
        tokio::select! {
            biased;
            () = gather(&mut requests, &mut batch) => {}
            () = go_on => {}
        }
        assert_eq!(batch.len(), 1 + ROUNDS);
    }

    #[tokio::test]
    async fn a_request_of_any_size_has_its_turn() {
        let (held, _) = held(3, 1 << 30).await;
        assert_eq!(held, 1);
    }
}
