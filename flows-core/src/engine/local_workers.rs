//! Starts in a process that has workers: the run is theirs from the beginning.
//!
//! Such a run is neither ready nor claimed, and nobody is told of it. It is not started that way when
//! its worker has more to do than it has room for: then it waits in line like the others.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::join;
use uuid::Uuid;

use super::waiters::{FirstNews, Waiters};
use crate::error::Result;
use crate::ids::RunKey;
use crate::store::{Activation, NewRun, Started, Store};

/// A worker of this process, as a start sees it.
pub(crate) trait LocalWorker: Send + Sync {
    /// Its id in the store.
    fn worker(&self) -> Uuid;

    /// Whether it serves runs of that lane.
    fn serves(&self, lane: i64) -> bool;

    /// Takes so many slots, or as many as there are; none while others wait for them.
    fn reserve(&self, wanted: usize) -> usize;

    /// These runs are about to be started.
    fn expect(&self, runs: Vec<RunKey>);

    /// What has become of runs that were expected: those that were started, those that were not.
    fn take(&self, started: Vec<Activation>, refused: Vec<RunKey>);
}

/// The workers of this process.
#[derive(Default)]
pub(crate) struct LocalWorkers(Mutex<Vec<Arc<dyn LocalWorker>>>);

/// What a start has come to.
pub(super) struct Begun {
    pub(super) started: Started,
    /// Where the outcome will come, if a worker of this process has the run.
    pub(super) news: FirstNews,
}

/// A worker that takes runs in; until this is dropped.
pub(crate) struct Opened<'a> {
    local_workers: &'a LocalWorkers,
    worker: Uuid,
}

impl LocalWorkers {
    pub(crate) fn open(&self, local_worker: impl LocalWorker + 'static) -> Opened<'_> {
        let worker = local_worker.worker();
        self.lock().push(Arc::new(local_worker));
        Opened { local_workers: self, worker }
    }

    /// The next worker that serves the lane of one of these runs, in turn.
    fn choose(&self, runs: &[NewRun]) -> Option<Arc<dyn LocalWorker>> {
        let mut local_workers = self.lock();
        let serves = |local_worker: &Arc<dyn LocalWorker>| {
            runs.iter().any(|run| may_be_owned(&**local_worker, run))
        };
        let chosen = local_workers.iter().position(serves)?;
        let chosen = local_workers.remove(chosen);
        local_workers.push(Arc::clone(&chosen));
        Some(chosen)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<dyn LocalWorker>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts runs: those for which a worker of this process has room as its own.
    pub(super) async fn start(
        &self,
        store: &dyn Store,
        waiters: &Waiters,
        runs: Vec<NewRun>,
    ) -> Result<Vec<Result<Begun>>> {
        let Some(local_worker) = self.choose(&runs) else { return plain(store, &runs).await };
        let wanted = runs.iter().filter(|run| may_be_owned(&*local_worker, run)).count();
        let mut slots = local_worker.reserve(wanted);
        if slots == 0 {
            return plain(store, &runs).await;
        }
        let mut order = Vec::with_capacity(runs.len());
        let (mut mine, mut others) = (Vec::with_capacity(slots), Vec::new());
        for run in runs {
            let is_mine = slots > 0 && may_be_owned(&*local_worker, &run);
            slots -= usize::from(is_mine);
            order.push(is_mine);
            if is_mine { mine.push(run) } else { others.push(run) }
        }
        let (mine, others) =
            join(own(store, waiters, &*local_worker, mine), plain_answers(store, others)).await;
        let (mut mine, mut others) = (mine.into_iter(), others.into_iter());
        let answer = |is_mine| if is_mine { mine.next() } else { others.next() };
        Ok(order.into_iter().filter_map(answer).collect())
    }
}

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        self.local_workers.lock().retain(|local_worker| local_worker.worker() != self.worker);
    }
}

fn may_be_owned(local_worker: &dyn LocalWorker, run: &NewRun) -> bool {
    run.delay.is_none() && run.start_at.is_none() && local_worker.serves(run.spec.lane())
}

/// Starts runs as a worker's own, and gives them to it.
async fn own(
    store: &dyn Store,
    waiters: &Waiters,
    local_worker: &dyn LocalWorker,
    runs: Vec<NewRun>,
) -> Vec<Result<Begun>> {
    local_worker.expect(runs.iter().map(|run| run.key).collect());
    let answers = store.start_owned(local_worker.worker(), &runs).await;
    let answers = answers.unwrap_or_else(|error| vec![Err(error); runs.len()]);
    let (mut taken, mut refused, mut begun) = (Vec::new(), Vec::new(), Vec::new());
    for (run, answer) in runs.into_iter().zip(answers) {
        let key = run.key;
        let news = match &answer {
            Ok(Started::Owned { started_at, claim }) => {
                taken.push(Activation::of_new(run, *started_at, *claim));
                waiters.first_news(key.run)
            }
            _ => {
                refused.push(key);
                FirstNews::default()
            }
        };
        begun.push(answer.map(|started| Begun { started, news }));
    }
    local_worker.take(taken, refused);
    begun
}

async fn plain(store: &dyn Store, runs: &[NewRun]) -> Result<Vec<Result<Begun>>> {
    let begun = |started| Begun { started, news: FirstNews::default() };
    Ok(store.start(runs).await?.into_iter().map(|answer| answer.map(begun)).collect())
}

async fn plain_answers(store: &dyn Store, runs: Vec<NewRun>) -> Vec<Result<Begun>> {
    if runs.is_empty() {
        return Vec::new();
    }
    match plain(store, &runs).await {
        Ok(answers) => answers,
        Err(error) => runs.iter().map(|_| Err(error.clone())).collect(),
    }
}
