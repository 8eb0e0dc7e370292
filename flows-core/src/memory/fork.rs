//! Forks: runs that begin as others did.

use super::commit::passed_on;
use super::run::StoredRun;
use super::state::MemoryState;
use crate::error::Result;
use crate::ids::RunKey;
use crate::store::{
    ForkedRun, HistoryRow, MessageKind, Origin, Started, Takes, no_such_dead_letter, no_such_run,
    place_is_taken,
};

impl MemoryState {
    /// [`ClientStore::fork`](crate::store::ClientStore::fork): checks everything before it does anything.
    pub(super) fn fork(&mut self, forks: &[ForkedRun]) -> Result<Started> {
        for fork in forks {
            self.check_fork(fork)?;
            let holder = self.holder(&fork.run);
            if let Some(other) = holder.filter(|other| !fork.takes.place() || *other != fork.from) {
                return self.conflict(&fork.run, other);
            }
        }
        for fork in forks {
            self.fork_one(fork)?;
        }
        Ok(Started::Created)
    }

    fn check_fork(&self, fork: &ForkedRun) -> Result<()> {
        let from = self.runs.get(&fork.from);
        let from = from.ok_or_else(|| no_such_run(&fork.from.run.to_string()))?;
        match fork.takes {
            Takes::DeadLetter if !from.end.as_ref().is_some_and(|end| end.dead) => {
                Err(no_such_dead_letter(fork.from))
            }
            _ if fork.takes.place() && from.successor().is_some() => Err(place_is_taken(fork.from)),
            _ => Ok(()),
        }
    }

    fn fork_one(&mut self, fork: &ForkedRun) -> Result<()> {
        if let Takes::Place(record, close) = &fork.takes {
            self.terminate(fork.from, record, close, &[])?;
        }
        let journal = self.copied(fork);
        self.begin(&fork.run);
        if fork.takes.place() {
            self.take_dead_letter(fork.from, &fork.run);
        }
        if let Some(run) = self.runs.get_mut(&fork.run.key) {
            run.journal = journal;
            run.origin = Some(Origin { run: fork.from.run, position: fork.position });
            run.moved = true; // its journal is to be read
        }
        self.send_within(&fork.messages);
        if fork.takes_inbox {
            self.move_signals(fork.from, fork.run.key);
        }
        Ok(())
    }

    fn copied(&self, fork: &ForkedRun) -> Vec<HistoryRow> {
        let old = self.runs.get(&fork.from).map(|run| run.journal.as_slice()).unwrap_or_default();
        let mut rows: Vec<_> =
            old.iter().filter(|row| row.position < fork.copied).cloned().collect();
        for (position, events) in &fork.rewritten {
            let row =
                HistoryRow { position: *position, written_at: self.now, events: events.clone() };
            match rows.iter_mut().find(|old| old.position == *position) {
                Some(old) => old.events = row.events,
                None => rows.push(row),
            }
        }
        rows
    }

    fn move_signals(&mut self, from: RunKey, to: RunKey) {
        let inbox = self.runs.get_mut(&from).map(|run: &mut StoredRun| &mut run.inbox);
        let signals = inbox.map(|inbox| {
            inbox.extract_if(.., |it| it.kind == MessageKind::Signal).collect::<Vec<_>>()
        });
        let signals = signals.unwrap_or_default().into_iter();
        let messages: Vec<_> = signals.filter_map(|message| passed_on(to, message)).collect();
        self.send_within(&messages);
    }
}
