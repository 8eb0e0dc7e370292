//! What processes tell each other through the store.

use tokio::sync::mpsc::UnboundedReceiver;

use super::types::Hint;

/// Passes hints between processes.
pub trait Hub: Send + Sync {
    /// Passes a hint to the other processes, soon and coalesced; never fails.
    fn publish(&self, hint: Hint);

    /// Hints from other processes; `None` where the store has none, so that everybody polls.
    fn subscribe(&self) -> Option<UnboundedReceiver<Hint>>;
}
