//! The events. Their order in the enum and of their fields is the storage format: append only.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::ForkPoint;
use crate::error::{Error, ErrorRecord};
use crate::payload::Payload;
use crate::time::Timestamp;

/// What an event says about the command it answers, so that a replay can check it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepId {
    /// The operation's number within the run.
    pub op: u32,
    /// The definition's name.
    pub name: Cow<'static, str>,
    /// Hash of the encoded input.
    pub input: u64,
}

/// Something that happened to a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// An activity gave its result.
    ActivityCompleted {
        /// Which.
        step: StepId,
        /// The attempt that did it, from 1.
        attempt: u32,
        /// The result.
        output: Payload,
    },
    /// An activity failed and is not tried again.
    ActivityFailed {
        /// Which.
        step: StepId,
        /// The last attempt, from 1.
        attempt: u32,
        /// Why.
        error: StoredError,
    },
    /// One attempt failed; there is another one.
    ActivityAttemptFailed {
        /// Which.
        step: StepId,
        /// The attempt that failed, from 1.
        attempt: u32,
        /// Why.
        error: StoredError,
        /// The next attempt starts no earlier.
        retry_at: Timestamp,
        /// The last heartbeat's details, for the next attempt.
        heartbeat: Option<Payload>,
    },
    /// A timer fired.
    TimerFired {
        /// Which.
        op: u32,
    },
    /// A signal arrived.
    SignalReceived {
        /// Its name.
        name: String,
        /// Its content.
        payload: Payload,
    },
    /// The value of a side effect.
    SideEffect {
        /// Which.
        op: u32,
        /// The value.
        value: Payload,
    },
    /// Cancellation was requested.
    CancelRequested {
        /// Why.
        reason: String,
    },
    /// A child workflow was started.
    ChildStarted {
        /// Which.
        step: StepId,
        /// The child's run id.
        run: uuid::Uuid,
    },
    /// A child workflow ended.
    ChildClosed {
        /// Which.
        op: u32,
        /// Its output or error.
        result: Result<Payload, StoredError>,
    },
    /// The run ended with its output, which is in the run's row.
    RunCompleted,
    /// The run ended with an error.
    RunFailed {
        /// The error.
        error: StoredError,
    },
    /// The run was ended from outside.
    RunTerminated {
        /// Why.
        reason: String,
    },
    /// The run had its first turn: its time is what timers of that turn count from. It stands in
    /// front of everything else.
    RunStarted,
    /// The run takes part in a change of the code.
    Patched {
        /// The change.
        id: String,
    },
    /// An attempt is about to start, of a run that was owned when its worker's lease was over; or, in front of
    /// [`Suspected`](Self::Suspected), it may have started before.
    ActivityStarted {
        /// Which.
        step: StepId,
        /// The attempt, from 1.
        attempt: u32,
        /// The run's setbacks: if it has more of them before the attempt has ended, the attempt may be why.
        setbacks: i16,
    },
    /// A value that the code gave could not be stored: the call is an error, also where the limit is
    /// another by now.
    ValueRefused {
        /// The side effect or child.
        op: u32,
        /// Why.
        error: StoredError,
    },
    /// The workflow does not wait for a child any more, and has asked it to cancel.
    ChildCancelRequested {
        /// Which.
        op: u32,
    },
    /// The body of an activity has returned, and the attempt ends outside of its worker.
    ActivityPending {
        /// Which.
        step: StepId,
        /// The attempt, from 1.
        attempt: u32,
        /// When it has failed, if it has not ended by then.
        until: Timestamp,
        /// The longest pause between two heartbeats, in microseconds.
        silence: Option<u64>,
        /// The last heartbeat's details.
        heartbeat: Option<Payload>,
    },
    /// An attempt that ends outside of its worker goes on.
    ActivityHeartbeat {
        /// Which.
        op: u32,
        /// The attempt, from 1.
        attempt: u32,
        /// What it says of that.
        details: Payload,
    },
    /// The run was forked from another one: the events that follow are that one's. It stands in front of
    /// everything else; there are several, the oldest first, where that one was forked too.
    Forked(Box<ForkPoint>),
    /// An update arrived, and the workflow that waited for it has accepted it.
    UpdateReceived {
        /// Its name.
        name: String,
        /// Its id and the request.
        payload: Payload,
    },
    /// The workflow has taken an update that had arrived before it asked.
    UpdateTaken {
        /// The operation that asked.
        op: u32,
        /// Its name.
        name: String,
        /// Its id and the request.
        payload: Payload,
    },
    /// The workflow has answered an update.
    UpdateReplied {
        /// The update's id.
        id: String,
        /// The reply, or why there is none.
        result: Result<Payload, StoredError>,
    },
    /// The workflow has signalled a child.
    ChildSignalSent {
        /// Which.
        op: u32,
        /// The signal's name.
        name: String,
    },
    /// The workflow has asked a child to cancel, and may go on to wait for it.
    ChildCancelSent {
        /// Which.
        op: u32,
        /// Why.
        reason: String,
    },
    /// The run was owned when its worker's lease was over. From here on each attempt is noted before it starts,
    /// until one is noted of a run without setbacks.
    Suspected {
        /// The run's setbacks.
        setbacks: i16,
    },
    /// An attempt waits for a worker of its queue.
    ActivityScheduled {
        /// Which.
        step: StepId,
        /// The attempt, from 1.
        attempt: u32,
    },
}

/// An error as JSON text of its [`ErrorRecord`], because the envelope is not self-describing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StoredError(pub String);

impl From<&Error> for StoredError {
    fn from(error: &Error) -> Self {
        // A record is strings and JSON values: it always serializes.
        Self(serde_json::to_string(&ErrorRecord::from(error)).unwrap_or_default())
    }
}

/// An error that a run ends with.
#[derive(Serialize, Deserialize)]
struct RunError {
    #[serde(flatten)]
    error: ErrorRecord,
    /// How many operations it had called when the last one that failed did so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    called: Option<u32>,
}

impl StoredError {
    /// What a run ends with that had called so many operations when the last one that failed did so; 0 if
    /// none did.
    pub(crate) fn of_run(error: &Error, called: u32) -> Self {
        let called = Some(called).filter(|called| *called > 0);
        Self(serde_json::to_string(&RunError { error: error.into(), called }).unwrap_or_default())
    }

    /// How many these were, where it says so.
    pub(crate) fn called(&self) -> Option<u32> {
        serde_json::from_str::<RunError>(&self.0).ok()?.called
    }
}

impl From<&StoredError> for Error {
    fn from(stored: &StoredError) -> Self {
        match serde_json::from_str::<ErrorRecord>(&stored.0) {
            Ok(record) => record.into(),
            Err(_) => Self::terminal(format!("an error that cannot be read: {}", stored.0)),
        }
    }
}

impl Event {
    /// Its name in snake case, as shown to people.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ActivityCompleted { .. } => "activity_completed",
            Self::ActivityFailed { .. } => "activity_failed",
            Self::ActivityAttemptFailed { .. } => "activity_attempt_failed",
            Self::TimerFired { .. } => "timer_fired",
            Self::SignalReceived { .. } => "signal_received",
            Self::SideEffect { .. } => "side_effect",
            Self::CancelRequested { .. } => "cancel_requested",
            Self::ChildStarted { .. } => "child_started",
            Self::ChildClosed { .. } => "child_closed",
            Self::RunCompleted => "run_completed",
            Self::RunFailed { .. } => "run_failed",
            Self::RunTerminated { .. } => "run_terminated",
            Self::RunStarted => "run_started",
            Self::Patched { .. } => "patched",
            Self::ActivityStarted { .. } => "activity_started",
            Self::ValueRefused { .. } => "value_refused",
            Self::ChildCancelRequested { .. } => "child_cancel_requested",
            Self::ActivityPending { .. } => "activity_pending",
            Self::ActivityHeartbeat { .. } => "activity_heartbeat",
            Self::Forked(_) => "forked",
            Self::UpdateReceived { .. } => "update_received",
            Self::UpdateTaken { .. } => "update_taken",
            Self::UpdateReplied { .. } => "update_replied",
            Self::ChildSignalSent { .. } => "child_signal_sent",
            Self::ChildCancelSent { .. } => "child_cancel_sent",
            Self::Suspected { .. } => "suspected",
            Self::ActivityScheduled { .. } => "activity_scheduled",
        }
    }

    /// The operation that it answers, if it answers one.
    pub(crate) fn operation(&self) -> Option<u32> {
        match self {
            Self::TimerFired { op }
            | Self::SideEffect { op, .. }
            | Self::ValueRefused { op, .. }
            | Self::ChildClosed { op, .. }
            | Self::UpdateTaken { op, .. }
            | Self::ChildCancelRequested { op }
            | Self::ChildSignalSent { op, .. }
            | Self::ChildCancelSent { op, .. }
            | Self::ActivityHeartbeat { op, .. } => Some(*op),
            other => other.step().map(|step| step.op),
        }
    }

    /// What it says of the activity or child workflow that it is about, if it names one.
    pub(crate) fn step(&self) -> Option<&StepId> {
        match self {
            Self::ActivityCompleted { step, .. }
            | Self::ActivityFailed { step, .. }
            | Self::ActivityAttemptFailed { step, .. }
            | Self::ActivityStarted { step, .. }
            | Self::ActivityPending { step, .. }
            | Self::ActivityScheduled { step, .. }
            | Self::ChildStarted { step, .. } => Some(step),
            _ => None,
        }
    }

    /// The operation whose activity ends with it.
    pub(crate) fn ended_activity(&self) -> Option<u32> {
        let ends = matches!(self, Self::ActivityCompleted { .. } | Self::ActivityFailed { .. });
        self.step().filter(|_| ends).map(|step| step.op)
    }

    /// Whether an attempt of an activity is over with it, or its body.
    pub(crate) fn is_end_of_attempt(&self) -> bool {
        let ends =
            matches!(self, Self::ActivityAttemptFailed { .. } | Self::ActivityPending { .. });
        ends || self.ended_activity().is_some()
    }

    /// Whether an operation has failed with it.
    pub(crate) fn is_failure(&self) -> bool {
        matches!(self, Self::ActivityFailed { .. } | Self::ChildClosed { result: Err(_), .. })
    }

    /// Whether the run ends with it.
    pub(crate) fn is_run_end(&self) -> bool {
        matches!(self, Self::RunCompleted | Self::RunFailed { .. } | Self::RunTerminated { .. })
    }

    /// Whether it was made by a poll of the workflow (and so waits to be asked for), rather than
    /// being what caused one.
    pub fn is_mark(&self) -> bool {
        matches!(
            self,
            Self::SideEffect { .. }
                | Self::ChildStarted { .. }
                | Self::Patched { .. }
                | Self::ValueRefused { .. }
                | Self::ChildCancelRequested { .. }
                | Self::UpdateTaken { .. }
                | Self::UpdateReplied { .. }
                | Self::ChildSignalSent { .. }
                | Self::ChildCancelSent { .. }
        )
    }

    /// Whether it was noted of a suspect, or of an attempt that other workers run, and moves nothing.
    pub(crate) fn is_noted(&self) -> bool {
        matches!(
            self,
            Self::ActivityStarted { .. } | Self::Suspected { .. } | Self::ActivityScheduled { .. }
        )
    }

    /// Whether a message to a child goes with it.
    pub(crate) fn tells_a_child(&self) -> bool {
        matches!(
            self,
            Self::ChildCancelRequested { .. }
                | Self::ChildSignalSent { .. }
                | Self::ChildCancelSent { .. }
        )
    }
}
