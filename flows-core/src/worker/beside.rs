//! A thread beside the only one of a test's runtime, for user code: what blocks it is told, and not
//! waited for any longer.
//!
//! The runtime's thread waits meanwhile, so nothing happens in another order than without it. The thread
//! enters no runtime, so that a task which workflow code starts is found. It is used by the testing kit
//! alone: in production a runtime with one thread is blocked, and says so.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::runtime::Handle;

use super::hand_off::Receipt;
use super::job::{Done, Job};
use crate::panics::runtime;
use crate::replay::Probe;

/// How long user code may hold its thread, of real time.
pub(super) const LIMIT: Duration = Duration::from_secs(5);
/// How often the watchdog is shown what there is to look at.
const PAUSE: Duration = Duration::from_millis(50);

type Work = Box<dyn FnOnce() + Send>;

thread_local! {
    /// One for all workers of a test, so that what user code keeps in a thread is found there again.
    static BESIDE: Arc<Beside> = Arc::default();
}

/// The thread, if there is one.
#[derive(Default)]
pub(super) struct Beside(Mutex<Option<Sender<Work>>>);

/// It has not come back: where it was seen last.
pub(super) struct Blocked(pub(super) Option<String>);

impl Beside {
    /// Beside the thread that asks.
    pub(super) fn of_this_thread() -> Arc<Self> {
        BESIDE.with(Arc::clone)
    }

    /// Runs user code there. Where there is no thread to be had, it runs here.
    pub(super) fn run(
        &self,
        job: Job,
        runtime: &Handle,
        receipt: &Receipt<'_>,
    ) -> Result<Option<Done>, Blocked> {
        let shown = Arc::new(Mutex::new(job.probe()));
        let (done, result) = mpsc::channel();
        let (there, runtime) = (Arc::clone(&shown), runtime.clone());
        let logs = tracing::dispatcher::get_default(Clone::clone);
        let work = move || {
            runtime::withhold(runtime);
            let begun = |probe| *there.lock().unwrap_or_else(PoisonError::into_inner) = Some(probe);
            let did = tracing::dispatcher::with_default(&logs, || job.run(begun));
            drop(done.send(did)); // or nobody waits any more
        };
        if let Err(work) = self.give(Box::new(work)) {
            work();
        }
        let come = wait(&result, &shown, receipt);
        come.map_err(|()| {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None; // it is lost
            let probe = shown.lock().unwrap_or_else(PoisonError::into_inner).clone();
            Blocked(probe.and_then(|probe| probe.whereabouts()))
        })
    }

    fn give(&self, work: Work) -> Result<(), Work> {
        let mut thread = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let work = match &*thread {
            Some(sender) => match sender.send(work) {
                Ok(()) => return Ok(()),
                Err(mpsc::SendError(work)) => work,
            },
            None => work,
        };
        let (sender, works) = mpsc::channel::<Work>();
        let run = move || works.into_iter().for_each(|work| work());
        let started = thread::Builder::new().name("flows workflows".to_owned()).spawn(run);
        if started.is_err() {
            return Err(work);
        }
        let sent = sender.send(work).map_err(|mpsc::SendError(work)| work);
        *thread = Some(sender);
        sent
    }
}

/// What comes of it in time.
fn wait(
    result: &Receiver<Option<Done>>,
    shown: &Mutex<Option<Probe>>,
    receipt: &Receipt<'_>,
) -> Result<Option<Done>, ()> {
    for _ in 0..LIMIT.as_millis() / PAUSE.as_millis() {
        match result.recv_timeout(PAUSE) {
            Ok(done) => return Ok(done),
            Err(RecvTimeoutError::Disconnected) => return Err(()),
            Err(RecvTimeoutError::Timeout) => {
                let probe = shown.lock().unwrap_or_else(PoisonError::into_inner).clone();
                probe.into_iter().for_each(|probe| receipt.shows(probe));
            }
        }
    }
    Err(())
}
