//! Which time limit has passed, of an error that is a timeout.

use super::{Error, ErrorKind};
use crate::named::named;

named! {
    /// Which time limit has passed; [`Error::timeout_kind`] gives it.
    #[non_exhaustive]
    pub enum TimeoutKind {
        /// That of a `ctx.timeout` in the workflow's own code.
        CtxTimeout = "ctx_timeout",
        /// `start_to_close` of an activity.
        StartToClose = "start_to_close",
        /// `schedule_to_start` of an activity.
        ScheduleToStart = "schedule_to_start",
        /// `schedule_to_close` of an activity.
        ScheduleToClose = "schedule_to_close",
        /// `heartbeat` of an activity.
        Heartbeat = "heartbeat",
        /// The time limit of a run: of the one whose result was asked for, or of a child.
        Run = "run",
        /// That of the sender of an update, who waits for its reply.
        Reply = "reply",
    }
}

impl TimeoutKind {
    /// Its name in snake case, as stored.
    pub(crate) fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, n)| *n == name).map(|(kind, _)| *kind)
    }
}

impl Error {
    /// A time limit has passed.
    pub(crate) fn timeout(kind: TimeoutKind, message: impl Into<String>) -> Self {
        let mut error = Self::new(ErrorKind::Timeout, message);
        error.0.timeout = Some(kind);
        error
    }

    /// Which time limit has passed, if one has: so a `ctx.timeout` can be told from a limit of the
    /// activity or child that it waited for.
    ///
    /// ```
    /// # use flows_core::error::{Error, TimeoutKind};
    /// # fn which(error: &Error) -> &str {
    /// match error.timeout_kind() {
    ///     Some(TimeoutKind::CtxTimeout) => "nobody answered in time",
    ///     Some(_) => "the activity took too long, after all its attempts",
    ///     None => "something else",
    /// }
    /// # }
    /// ```
    pub fn timeout_kind(&self) -> Option<TimeoutKind> {
        self.0.timeout.filter(|_| self.is_timeout())
    }
}
