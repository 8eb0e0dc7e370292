//! A process of a simulation: it can be killed, frozen and asked to end, at any call that it makes.
//!
//! Every task of its worker runs in a [`TaskGate`]. A killed process is never polled again, so nothing
//! of it has effects; a frozen one finds, when it thaws, that time has passed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::sync::Notify;

use super::chance::{Fault, FaultPoint};
use super::world::World;
use crate::definition::PayloadFuture;
use crate::error::{Error, ErrorKind, Result};
use crate::panics::said;
use crate::worker::{Invocation, Process, TaskFuture};

const RUNNING: u8 = 0;
const FROZEN: u8 = 1;
const DEAD: u8 = 2;

/// What an error of the simulated network begins with.
const INJECTED: &str = "the simulated network";

/// A handle to a process; all of them are the same.
#[derive(Clone)]
pub(super) struct SimProcess(Arc<ProcessState>);

struct ProcessState {
    world: Arc<World>,
    name: String,
    number: u64,
    state: AtomicU8,
    frozen: Mutex<Vec<Waker>>,
    killed: Notify,
    ended: Notify,
    stop: Notify,
}

impl SimProcess {
    pub(super) fn new(world: &Arc<World>, name: String, number: u64) -> Self {
        Self(Arc::new(ProcessState {
            world: Arc::clone(world),
            name,
            number,
            state: AtomicU8::new(RUNNING),
            frozen: Mutex::default(),
            killed: Notify::new(),
            ended: Notify::new(),
            stop: Notify::new(),
        }))
    }

    pub(super) fn name(&self) -> &str {
        &self.0.name
    }

    pub(super) fn number(&self) -> u64 {
        self.0.number
    }

    pub(super) fn world(&self) -> &Arc<World> {
        &self.0.world
    }

    /// Resolves when it is killed.
    pub(super) async fn killed(&self) {
        self.0.killed.notified().await;
    }

    /// Resolves when it is asked to end.
    pub(super) async fn asked_to_stop(&self) {
        self.0.stop.notified().await;
    }

    /// Before something happens: what is to go wrong with it, as far as it has not gone wrong here.
    pub(super) async fn before(&self, point: FaultPoint) -> Result<Fault> {
        self.present().await;
        let fault = self.0.world.chance.fault(point);
        if fault != Fault::Nothing {
            self.note(fault);
        }
        match fault {
            Fault::Slow { after: false, time } => tokio::time::sleep(time).await,
            Fault::Refused => return Err(injected("refused the call")),
            Fault::Crash { after: false } => self.die().await,
            Fault::Freeze { after: false, time } => self.freeze(time).await,
            Fault::Stop => self.0.stop.notify_one(),
            _ => {}
        }
        Ok(fault)
    }

    /// When it has happened.
    pub(super) async fn after(&self, fault: Fault) -> Result<()> {
        self.present().await;
        match fault {
            Fault::Slow { after: true, time } => tokio::time::sleep(time).await,
            Fault::AnswerLost => return Err(injected("lost the answer")),
            Fault::Crash { after: true } => self.die().await,
            Fault::Freeze { after: true, time } => self.freeze(time).await,
            _ => {}
        }
        Ok(())
    }

    fn note(&self, fault: Fault) {
        let name = self.name();
        self.0.world.trace.note(&[self.number(), 1_000], || format!("{name}: {fault:?}"));
    }

    async fn die(&self) {
        self.end();
        self.0.killed.notify_one();
        std::future::pending().await
    }

    /// Nothing of it goes on any more.
    pub(super) fn end(&self) {
        self.0.state.store(DEAD, Ordering::Relaxed);
        self.0.ended.notify_waiters();
    }

    /// Resolves when it is dead or has ended.
    pub(super) async fn ended(&self) {
        let ended = self.0.ended.notified(); // in the order of those who wait, always the same
        if self.0.state.load(Ordering::Relaxed) != DEAD {
            ended.await;
        }
    }

    /// Resolves while it is neither dead nor frozen. Its clients run in no gate.
    async fn present(&self) {
        std::future::poll_fn(|context| match self.0.state.load(Ordering::Relaxed) {
            RUNNING => Poll::Ready(()),
            FROZEN => {
                self.wake_when_thawed(context);
                Poll::Pending
            }
            _ => Poll::Pending,
        })
        .await;
    }

    fn wake_when_thawed(&self, context: &Context<'_>) {
        let mut wakers = self.0.frozen.lock().unwrap_or_else(PoisonError::into_inner);
        wakers.push(context.waker().clone());
    }

    /// Other processes go on; this one is polled again when the time is over.
    async fn freeze(&self, time: Duration) {
        self.0.state.store(FROZEN, Ordering::Relaxed);
        let process = self.clone();
        process.0.world.busy(1);
        tokio::spawn(async move {
            tokio::time::sleep(time).await;
            process.thaw();
            process.0.world.busy(-1);
        });
        tokio::task::yield_now().await;
        self.present().await;
    }

    fn thaw(&self) {
        let frozen =
            self.0.state.compare_exchange(FROZEN, RUNNING, Ordering::Relaxed, Ordering::Relaxed);
        if frozen.is_ok() {
            let name = self.name();
            self.0.world.trace.note(&[self.number(), 1_001], || format!("{name}: goes on"));
        }
        let mut wakers = self.0.frozen.lock().unwrap_or_else(PoisonError::into_inner);
        wakers.drain(..).for_each(Waker::wake);
    }
}

impl Process for SimProcess {
    fn task(&self, task: TaskFuture) -> TaskFuture {
        Box::pin(TaskGate { process: self.clone(), task: Some(task) })
    }

    fn activity(&self, invocation: Invocation, body: PayloadFuture) -> PayloadFuture {
        let process = self.clone();
        Box::pin(async move {
            let world = process.world();
            world.invoked(process.name(), process.number(), invocation);
            let fault = process.before(FaultPoint::Activity).await?;
            tokio::time::sleep(world.chance.pause(30)).await;
            let result = body.await;
            process.after(fault).await?;
            result
        })
    }
}

/// A task of a process.
struct TaskGate {
    process: SimProcess,
    task: Option<TaskFuture>,
}

impl Future for TaskGate {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let inner = Arc::clone(&self.process.0);
        match inner.state.load(Ordering::Relaxed) {
            DEAD => {
                self.task = None;
                Poll::Ready(())
            }
            FROZEN => {
                self.process.wake_when_thawed(context);
                Poll::Pending
            }
            _ => {
                let Some(task) = &mut self.task else { return Poll::Ready(()) };
                let polled = catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(context)));
                polled.unwrap_or_else(|panic| {
                    let why = said(&*panic);
                    inner.world.violated(format!("a task of {} panicked: {why}", inner.name));
                    Poll::Ready(())
                })
            }
        }
    }
}

pub(super) fn injected(what: &str) -> Error {
    Error::new(ErrorKind::Unavailable, format!("{INJECTED} {what}"))
}

/// Whether an error is the simulation's own.
pub(super) fn is_injected(error: &Error) -> bool {
    error.kind() == ErrorKind::Unavailable && error.message().starts_with(INJECTED)
}
