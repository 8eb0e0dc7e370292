//! Runs whose time limit has passed while nobody could see to it: they are stuck, or no worker serves
//! them. Whoever looks ends them, whatever it serves itself.

use super::run::timed_out;
use super::session::Session;
use crate::ending::{ended_from_outside, message_to_parent};
use crate::error::Result;
use crate::store::{Overdue, RunStatus};

/// The most runs ended after one look.
const AT_ONCE: usize = 100;

/// Ends some of them.
pub(super) async fn end_overdue(session: &Session) {
    if let Err(error) = end_some(session).await {
        let text = "cannot end runs whose time limit has passed; trying again";
        session.complaints.warn(&error, text);
    }
}

async fn end_some(session: &Session) -> Result<()> {
    for Overdue { run, parent, limit } in session.store.overdue(AT_ONCE).await? {
        let (record, close) =
            ended_from_outside(RunStatus::TimedOut, &timed_out(limit), session.clock.now())?;
        let messages: Vec<_> = message_to_parent(run, parent, &close).into_iter().collect();
        if session.store.terminate(run, &record, &close, &messages).await? {
            session.hints.terminated(run);
        }
    }
    Ok(())
}
