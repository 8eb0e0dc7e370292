//! The executors of a session: started together, told together, ended together.
//!
//! Nobody waits for user code here: an executor that is deposited meanwhile is driven to its end by
//! somebody else.

use std::sync::Arc;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::executor::Executor;
use super::hand_off::HandOff;
use super::message::Message;
use super::session::Session;
use super::{driver, watchdog};

/// All executors of a session. They end with it.
pub(super) struct Executors {
    inboxes: Arc<[UnboundedSender<Message>]>,
    hand_offs: Vec<Arc<HandOff>>,
    /// Says when one has ended. It may drop its machines still.
    ended: UnboundedReceiver<()>,
    left: usize,
}

impl Executors {
    /// One for each writer of the store.
    pub(super) fn start(session: &Arc<Session>) -> Self {
        let runtime = Handle::current();
        let can_move = runtime.runtime_flavor() != RuntimeFlavor::CurrentThread;
        let (tell, ended) = unbounded_channel();
        let (mut inboxes, mut hand_offs) = (Vec::new(), Vec::new());
        for index in 0..session.store.writers() {
            let (sender, inbox) = unbounded_channel();
            let budget = session.config.blocking_threshold;
            let hand_off = HandOff::new(budget, sender.clone(), runtime.clone(), can_move);
            watchdog::watch(&hand_off);
            let executor = Executor::new(
                Arc::clone(session),
                index,
                Arc::clone(&hand_off),
                sender.clone(),
                inbox,
                tell.clone(),
            );
            driver::start(Box::new(executor));
            inboxes.push(sender);
            hand_offs.push(hand_off);
        }
        let left = hand_offs.len();
        Self { inboxes: inboxes.into(), hand_offs, ended, left }
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
        self.hand_offs.iter().for_each(HandOff::close);
    }
}

impl Drop for Executors {
    fn drop(&mut self) {
        self.close();
    }
}
