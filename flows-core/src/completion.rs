//! Attempts of activities that end outside of their worker: the token that names one, and the messages that
//! its run gets.
//!
//! An attempt ends once. Whoever ends it (who has the token, or the run when a time limit has passed) sends a
//! message with a key that only this attempt has, so the store keeps one of these and refuses the others.

mod task;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub(crate) use task::TaskContent;

use crate::error::{Error, ErrorRecord, Result};
use crate::ids::RunKey;
use crate::payload::Payload;
use crate::store::{InboxMessage, MessageKind, OutgoingMessage};

/// Names an attempt of an activity, as text that is safe in a URL: tenant, run, operation, attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CompletionToken {
    pub(crate) run: RunKey,
    pub(crate) op: u32,
    pub(crate) attempt: u32,
}

impl CompletionToken {
    /// What the attempt's run is told; with `key`, once at most.
    pub(crate) fn message(self, kind: MessageKind, payload: Payload) -> OutgoingMessage {
        let Self { run, op, attempt } = self;
        let ends = !matches!(kind, MessageKind::ActivityHeartbeat | MessageKind::ActivityPending);
        // Keys hold for all runs that continue each other, and those of signals are the application's.
        let dedup = ends.then(|| format!("\u{1}{}-{op}-{attempt}", run.run.simple()));
        OutgoingMessage { to: run, kind, name: format!("{op}-{attempt}"), payload, dedup }
    }

    /// The message that the attempt has failed, and how far it had come.
    pub(crate) fn failed(
        self,
        error: &Error,
        heartbeat: Option<Payload>,
    ) -> Result<OutgoingMessage> {
        let failure = AttemptFailure { error: ErrorRecord::from(error), heartbeat: raw(heartbeat) };
        Ok(self.message(MessageKind::ActivityFailed, Payload::json(&failure)?))
    }

    /// The message that its body has returned, and that it ends outside.
    pub(crate) fn pending(self, pending: PendingUntil) -> Result<OutgoingMessage> {
        Ok(self.message(MessageKind::ActivityPending, Payload::json(&pending)?))
    }
}

/// How an attempt has failed.
#[derive(Serialize, Deserialize)]
struct AttemptFailure {
    error: ErrorRecord,
    /// The details of its last heartbeat, as JSON.
    heartbeat: Option<String>,
}

/// Until when an attempt is to be completed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PendingUntil {
    /// Microseconds, as a [`Timestamp`](crate::time::Timestamp).
    pub(crate) until: i64,
    /// The longest pause between two heartbeats, in microseconds.
    pub(crate) silence: Option<u64>,
    /// The details of its last heartbeat, as JSON.
    pub(crate) heartbeat: Option<String>,
}

/// Details of heartbeats are JSON.
pub(crate) fn raw(heartbeat: Option<Payload>) -> Option<String> {
    heartbeat?.as_json().map(str::to_owned)
}

/// How an attempt has ended, and how far it had come.
#[derive(Debug)]
pub(crate) struct AttemptEnd {
    pub(crate) result: Result<Payload>,
    pub(crate) heartbeat: Option<Payload>,
}

/// The operation and the attempt that a message of this name is about.
pub(crate) fn attempt_of(name: &str) -> Option<(u32, u32)> {
    let (op, attempt) = name.split_once('-')?;
    Some((op.parse().ok()?, attempt.parse().ok()?))
}

/// What a message says the attempt has come to.
pub(crate) fn end_of(message: InboxMessage) -> AttemptEnd {
    if message.kind != MessageKind::ActivityFailed {
        return AttemptEnd { result: Ok(message.payload), heartbeat: None };
    }
    match message.payload.decode::<AttemptFailure>() {
        Ok(AttemptFailure { error, heartbeat }) => {
            AttemptEnd { result: Err(error.into()), heartbeat: heartbeat.map(Payload::from_json) }
        }
        Err(error) => AttemptEnd { result: Err(error), heartbeat: None },
    }
}

impl fmt::Display for CompletionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { run, op, attempt } = self;
        write!(f, "{}-{}-{op}-{attempt}", run.tenant.simple(), run.run.simple())
    }
}

impl FromStr for CompletionToken {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut parts = text.split('-');
        let mut token = || {
            let tenant = Uuid::try_parse(parts.next()?).ok()?;
            let run = RunKey::of_run(tenant, Uuid::try_parse(parts.next()?).ok()?);
            let (op, attempt) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
            parts.next().is_none().then_some(Self { run, op, attempt })
        };
        token().ok_or_else(|| {
            let begins: String = text.chars().take(100).collect();
            Error::invalid(format!(
                "`{begins}` is no completion token: give what `ctx.completion_token()` has given to the activity"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_back_and_safe_in_a_url() {
        let (tenant, run) = (Uuid::from_u128(7), Uuid::from_u128(u128::MAX - 1));
        let token = CompletionToken { run: RunKey::of_run(tenant, run), op: 12, attempt: 3 };
        let text = token.to_string();
        assert!(text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{text}");
        assert_eq!(text.parse::<CompletionToken>().expect("a token"), token);
    }

    #[test]
    fn nothing_else_is_one() {
        let run = Uuid::nil().simple();
        let wrong = ["", "-", "order-42", &format!("{run}-{run}-1"), &format!("{run}-{run}-1-x")];
        for text in wrong.into_iter().chain([&*format!("{run}-{run}-1-1-1"), "ü-ü-1-1"]) {
            let error = text.parse::<CompletionToken>().expect_err(text);
            assert!(error.message().contains("no completion token"), "{error}");
        }
    }
}
