//! The end of an activity's attempt that its worker does not bring about.

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use serde::Serialize;

use super::access::Access;
use super::tenant::Tenant;
use crate::completion::CompletionToken;
use crate::error::{Error, ErrorKind, Result};
use crate::payload::Payload;
use crate::store::{InTransaction, MessageKind, OutgoingMessage, Sent};

/// Completes an attempt of an activity, fails it, or says that it goes on; when awaited.
#[must_use = "nothing is sent unless this is awaited"]
pub struct Complete<'t> {
    access: Access<'t>,
    message: Result<OutgoingMessage>,
}

impl<'t> Complete<'t> {
    fn new(
        tenant: Tenant,
        token: &str,
        message: impl FnOnce(CompletionToken) -> Result<OutgoingMessage>,
    ) -> Self {
        let token = token.parse::<CompletionToken>().and_then(|token| {
            let is_own = token.run.tenant == tenant.id();
            is_own.then_some(token).ok_or_else(|| {
                Error::new(
                    ErrorKind::NotFound,
                    "the completion token is of another tenant: only the engine itself, or that tenant, takes it",
                )
            })
        });
        Self { access: Access::new(tenant), message: token.and_then(message) }
    }

    pub(super) fn with<T: Serialize>(tenant: Tenant, token: &str, output: &T) -> Self {
        let limit = tenant.inner.payload_limit();
        Self::new(tenant, token, |token| {
            let output = Payload::json(output)?
                .within(limit, || "value that completes an activity".to_owned())?;
            Ok(token.message(MessageKind::ActivityCompleted, output))
        })
    }

    pub(super) fn with_error(tenant: Tenant, token: &str, error: Error) -> Self {
        let limit = tenant.inner.payload_limit();
        Self::new(tenant, token, |token| token.failed(&error.within(limit), None))
    }

    pub(super) fn heartbeat<T: Serialize>(tenant: Tenant, token: &str, details: &T) -> Self {
        let limit = tenant.inner.payload_limit();
        Self::new(tenant, token, |token| {
            let details =
                Payload::json(details)?.within(limit, || "heartbeat of an activity".to_owned())?;
            Ok(token.message(MessageKind::ActivityHeartbeat, details))
        })
    }

    /// Does it inside a transaction of the application's: the workflow hears of it if and when that commits.
    pub fn with_tx<S, T: InTransaction<S>>(mut self, tx: &'t T) -> Self {
        self.access = self.access.within(tx);
        self
    }

    async fn run(self) -> Result<()> {
        let Self { access, message } = self;
        let message = message?;
        match access.send(&message).await? {
            Sent::Duplicate => Err(ended(&message)),
            sent => {
                access.tell_of_message(message.to, &sent);
                Ok(())
            }
        }
    }
}

fn ended(message: &OutgoingMessage) -> Error {
    let (attempt, run) = (&message.name, message.to.run);
    let (op, attempt) = attempt.split_once('-').unwrap_or((attempt, "?"));
    Error::new(
        ErrorKind::Closed,
        format!(
            "attempt {attempt} of activity #{op} of run {run} has ended: it was completed before, its time was over, \
             or its workflow does not wait for it any more"
        ),
    )
}

impl<'t> IntoFuture for Complete<'t> {
    type Output = Result<()>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<()>> + Send + 't>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}
