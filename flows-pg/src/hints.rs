//! `publish` and `subscribe`: news between processes, by NOTIFY.
//!
//! Never inside a transaction that does work: NOTIFY serialises the commits of those that use it.
//! One task with a connection of its own sends what has gathered, at once when it was idle, then
//! every few milliseconds. Whatever does not fit is replaced by "look everywhere".

mod listen;
mod notify;
mod wire;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flows_core::store::Hint;
use tokio::runtime::Handle;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Sender, UnboundedReceiver, UnboundedSender, channel, unbounded_channel};
use tokio::task::AbortHandle;

use crate::source::Source;

/// Hints that wait for the notifier; what is more is replaced by "look everywhere".
const QUEUE: usize = 8192;

/// The two tasks, started when first needed, and who listens in this process.
pub(crate) struct Hints {
    source: Arc<Source>,
    sender: wire::Sender,
    overflow: Arc<AtomicBool>,
    tasks: Mutex<Tasks>,
    subscribers: Subscribers,
}

#[derive(Default)]
struct Tasks {
    notifier: Option<Sender<Hint>>,
    running: Vec<AbortHandle>,
    listener: Option<AbortHandle>,
}

/// Who wants to hear in this process.
#[derive(Clone, Default)]
pub(super) struct Subscribers(Arc<Mutex<Vec<UnboundedSender<Hint>>>>);

impl Hints {
    pub(crate) fn new(source: Arc<Source>) -> Self {
        Self {
            source,
            sender: wire::Sender::new(),
            overflow: Arc::default(),
            tasks: Mutex::default(),
            subscribers: Subscribers::default(),
        }
    }

    /// Passes a hint to the other processes.
    pub(crate) fn publish(&self, hint: Hint) {
        let Some(notifier) = self.notifier() else { return };
        if let Err(TrySendError::Full(_)) = notifier.try_send(hint) {
            self.overflow.store(true, Ordering::Relaxed); // the next notification says so
        }
    }

    /// Passes on what a commit did to other runs. The caller gets no answers about these, so this
    /// process hears of them too.
    pub(crate) fn after_commit(&self, hints: Vec<Hint>) {
        for hint in hints {
            self.subscribers.tell(&hint);
            self.publish(hint);
        }
    }

    /// Hints from other processes, if there is a connection that can listen, and of this one's
    /// commits.
    pub(crate) fn subscribe(&self) -> Option<UnboundedReceiver<Hint>> {
        let (sender, receiver) = unbounded_channel();
        self.subscribers.add(sender);
        if let (true, Ok(runtime)) = (self.source.can_listen(), Handle::try_current()) {
            let mut tasks = self.tasks();
            let listens = tasks.listener.as_ref().is_some_and(|task| !task.is_finished());
            if !listens {
                let source = Arc::clone(&self.source);
                let task = listen::run(source, self.sender, self.subscribers.clone());
                let task = runtime.spawn(task).abort_handle();
                tasks.listener = Some(task.clone());
                tasks.begun(task);
            }
        }
        Some(receiver)
    }

    fn notifier(&self) -> Option<Sender<Hint>> {
        let mut tasks = self.tasks();
        if let Some(notifier) = &tasks.notifier
            && !notifier.is_closed()
        {
            return Some(notifier.clone());
        }
        let runtime = Handle::try_current().ok()?;
        let (notifier, hints) = channel(QUEUE);
        let overflow = Arc::clone(&self.overflow);
        let task = notify::run(Arc::clone(&self.source), self.sender, hints, overflow);
        let task = runtime.spawn(task);
        tasks.begun(task.abort_handle());
        tasks.notifier = Some(notifier.clone());
        Some(notifier)
    }

    fn tasks(&self) -> MutexGuard<'_, Tasks> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tasks {
    /// A task runs, beside those that have not ended with their runtimes.
    fn begun(&mut self, task: AbortHandle) {
        self.running.retain(|task| !task.is_finished());
        self.running.push(task);
    }
}

impl Drop for Hints {
    fn drop(&mut self) {
        self.tasks().running.iter().for_each(AbortHandle::abort);
    }
}

impl Subscribers {
    /// Passes a hint on, and forgets those who have gone.
    fn tell(&self, hint: &Hint) {
        self.lock().retain(|subscriber| subscriber.send(hint.clone()).is_ok());
    }

    fn add(&self, subscriber: UnboundedSender<Hint>) {
        self.lock().push(subscriber);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<UnboundedSender<Hint>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
