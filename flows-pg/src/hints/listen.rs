//! The task that listens: on a connection of its own, opened again when lost.

use std::future::poll_fn;
use std::time::Duration;

use flows_core::store::Hint;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_postgres::tls::NoTlsStream;
use tokio_postgres::{AsyncMessage, Config, Connection, NoTls, Socket};

use super::Subscribers;
use super::wire::Sender;
use crate::error::PgError;

const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Listens for ever. Whatever was sent while nobody listened is made up for by looking.
pub(super) async fn run(config: Config, sender: Sender, subscribers: Subscribers) {
    let mut wait = FIRST_WAIT;
    loop {
        match listen(&config, sender, &subscribers).await {
            Ok(()) => wait = FIRST_WAIT,
            Err(error) => {
                tracing::debug!(%error, "the listener has no connection; everybody polls");
                wait = (wait * 2).min(LONGEST_WAIT);
            }
        }
        tokio::time::sleep(wait).await;
    }
}

/// Listens until the connection ends; an error means that it never began.
async fn listen(config: &Config, sender: Sender, subscribers: &Subscribers) -> Result<(), PgError> {
    let (client, connection) = config.connect(NoTls).await?;
    let (payloads, mut heard) = unbounded_channel();
    let connection = tokio::spawn(pump(connection, payloads));
    let connection = AbortOnDrop(connection.abort_handle());
    client.batch_execute("SET application_name = 'flows listener'; LISTEN flows").await?;
    subscribers.tell(&Hint::Unsure);
    while let Some(payload) = heard.recv().await {
        if let Some(hint) = sender.read(&payload) {
            subscribers.tell(&hint);
        }
    }
    drop(connection);
    Ok(())
}

/// Moves the connection forward and picks out notifications.
async fn pump(mut connection: Connection<Socket, NoTlsStream>, payloads: UnboundedSender<String>) {
    while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
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
