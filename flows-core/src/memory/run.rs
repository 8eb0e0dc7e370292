//! One run as the memory store keeps it: its definition, its journal, its inbox, its place.
//!
//! Never moves itself between places: [`MemoryState::put`](super::state::State::put) does, which keeps
//! the indexes in step.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use super::stream::Stream;
use crate::ids::RunKey;
use crate::store::{
    Activation, AttributeValue, HistoryRow, INBOX_BYTES, InboxMessage, NewRun, Origin, Outcome,
    OutgoingMessage, PAGE_MESSAGES, Page, Park, RunSpec, RunStatus, UpdateAnswer, UpdateState,
    update_token,
};
use crate::time::Timestamp;

#[cfg_attr(test, derive(Clone, Debug))]
pub(super) struct StoredRun {
    pub(super) key: RunKey,
    pub(super) spec: Arc<RunSpec>,
    /// Of its spec, which is asked for it all the time.
    pub(super) lane: i64,
    pub(super) created_at: Timestamp,
    /// The earliest time of its first turn.
    pub(super) started_at: Timestamp,
    /// `None` once it has ended.
    pub(super) placement: Option<PlacementRow>,
    pub(super) end: Option<End>,
    pub(super) journal: Vec<HistoryRow>,
    pub(super) inbox: Vec<InboxMessage>,
    /// Values for queries by name, each with the number of journal rows that the run had with it.
    pub(super) queries: BTreeMap<String, (i32, String)>,
    /// The items that it has published, if any.
    pub(super) stream: Option<Box<Stream>>,
    /// Where it was forked from.
    pub(super) origin: Option<Origin>,
    /// Search attributes, likewise.
    pub(super) attributes: BTreeMap<String, (i32, AttributeValue)>,
    pub(super) received: i64,
    /// Shared with the runs in whose place it goes on.
    pub(super) dedup: Arc<Mutex<HashSet<String>>>,
    /// Answers to updates by their ids, shared likewise.
    pub(super) answers: Arc<Mutex<BTreeMap<String, Result<String, String>>>>,
    /// It has been owned or parked before it came to its place.
    pub(super) moved: bool,
    /// How often in a row it has got nowhere; see [`Activation::setbacks`].
    pub(super) setbacks: i16,
}

/// How and when a run ended.
#[cfg_attr(test, derive(Clone, Debug))]
pub(super) struct End {
    pub(super) outcome: Outcome,
    pub(super) at: Timestamp,
    /// Whether it can be rerun.
    pub(super) dead: bool,
    /// When it was dismissed as a dead letter, and why.
    pub(super) dismissed: Option<(Timestamp, String)>,
}

/// Where an open run is. One field of one type: there is no way to be in two places.
#[cfg_attr(test, derive(Clone, Debug))]
pub(super) enum PlacementRow {
    /// To be claimed, in the order of the number.
    Ready(u64),
    Owned {
        worker: Uuid,
        messages: bool,
        /// Messages sent since the worker owns it.
        sent: i64,
        /// The number of the claim by which it does.
        claim: i64,
    },
    Parked {
        park: Park,
        /// Its first turn is not due yet: messages wait with it.
        unborn: bool,
    },
}

impl StoredRun {
    pub(super) fn new(new: &NewRun, created_at: Timestamp, placement: PlacementRow) -> Self {
        let given = new.attributes.iter().flat_map(|attributes| attributes.iter());
        Self {
            key: new.key,
            spec: Arc::clone(&new.spec),
            lane: new.spec.lane(),
            created_at,
            started_at: created_at,
            placement: Some(placement),
            end: None,
            journal: Vec::new(),
            inbox: Vec::new(),
            received: 0,
            origin: None,
            queries: BTreeMap::new(),
            stream: None,
            attributes: given.map(|(name, value)| (name.clone(), (0, value.clone()))).collect(),
            dedup: Arc::default(),
            answers: Arc::default(),
            moved: false,
            setbacks: 0,
        }
    }

    pub(super) fn status(&self) -> RunStatus {
        self.end.as_ref().map_or(RunStatus::Running, |end| end.outcome.status)
    }

    /// The run that goes on in its place.
    pub(super) fn successor(&self) -> Option<Uuid> {
        self.end.as_ref().and_then(|end| end.outcome.successor)
    }

    pub(super) fn is_open(&self) -> bool {
        self.end.is_none()
    }

    pub(super) fn is_ready(&self) -> bool {
        matches!(self.placement, Some(PlacementRow::Ready(_)))
    }

    pub(super) fn is_stuck(&self) -> bool {
        matches!(&self.placement, Some(PlacementRow::Parked { park, .. }) if park.stuck.is_some())
    }

    pub(super) fn owner(&self) -> Option<Uuid> {
        match self.placement {
            Some(PlacementRow::Owned { worker, .. }) => Some(worker),
            _ => None,
        }
    }

    /// Whether there are messages that the owner did not know of when it parked the run, or it has
    /// claimed it anew since.
    pub(super) fn has_news(&self, known: &Park) -> bool {
        match self.placement {
            Some(PlacementRow::Owned { messages, sent, claim, .. }) => {
                messages || sent != known.sent || known.claim.is_some_and(|known| known != claim)
            }
            _ => false,
        }
    }

    /// By which claim it is owned.
    pub(super) fn claim(&self) -> i64 {
        match self.placement {
            Some(PlacementRow::Owned { claim, .. }) => claim,
            _ => 0,
        }
    }

    pub(super) fn has_message_flag(&self) -> bool {
        matches!(self.placement, Some(PlacementRow::Owned { messages: true, .. }))
    }

    /// The position that its next journal row takes.
    pub(super) fn position(&self) -> i32 {
        i32::try_from(self.journal.len()).unwrap_or(i32::MAX)
    }

    pub(super) fn append(&mut self, events: &[u8], written_at: Timestamp) {
        let position = self.position();
        self.journal.push(HistoryRow { position, written_at, events: events.to_vec() });
    }

    /// Whether a message with its key has come before.
    pub(super) fn has_received(&self, message: &OutgoingMessage) -> bool {
        message.dedup.as_ref().is_some_and(|key| self.keys().contains(key))
    }

    fn keys(&self) -> MutexGuard<'_, HashSet<String>> {
        self.dedup.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps answers to updates. The first one stays; one that refuses a message counts only with that.
    pub(super) fn answer(&mut self, answers: &[UpdateAnswer], is_owner: bool) -> Vec<Uuid> {
        let mut kept = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tokens = Vec::new();
        for UpdateAnswer { update, reply, refuses } in answers {
            let before = self.inbox.len();
            self.inbox.retain(|message| !is_owner || *refuses != Some(message.seq));
            if refuses.is_none() || self.inbox.len() < before {
                kept.entry(update.clone()).or_insert_with(|| reply.clone());
                tokens.push(update_token(update));
            }
        }
        tokens
    }

    /// What has become of an update that was sent to it.
    pub(super) fn update(&self, id: &str) -> UpdateState {
        let kept = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        match (kept.get(id), &self.end) {
            (Some(answer), _) => UpdateState::Answered(answer.clone()),
            (None, Some(End { outcome, .. })) => {
                UpdateState::Ended(outcome.status, outcome.successor)
            }
            (None, None) => UpdateState::Open,
        }
    }

    /// Puts a message into the inbox.
    pub(super) fn receive(&mut self, message: &OutgoingMessage) {
        self.keys().extend(message.dedup.clone());
        self.received += 1;
        self.inbox.push(InboxMessage {
            seq: self.received,
            kind: message.kind,
            name: message.name.clone(),
            payload: message.payload.clone(),
        });
    }

    pub(super) fn outcome(&self) -> Option<Outcome> {
        self.end.as_ref().map(|end| end.outcome.clone())
    }

    /// What is behind a message, as far as it fits; alone, one message always does.
    pub(super) fn page(&self, behind: i64, bytes: usize, alone: bool) -> Page {
        let bytes = bytes.min(INBOX_BYTES);
        let (mut page, mut size) = (Page::default(), 0);
        for message in self.inbox.iter().filter(|message| message.seq > behind) {
            size += message.payload.len() + message.name.len();
            let fits = size <= bytes || (alone && page.messages.is_empty());
            if !fits || page.messages.len() == PAGE_MESSAGES {
                page.more = Some(message.seq - 1);
                break;
            }
            page.messages.push(message.clone());
        }
        page
    }

    /// What its owner is given, if its input fits and its journal does into a share; alone, they always do.
    pub(super) fn read(&self, share: usize, fits: bool, alone: bool) -> Activation {
        let journal = self.journal.iter().map(|row| row.events.len()).sum::<usize>();
        if !alone && (!fits || journal > share) {
            let spec = match fits {
                true => Arc::clone(&self.spec),
                false => Arc::new(RunSpec { input: "".into(), ..RunSpec::clone(&self.spec) }),
            };
            return Activation { unread: true, spec, ..self.definition() };
        }
        let Page { messages: inbox, more } = self.page(0, share, false);
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
        Activation {
            key: self.key,
            spec: Arc::clone(&self.spec),
            started_at: self.started_at,
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
