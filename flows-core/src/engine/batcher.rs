//! Batching without a timer: what arrives while one batch is on its way makes the next.
//!
//! One task owns the work, so a caller that is dropped in the middle changes nothing.

use std::future::Future;

use tokio::sync::{mpsc, oneshot};

use crate::error::{Error, ErrorKind, Result};

/// The most requests of one batch.
const BATCH: usize = 1000;
/// The most requests that wait; further callers wait for their turn.
const QUEUE: usize = 8192;

/// Collects requests and hands them over in batches.
pub(crate) struct Batcher<Q, A> {
    queue: mpsc::Sender<(Q, oneshot::Sender<Result<A>>)>,
}

impl<Q: Send + 'static, A: Send + 'static> Batcher<Q, A> {
    /// Starts a batcher whose `serve` answers a batch in order, or fails it as a whole.
    pub(crate) fn spawn<S, F>(serve: S) -> Self
    where
        S: Fn(Vec<Q>) -> F + Send + 'static,
        F: Future<Output = Result<Vec<Result<A>>>> + Send,
    {
        let (queue, mut requests) = mpsc::channel::<(Q, oneshot::Sender<Result<A>>)>(QUEUE);
        tokio::spawn(async move {
            let mut batch = Vec::new();
            while requests.recv_many(&mut batch, BATCH).await > 0 {
                let (questions, callers): (Vec<_>, Vec<_>) = batch.drain(..).unzip();
                answer(callers, serve(questions).await);
            }
        });
        Self { queue }
    }

    /// Asks, and waits for the answer.
    pub(crate) async fn ask(&self, question: Q) -> Result<A> {
        let (caller, answer) = oneshot::channel();
        self.queue.send((question, caller)).await.map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }
}

fn answer<A>(callers: Vec<oneshot::Sender<Result<A>>>, answers: Result<Vec<Result<A>>>) {
    match answers {
        Ok(answers) => {
            for (caller, answer) in callers.into_iter().zip(answers) {
                drop(caller.send(answer)); // a caller that has gone needs no answer
            }
        }
        Err(error) => {
            for caller in callers {
                drop(caller.send(Err(error.clone())));
            }
        }
    }
}

fn ended() -> Error {
    Error::new(ErrorKind::Unavailable, "the runtime that the engine was made on has ended")
}
