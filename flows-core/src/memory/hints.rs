//! Hints between the workers and clients that share a memory store.
//!
//! Every subscriber gets every hint, the sender's own included: a hint too many is a look too many.

use std::sync::{Mutex, PoisonError};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::store::Hint;

#[derive(Default)]
pub(super) struct HintSubscribers(Mutex<Vec<UnboundedSender<Hint>>>);

impl HintSubscribers {
    pub(super) fn subscribe(&self) -> UnboundedReceiver<Hint> {
        let (sender, receiver) = unbounded_channel();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        receiver
    }

    /// Passes the hint on, and forgets the subscribers that are gone.
    pub(super) fn send(&self, hint: &Hint) {
        let mut senders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        senders.retain(|sender| sender.send(hint.clone()).is_ok());
    }
}
