//! The gate at which a worker's activities wait, so that a fault surely finds them at work.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;

/// Lets so many activities through; the others wait until the gate is opened, by this process or by
/// a file.
pub(crate) struct Gate {
    free: usize,
    entered: AtomicUsize,
    is_open: watch::Sender<bool>,
    file: Option<PathBuf>,
}

impl Gate {
    pub(crate) fn open() -> Self {
        Self::closed_after(usize::MAX, None)
    }

    pub(crate) fn closed_after(free: usize, file: Option<PathBuf>) -> Self {
        Self { free, entered: AtomicUsize::new(0), is_open: watch::Sender::new(false), file }
    }

    /// What waits goes on.
    pub(crate) fn let_go(&self) {
        self.is_open.send_replace(true);
    }

    /// Takes a moment, or as long as the gate is closed.
    pub(crate) async fn pass(&self) {
        tokio::time::sleep(Duration::from_millis(5)).await;
        if self.entered.fetch_add(1, Ordering::Relaxed) < self.free {
            return;
        }
        self.opened().await;
    }

    /// Waits until it is opened.
    pub(crate) async fn opened(&self) {
        while !*self.is_open.borrow() && !self.file.as_ref().is_some_and(|file| file.exists()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
