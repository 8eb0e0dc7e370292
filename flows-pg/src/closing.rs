//! Connections with something unfinished on them: what runs there is cancelled, then they are closed.
//!
//! To close one is not enough. A server does not notice that its client has gone while a statement
//! waits for a lock: it would wait on, take the lock, hold it, and commit what was sent behind it.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{ClientWrapper, Object};
use tokio::runtime::Handle;

use crate::connect;

use crate::settings::Settings;

/// How long a request to cancel may take.
const CANCEL: Duration = Duration::from_secs(5);
/// How long what was cancelled may take to end.
const SETTLE: Duration = Duration::from_secs(1);
/// How often what runs is cancelled: several statements may be on their way.
const ROUNDS: usize = 5;

/// Cancels what runs on a connection and closes it, in the background. Where there is no runtime, or
/// it is ending, the connection is only closed.
pub(crate) fn throw_away(client: ClientWrapper) {
    if let Ok(runtime) = Handle::try_current()
        && !client.is_closed()
    {
        drop(runtime.spawn(async move { cancel(&client).await }));
    }
}

/// Until nothing runs on the connection any more, or nobody answers.
async fn cancel(client: &ClientWrapper) {
    let token = client.cancel_token();
    for _ in 0..ROUNDS {
        match tokio::time::timeout(CANCEL, connect::cancel(&token)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return tracing::debug!(%error, "a statement was not cancelled"),
            Err(_) => return,
        }
        if answers(client, "").await {
            return;
        }
    }
}

/// Whether a connection answers within a short time, which it does when it has nothing else to do.
async fn answers(client: &ClientWrapper, command: &str) -> bool {
    matches!(tokio::time::timeout(SETTLE, client.batch_execute(command)).await, Ok(Ok(())))
}

async fn restored(client: &ClientWrapper, settings: &Settings) -> bool {
    let restored = tokio::time::timeout(SETTLE, settings.restore(client));
    settings.is_empty() || matches!(restored.await, Ok(Ok(())))
}

/// A pooled connection that goes back to its pool only when nothing is unfinished on it. Dropped, it
/// is thrown away.
pub(crate) struct Borrowed(Option<Object>);

impl Borrowed {
    pub(crate) fn new(object: Object) -> Self {
        Self(Some(object))
    }

    /// Nothing is unfinished: the connection goes back to the pool.
    pub(crate) fn give_back(mut self) {
        drop(self.0.take());
    }

    /// In the background: when everything that was sent has been answered, this command too, and the
    /// session is set as it was, the connection goes back.
    pub(crate) fn give_back_reset(self, command: &'static str, settings: Arc<Settings>) {
        let Ok(runtime) = Handle::try_current() else { return };
        drop(runtime.spawn(async move {
            if answers(&self, command).await && restored(&self, &settings).await {
                self.give_back();
            }
        }));
    }
}

impl Deref for Borrowed {
    type Target = ClientWrapper;

    fn deref(&self) -> &ClientWrapper {
        // taken by those that consume it, and by nobody else
        self.0.as_deref().unwrap_or_else(|| unreachable!("the connection was given back"))
    }
}

impl DerefMut for Borrowed {
    fn deref_mut(&mut self) -> &mut ClientWrapper {
        self.0.as_deref_mut().unwrap_or_else(|| unreachable!("the connection was given back"))
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        if let Some(object) = self.0.take() {
            throw_away(Object::take(object));
        }
    }
}
