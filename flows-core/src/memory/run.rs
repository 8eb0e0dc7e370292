//! One run as the memory store keeps it: its definition, its journal, its inbox, its place.
//!
//! Never moves itself between places: [`State::put`](super::state::State::put) does, which keeps
//! the indexes in step.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use crate::store::{
    Activation, Close, HistoryRow, Letter, MAIL_BYTES, Mail, NewRun, Outcome, PAGE_LETTERS, Page,
    Park, RunStatus,
};
use crate::time::Timestamp;

pub(super) struct Run {
    pub(super) new: NewRun,
    pub(super) created_at: Timestamp,
    /// The earliest time of its first turn.
    pub(super) started_at: Timestamp,
    /// `None` once it has ended.
    pub(super) spot: Option<Spot>,
    pub(super) end: Option<End>,
    pub(super) journal: Vec<HistoryRow>,
    pub(super) inbox: Vec<Letter>,
    pub(super) received: i64,
    /// Shared with the runs in whose place it goes on.
    pub(super) dedup: Arc<Mutex<HashSet<String>>>,
    /// It has been owned or parked before it came to its place.
    pub(super) moved: bool,
    /// How often in a row it has got nowhere; see [`Activation::setbacks`].
    pub(super) setbacks: i16,
}

/// How and when a run ended.
pub(super) struct End {
    pub(super) close: Close,
    pub(super) at: Timestamp,
    /// Whether it can be rerun.
    pub(super) dead: bool,
}

/// Where an open run is. One field of one type: there is no way to be in two places.
pub(super) enum Spot {
    /// To be claimed, in the order of the number.
    Ready(u64),
    Owned {
        worker: Uuid,
        mail: bool,
        /// Letters sent since the worker owns it.
        sent: i64,
        /// The number of the claim by which it does.
        claim: i64,
    },
    Parked {
        park: Park,
        /// Its first turn is not due yet: mail waits with it.
        unborn: bool,
    },
}

impl Run {
    pub(super) fn new(new: &NewRun, created_at: Timestamp, spot: Spot) -> Self {
        Self {
            new: new.clone(),
            created_at,
            started_at: created_at,
            spot: Some(spot),
            end: None,
            journal: Vec::new(),
            inbox: Vec::new(),
            received: 0,
            dedup: Arc::default(),
            moved: false,
            setbacks: 0,
        }
    }

    pub(super) fn status(&self) -> RunStatus {
        self.end.as_ref().map_or(RunStatus::Running, |end| end.close.status)
    }

    /// The run that goes on in its place.
    pub(super) fn successor(&self) -> Option<Uuid> {
        self.end.as_ref().and_then(|end| end.close.successor)
    }

    pub(super) fn is_open(&self) -> bool {
        self.end.is_none()
    }

    pub(super) fn is_ready(&self) -> bool {
        matches!(self.spot, Some(Spot::Ready(_)))
    }

    pub(super) fn is_stuck(&self) -> bool {
        matches!(&self.spot, Some(Spot::Parked { park, .. }) if park.stuck.is_some())
    }

    pub(super) fn owner(&self) -> Option<Uuid> {
        match self.spot {
            Some(Spot::Owned { worker, .. }) => Some(worker),
            _ => None,
        }
    }

    /// Whether there are letters that the owner did not know of when it parked the run, or it has
    /// claimed it anew since.
    pub(super) fn has_news(&self, known: &Park) -> bool {
        match self.spot {
            Some(Spot::Owned { mail, sent, claim, .. }) => {
                mail || sent != known.sent || known.claim.is_some_and(|known| known != claim)
            }
            _ => false,
        }
    }

    /// By which claim it is owned.
    pub(super) fn claim(&self) -> i64 {
        match self.spot {
            Some(Spot::Owned { claim, .. }) => claim,
            _ => 0,
        }
    }

    pub(super) fn has_mail_flag(&self) -> bool {
        matches!(self.spot, Some(Spot::Owned { mail: true, .. }))
    }

    /// The position that its next journal row takes.
    pub(super) fn position(&self) -> i32 {
        i32::try_from(self.journal.len()).unwrap_or(i32::MAX)
    }

    pub(super) fn append(&mut self, events: &[u8], written_at: Timestamp) {
        let position = self.position();
        self.journal.push(HistoryRow { position, written_at, events: events.to_vec() });
    }

    /// Whether a letter with its key has come before.
    pub(super) fn has_received(&self, mail: &Mail) -> bool {
        mail.dedup.as_ref().is_some_and(|key| self.keys().contains(key))
    }

    fn keys(&self) -> MutexGuard<'_, HashSet<String>> {
        self.dedup.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a letter into the inbox.
    pub(super) fn receive(&mut self, mail: &Mail) {
        self.keys().extend(mail.dedup.clone());
        self.received += 1;
        self.inbox.push(Letter {
            seq: self.received,
            kind: mail.kind,
            name: mail.name.clone(),
            payload: mail.payload.clone(),
        });
    }

    pub(super) fn outcome(&self) -> Option<Outcome> {
        let Close { status, output, error, successor, .. } = self.end.as_ref()?.close.clone();
        Some(Outcome { status, output, error, successor })
    }

    /// What is behind a letter, as far as it fits; alone, one letter always does.
    pub(super) fn page(&self, behind: i64, bytes: usize, alone: bool) -> Page {
        let bytes = bytes.min(MAIL_BYTES);
        let (mut page, mut size) = (Page::default(), 0);
        for letter in self.inbox.iter().filter(|letter| letter.seq > behind) {
            size += letter.payload.len() + letter.name.len();
            let fits = size <= bytes || (alone && page.letters.is_empty());
            if !fits || page.letters.len() == PAGE_LETTERS {
                page.more = Some(letter.seq - 1);
                break;
            }
            page.letters.push(letter.clone());
        }
        page
    }

    /// What its owner is given, if its input fits and its journal does into a share; alone, they always do.
    pub(super) fn read(&self, share: usize, fits: bool, alone: bool) -> Activation {
        let journal = self.journal.iter().map(|row| row.events.len()).sum::<usize>();
        if !alone && (!fits || journal > share) {
            let input = if fits { self.new.input.clone() } else { "".into() };
            return Activation { unread: true, input, ..self.definition() };
        }
        let Page { letters: inbox, more } = self.page(0, share, false);
        Activation { journal: self.rows(), inbox, more, ..self.definition() }
    }

    /// All of it.
    pub(super) fn activation(&self) -> Activation {
        Activation { journal: self.rows(), inbox: self.inbox.clone(), ..self.definition() }
    }

    fn rows(&self) -> Vec<Vec<u8>> {
        self.journal.iter().map(|row| row.events.clone()).collect()
    }

    fn definition(&self) -> Activation {
        let new = &self.new;
        Activation {
            key: new.key,
            workflow_id: new.workflow_id.clone(),
            workflow: new.workflow.clone(),
            version: new.version,
            queue: new.queue.clone(),
            priority: new.priority,
            input: new.input.clone(),
            started_at: self.started_at,
            attempt: new.attempt,
            retry: new.retry.clone(),
            timeout: new.timeout,
            parent: new.lineage.parent,
            journal: Vec::new(),
            inbox: Vec::new(),
            more: None,
            unread: false,
            claim: self.claim(),
            is_new: false,
            setbacks: self.setbacks,
        }
    }
}
