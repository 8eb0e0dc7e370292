//! A look at a machine while somebody else polls it: who it is, and how far its code has come.
//!
//! It never waits for user code, because user code never runs under the machine's lock. The worker
//! holds one to say which workflow blocks its thread, and where.

use std::sync::Arc;

use super::machine::Shared;

/// What can be seen of a machine from outside.
#[derive(Clone)]
pub(crate) struct Probe {
    shared: Arc<Shared>,
}

impl Probe {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::clone(shared) }
    }

    /// See [`Bounds::looked_at`](super::bounds::Bounds::looked_at).
    pub(crate) fn look_again(&self) {
        self.shared.bounds.looked_at();
    }

    /// The last durable operation that the workflow has asked for: its code has come so far.
    pub(crate) fn whereabouts(&self) -> Option<String> {
        let (op, site) = self.shared.lock().last_asked?;
        Some(format!("#{op}, called at {}:{}", site.file(), site.line()))
    }
}
