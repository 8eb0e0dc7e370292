//! Schedules that are due: whichever worker sees one first claims it for a moment, decides, and commits its progress
//! together with the runs. If another one was faster, nothing happens.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;

use super::session::Session;
use crate::ending::{ended_from_outside, termination};
use crate::error::Result;
use crate::ids::RunKey;
use crate::payload::Payload;
use crate::schedule::OpenRun;
use crate::store::{ClientStore, MessageKind, OutgoingMessage, RunStatus, ScheduleRow, Sent};

/// The most schedules that one look fires.
const AT_ONCE: usize = 50;
/// Of these, at the same time.
const SIDE_BY_SIDE: usize = 4;
/// How long somebody's open transaction is waited for.
const LIMIT: Duration = Duration::from_millis(100);
/// Why a run is ended for the next one.
const WHY: &str = "its schedule starts the next run";

/// Fires some of them.
pub(super) async fn fire_due(session: &Session) {
    let due = match session.store.claim_schedules(AT_ONCE).await {
        Ok(due) => due,
        Err(error) => {
            return session.complaints.warn(&error, "cannot read schedules; trying again");
        }
    };
    let firings = stream::iter(due).map(|row| async move {
        let id = Arc::clone(&row.id);
        if let Err(error) = fire(session, row).await {
            let error = error.context_of("firing", &id);
            session.complaints.warn(&error, "cannot fire a schedule; trying again");
        }
    });
    firings.buffer_unordered(SIDE_BY_SIDE).collect::<()>().await;
}

async fn fire(session: &Session, mut row: ScheduleRow) -> Result<()> {
    let firing = row.fire()?;
    if let Some(run) = row.open {
        end(session, run, firing.open_run).await?;
    }
    row.due_at = firing.due;
    let starts: Vec<_> = firing.start.iter().map(|at| row.run_at(*at)).collect();
    let shards = starts.iter().map(|run| run.key.shard).collect::<Vec<_>>();
    let is_done = session.store.change_schedule(&row.change(starts, LIMIT)).await?;
    if is_done && !shards.is_empty() {
        session.hints.ready(shards);
    }
    Ok(())
}

/// Ends the open run before the next one begins, as far as the policy says so. Saying it twice does no harm.
async fn end(session: &Session, run: RunKey, how: OpenRun) -> Result<()> {
    match how {
        OpenRun::Leave => {}
        OpenRun::Cancel => {
            let (name, payload) = (String::new(), Payload::json(&WHY)?);
            let message =
                OutgoingMessage { to: run, kind: MessageKind::Cancel, name, payload, dedup: None };
            let store: &dyn ClientStore = &*session.store;
            match store.send_one(&message).await? {
                Sent::ToOwner(worker) => session.hints.messages(worker),
                Sent::ToReady => session.hints.woken(run),
                Sent::Kept | Sent::Duplicate | Sent::Held => {}
            }
        }
        OpenRun::Terminate => {
            let now = session.clock.now();
            let (record, close) =
                ended_from_outside(RunStatus::Terminated, &termination(WHY), now)?;
            if session.store.terminate(run, &record, &close, &[]).await? {
                session.hints.terminated(run);
            }
        }
    }
    Ok(())
}
