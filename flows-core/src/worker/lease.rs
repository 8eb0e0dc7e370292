//! The worker's lease: taken, held, and noticed when it is lost.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::complaints::Complaints;
use super::session::Session;
use crate::clock;
use crate::error::{ErrorKind, Result};
use crate::store::{Lease, Store, WorkerIdentity};
use crate::telemetry::metrics;

/// Registers the worker. A store that cannot be reached is waited for; what waiting cannot mend is
/// an error.
pub(super) async fn register(
    store: &dyn Store,
    identity: &WorkerIdentity,
) -> Result<(Instant, Lease)> {
    let (mut pause, complaints) = (Duration::from_millis(100), Complaints::default());
    loop {
        let asked = Instant::now();
        match store.register(identity).await {
            Err(error) if error.kind() == ErrorKind::Unavailable => {
                if let Some(unsaid) = complaints.due("register") {
                    let worker = &identity.name;
                    tracing::warn!(%error, worker, unsaid, "cannot register the worker; trying again");
                }
                // many workers lose their database at the same moment
                tokio::time::sleep(pause.mul_f64(0.5 + clock::random_share() / 2.0)).await;
                pause = (pause * 2).min(Duration::from_secs(5));
            }
            other => return other.map(|lease| (asked, lease)),
        }
    }
}

/// Renews the lease at a third of its length; returns when it is lost.
pub(super) async fn hold(session: &Session) {
    let usual = session.config.lease / 3;
    hold_at(session, usual, usual).await;
}

/// The same, and often enough to learn soon whether the store can be reached.
pub(super) async fn hold_closely(session: &Session) {
    let usual = (session.config.lease / 3).min(Duration::from_secs(1));
    hold_at(session, Duration::ZERO, usual).await;
}

async fn hold_at(session: &Session, first: Duration, usual: Duration) {
    let lease = session.config.lease;
    let mut renewed = session.renewed();
    let (mut pause, mut gauges) = (first, metrics::Gauges::default());
    loop {
        tokio::time::sleep_until((Instant::now() + pause).min(renewed + lease)).await;
        let asked = Instant::now();
        let left = (renewed + lease).saturating_duration_since(asked);
        match tokio::time::timeout(left, session.store.renew(&session.identity)).await {
            Ok(Ok(answer)) if answer.lapsed => return,
            Ok(Ok(answer)) => {
                session.clock.set(answer.now);
                metrics::renewed(true);
                let free = session.permits.available_permits();
                let slots = session.config.max_activities.saturating_sub(free);
                gauges.set(session.residents.load(Ordering::Relaxed), slots);
                (renewed, pause) = (asked, usual);
                session.set_renewed(asked);
                session.holds.renewed();
                session.unreachable.store(false, Ordering::Relaxed);
            }
            Ok(Err(error)) => {
                metrics::renewed(false);
                session.complaints.warn(&error, "could not renew the lease; trying again");
                pause = lease / 20;
                session.unreachable.store(true, Ordering::Relaxed);
            }
            Err(_) => {
                metrics::renewed(false);
                session.unreachable.store(true, Ordering::Relaxed);
            }
        }
        if renewed.elapsed() >= lease {
            return;
        }
    }
}
