//! Drivers: who moves an executor, and runs the user code of its runs.
//!
//! A driver is a thread of its own, so that user code which blocks it takes nothing from the runtime:
//! not a thread, nor what waits behind it there, nor its end. On a runtime that has one thread it is
//! a task. It deposits the executor while it runs user code. When the watchdog has given the executor
//! to another driver meanwhile, what came of the user code goes to the executor as a message, and
//! the driver ends.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use super::beside::Blocked;
use super::executor::{Executor, MESSAGES};
use super::hand_off::HandOff;
use super::job::Job;
use super::message::Message;
use crate::clock;

/// The most rounds of user code before the executor looks at its inbox again.
const ROUNDS: usize = 64;
/// How often a driver goes round before others have their turn on its thread.
const PATIENCE: u32 = 64;

/// Begins to drive an executor. Where there is no thread to be had, a task does it.
pub(super) fn start(executor: Box<Executor>) {
    let hand_off = Arc::clone(&executor.hand_off);
    let left =
        if hand_off.can_move { on_a_thread(executor, &hand_off).err() } else { Some(executor) };
    if let Some(executor) = left {
        let (runtime, surroundings) =
            (hand_off.runtime.clone(), executor.session().surroundings.clone());
        let task = surroundings.task(drive(executor, hand_off));
        // A task that has used up its budget would wait where no other thread can find it.
        drop(runtime.spawn(tokio::task::unconstrained(task)));
    }
}

/// A new thread drives on the executor that was deposited with that turn. It ends at once if the user code
/// has come back by then.
pub(super) fn take_over(hand_off: &Arc<HandOff>, turn: u64) -> io::Result<()> {
    let from = Arc::clone(hand_off);
    spawn_thread(hand_off, move || from.take(turn))
}

/// A new thread drives an executor; it is given back if there is none to be had.
fn on_a_thread(executor: Box<Executor>, hand_off: &Arc<HandOff>) -> Result<(), Box<Executor>> {
    let handed = Arc::new(Mutex::new(Some(executor)));
    let take =
        |handed: &Mutex<Option<_>>| handed.lock().unwrap_or_else(PoisonError::into_inner).take();
    let there = Arc::clone(&handed);
    match spawn_thread(hand_off, move || take(&there)) {
        Ok(()) => Ok(()),
        Err(_) => take(&handed).map_or(Ok(()), Err),
    }
}

fn spawn_thread<F>(hand_off: &Arc<HandOff>, take: F) -> io::Result<()>
where
    F: FnOnce() -> Option<Box<Executor>> + Send + 'static,
{
    let hand_off = Arc::clone(hand_off);
    let drive_on = move || {
        let runtime = hand_off.runtime.clone();
        if let Some(executor) = take() {
            runtime.block_on(tokio::task::unconstrained(drive(executor, hand_off)));
        }
    };
    std::thread::Builder::new().name("flows executor".to_owned()).spawn(drive_on).map(drop)
}

/// Drives an executor until it is drained, the session is over, or another driver has it.
async fn drive(mut executor: Box<Executor>, hand_off: Arc<HandOff>) {
    let mut messages = Vec::with_capacity(MESSAGES);
    let mut round = 0_u32;
    while !hand_off.is_closed() {
        executor.finish_all();
        if executor.is_drained() {
            return;
        }
        executor.submit();
        executor.next(&mut messages).await;
        round = round.wrapping_add(1);
        if round.is_multiple_of(PATIENCE) {
            give_way().await;
        }
        match run_jobs(executor, &hand_off) {
            Some(back) => executor = back,
            None => return,
        }
    }
}

/// Runs user code until there is none to run, in rounds: first of all runs that have something to
/// take in, then what they want is done. None: another driver has the executor.
fn run_jobs(mut executor: Box<Executor>, hand_off: &HandOff) -> Option<Box<Executor>> {
    for _ in 0..ROUNDS {
        if !executor.has_jobs() {
            break;
        }
        while let Some(job) = executor.next_job() {
            executor = run(executor, hand_off, job)?;
        }
        executor.finish_all();
    }
    Some(executor)
}

fn run(executor: Box<Executor>, hand_off: &HandOff, job: Job) -> Option<Box<Executor>> {
    let (key, residency) = (job.key, job.residency);
    // On one thread nothing else can go on meanwhile, which is looked at below.
    let since = (!hand_off.can_move).then(clock::real_time);
    let is_test =
        executor.session().config.strict && !executor.session().surroundings.are_simulated();
    let receipt = hand_off.deposit(executor, &job)?;
    let done = match &hand_off.beside {
        Some(beside) if is_test => beside.run(job, &hand_off.runtime, &receipt),
        _ => Ok(job.run(|probe| receipt.shows(probe))),
    };
    let (done, blocked) = match done {
        Ok(done) => (done, None),
        Err(blocked) => (None, Some(blocked)),
    };
    match receipt.reclaim() {
        Some(mut executor) => {
            if let Some(Blocked(after)) = blocked {
                executor.blocks(key, residency, after);
            }
            if let Some(since) = since {
                executor.session().holds.ended(key, since);
            }
            executor.done.extend(done);
            Some(executor)
        }
        None => {
            if let Some(done) = done {
                drop(hand_off.inbox.send(Message::Done(Box::new(done)))); // or nobody is left to care
            }
            None
        }
    }
}

/// Lets others go on, on whichever thread.
async fn give_way() {
    let mut gave = false;
    std::future::poll_fn(|context| {
        if gave {
            return Poll::Ready(());
        }
        gave = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
