//! The memory store's clock: the machine's time at creation, moved by tokio's clock.
//!
//! Never reads the machine's clock again, so that virtual time is the only time there is.

use std::time::SystemTime;

use tokio::time::Instant;

use crate::time::Timestamp;

#[cfg_attr(test, derive(Clone))]
pub(super) struct Clock {
    started: SystemTime,
    base: Instant,
}

impl Default for Clock {
    fn default() -> Self {
        Self { started: crate::clock::system_time(), base: Instant::now() }
    }
}

impl Clock {
    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from(self.started).after(self.base.elapsed())
    }
}
