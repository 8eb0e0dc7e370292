//! Messages: placement first, then inbox, as the contract says.

use uuid::Uuid;

use super::run::{PlacementRow, StoredRun};
use super::state::MemoryState;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::RunKey;
use crate::store::{Collected, MessageKind, OutgoingMessage, Page, READ_BYTES, Sent, no_such_run};

impl MemoryState {
    /// [`ClientStore::send`](crate::store::ClientStore::send) of one message.
    pub(super) fn send(&mut self, message: &OutgoingMessage) -> Result<Sent> {
        let run = self.runs.get_mut(&message.to).ok_or_else(|| unknown(message.to))?;
        if run.has_received(message) {
            return Ok(Sent::Duplicate); // also where it has ended: its successor has the message
        }
        if !run.is_open() {
            return Err(closed(message.to));
        }
        run.receive(message);
        Ok(self.wake(message.to))
    }

    /// Messages inside a record: those to runs that have ended are dropped, unless the run goes on as another,
    /// which gets all but the ends of children. Since the caller gets no answers, the store passes the
    /// hints on.
    pub(super) fn send_within(&mut self, messages: &[OutgoingMessage]) {
        for message in messages {
            let mut message = message.clone();
            while message.kind != MessageKind::ChildClosed
                && let Some(next) = self.runs.get(&message.to).and_then(StoredRun::successor)
            {
                message.to.run = next;
            }
            let hint = match self.send(&message) {
                Ok(Sent::ToOwner(worker)) => crate::store::Hint::Messages(worker),
                Ok(Sent::ToReady) => crate::store::Hint::Woken(vec![message.to]),
                Ok(Sent::Kept | Sent::Duplicate | Sent::Held) | Err(_) => continue,
            };
            self.hints.push(hint);
        }
    }

    /// [`WorkerStore::collect`](crate::store::WorkerStore::collect).
    pub(super) fn collect(&mut self, worker: Uuid) -> Vec<Collected> {
        let mut runs = self.owned_by(worker);
        runs.retain(|key| self.runs.get(key).is_some_and(StoredRun::has_message_flag));
        let bytes = READ_BYTES / runs.len().max(1);
        runs.into_iter().filter_map(|key| self.lower_flag(key, bytes)).collect()
    }

    /// [`WorkerStore::read_inboxes`](crate::store::WorkerStore::read_inboxes).
    pub(super) fn read_inboxes(&self, asked: &[(RunKey, i64)]) -> Vec<Page> {
        let (bytes, alone) = (READ_BYTES / asked.len().max(1), asked.len() == 1);
        let page = |(key, behind): &(RunKey, i64)| {
            let run = self.runs.get(key);
            run.map(|run| run.page(*behind, bytes, alone)).unwrap_or_default()
        };
        asked.iter().map(page).collect()
    }

    fn lower_flag(&mut self, key: RunKey, bytes: usize) -> Option<Collected> {
        let run = self.runs.get_mut(&key)?;
        let Some(PlacementRow::Owned { messages, sent, .. }) = &mut run.placement else {
            return None;
        };
        *messages = false;
        let sent = *sent;
        let Page { messages: inbox, more } = run.page(0, bytes, false);
        Some(Collected { run: key, sent, inbox, more })
    }

    /// Tells the place of a run that its inbox has grown. A stuck run stays where it is, and so
    /// does one whose start is delayed.
    fn wake(&mut self, key: RunKey) -> Sent {
        match self.runs.get_mut(&key).and_then(|run| run.placement.as_mut()) {
            Some(PlacementRow::Owned { worker, messages, sent, .. }) => {
                *messages = true;
                *sent += 1;
                return Sent::ToOwner(*worker);
            }
            Some(PlacementRow::Parked { park, unborn }) => {
                if *unborn || park.stuck.is_some() {
                    return Sent::Kept;
                }
                self.make_ready(key);
            }
            _ => {}
        }
        Sent::ToReady
    }
}

fn unknown(run: RunKey) -> Error {
    no_such_run(&run.run.to_string())
}

fn closed(run: RunKey) -> Error {
    Error::new(ErrorKind::Closed, format!("run {} has ended: it accepts no more messages", run.run))
}
