//! The task that listens: on a connection of its own, opened again when lost.

use std::sync::Arc;
use std::time::Duration;

use flows_core::store::Hint;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_postgres::AsyncMessage;

use super::Subscribers;
use super::wire::Sender;
use crate::connect::wire::Wire;
use crate::error::Fault;
use crate::pooler::PoolMode;
use crate::source::Source;

const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

const SETUP: &str = "SET application_name = 'flows listener'; SET idle_session_timeout = 0; \
                     SET statement_timeout = 0; LISTEN flows";

/// What comes of listening.
enum Heard {
    /// The connection has ended.
    Something,
    /// Notifications do not come this way.
    Nothing,
}

/// Listens for ever. Whatever was sent while nobody listened is made up for by looking.
pub(super) async fn run(source: Arc<Source>, sender: Sender, subscribers: Subscribers) {
    let mut wait = FIRST_WAIT;
    loop {
        match listen(&source, sender, &subscribers).await {
            Ok(Heard::Something) => wait = FIRST_WAIT,
            Ok(Heard::Nothing) => {
                tracing::info!(
                    "notifications do not pass the pooler in front of PostgreSQL: work and results are \
                     looked for at intervals"
                );
                return;
            }
            Err(error) => {
                tracing::debug!(error = ?error, "the listener has no connection; everybody polls");
                wait = (wait * 2).min(LONGEST_WAIT);
            }
        }
        tokio::time::sleep(wait).await;
    }
}

/// Listens until the connection ends; an error means that it never began.
async fn listen(
    source: &Source,
    sender: Sender,
    subscribers: &Subscribers,
) -> Result<Heard, Fault> {
    let Some(opened) = source.open_to_listen().await else { return Ok(Heard::Nothing) };
    let (client, wire) = opened?;
    let (payloads, mut heard) = unbounded_channel();
    let connection = tokio::spawn(pump(wire, payloads));
    let connection = AbortOnDrop(connection.abort_handle());
    if source.own_mode(&client).await? != PoolMode::Session {
        return Ok(Heard::Nothing);
    }
    client.batch_execute(&source.names().in_text(SETUP)).await?;
    subscribers.tell(&Hint::Unsure);
    while let Some(payload) = heard.recv().await {
        if let Some(hint) = sender.read(&payload) {
            subscribers.tell(&hint);
        }
    }
    drop(connection);
    Ok(Heard::Something)
}

/// Moves the connection forward and picks out notifications.
async fn pump(mut wire: Wire, payloads: UnboundedSender<String>) {
    while let Some(message) = wire.next().await {
        if let AsyncMessage::Notification(notification) = message
            && payloads.send(notification.payload().to_owned()).is_err()
        {
            return;
        }
    }
}

struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
