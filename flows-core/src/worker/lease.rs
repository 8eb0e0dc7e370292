//! The worker's lease: taken, held, and noticed when it is lost.

use std::time::Duration;

use tokio::time::Instant;

use super::session::Session;
use crate::error::{ErrorKind, Result};
use crate::store::{Lease, Store, WorkerIdentity};

/// Registers the worker. A store that cannot be reached is waited for; what waiting cannot mend is
/// an error.
pub(super) async fn register(
    store: &dyn Store,
    identity: &WorkerIdentity,
) -> Result<(Instant, Lease)> {
    let mut pause = Duration::from_millis(100);
    loop {
        let asked = Instant::now();
        match store.register(identity).await {
            Err(error) if error.kind() == ErrorKind::Unavailable => {
                tracing::warn!(%error, "cannot register the worker; trying again");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(5));
            }
            other => return other.map(|lease| (asked, lease)),
        }
    }
}

/// Renews the lease at a third of its length; returns when it is lost.
pub(super) async fn hold(session: &Session) {
    let lease = session.config.lease;
    let mut renewed = session.renewed();
    let mut pause = lease / 3;
    loop {
        tokio::time::sleep_until((Instant::now() + pause).min(renewed + lease)).await;
        let asked = Instant::now();
        let left = (renewed + lease).saturating_duration_since(asked);
        match tokio::time::timeout(left, session.store.renew(&session.identity)).await {
            Ok(Ok(answer)) if answer.lapsed => return,
            Ok(Ok(answer)) => {
                session.clock.set(answer.now);
                (renewed, pause) = (asked, lease / 3);
                session.set_renewed(asked);
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "could not renew the lease; trying again");
                pause = lease / 20;
            }
            Err(_) => {}
        }
        if renewed.elapsed() >= lease {
            return;
        }
    }
}
