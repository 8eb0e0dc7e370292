//! The executors of a session: started together, told together, ended together.
//!
//! Nobody waits for user code here: an executor that sits while it runs is driven to its end by
//! somebody else.

use std::sync::Arc;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::executor::Executor;
use super::message::Message;
use super::seat::Seat;
use super::session::Session;
use super::{driver, watchdog};

/// All executors of a session. They end with it.
pub(super) struct Crew {
    inboxes: Arc<[UnboundedSender<Message>]>,
    seats: Vec<Arc<Seat>>,
    /// Says when one has ended. It may drop its machines still.
    ended: UnboundedReceiver<()>,
    left: usize,
}

impl Crew {
    /// One for each writer of the store.
    pub(super) fn start(session: &Arc<Session>) -> Self {
        let runtime = Handle::current();
        let can_move = runtime.runtime_flavor() != RuntimeFlavor::CurrentThread;
        let (tell, ended) = unbounded_channel();
        let (mut inboxes, mut seats) = (Vec::new(), Vec::new());
        for index in 0..session.store.writers() {
            let (sender, inbox) = unbounded_channel();
            let budget = session.config.poll_budget;
            let seat = Seat::new(budget, sender.clone(), runtime.clone(), can_move);
            watchdog::watch(&seat);
            let executor = Executor::new(
                Arc::clone(session),
                index,
                Arc::clone(&seat),
                sender.clone(),
                inbox,
                tell.clone(),
            );
            driver::start(Box::new(executor));
            inboxes.push(sender);
            seats.push(seat);
        }
        let left = seats.len();
        Self { inboxes: inboxes.into(), seats, ended, left }
    }

    /// The ways to the executors, in their order.
    pub(super) fn inboxes(&self) -> Arc<[UnboundedSender<Message>]> {
        Arc::clone(&self.inboxes)
    }

    /// Resolves when one has ended.
    pub(super) async fn one_ended(&mut self) {
        if self.left > 0 && self.ended.recv().await.is_some() {
            self.left -= 1;
        }
    }

    /// Resolves when all have ended.
    pub(super) async fn all_ended(&mut self) {
        while self.left > 0 {
            self.one_ended().await;
        }
    }

    /// Lets go of every run as soon as it can be.
    pub(super) fn drain(&self) {
        for inbox in self.inboxes.iter() {
            drop(inbox.send(Message::Drain)); // it has ended already
        }
    }

    /// Ends them now, whatever they do.
    pub(super) async fn end(mut self) {
        self.close();
        self.all_ended().await;
    }

    fn close(&self) {
        self.seats.iter().for_each(Seat::close);
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.close();
    }
}
