//! Updates of a run: requests that wait to be accepted, and the replies to those that were.
//!
//! An update that arrives is *offered*, and nothing of it is in the journal, until the code accepts it. If an
//! operation waits for it, it is delivered as the event of a turn; if the code refuses it there, the turn counts for
//! nothing, and neither the event nor anything else of it is kept. If none waits, it stays offered, and the operation
//! that asks for it later takes it with a mark of its own. So a refusal leaves no trace, and a replay meets the
//! updates that were accepted, each where it was, and asks no validator about them.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::op::{Op, What};
use super::signals::channel;
use super::state::State;
use super::stuck::Stuck;
use super::turn::{ChangedInput, Command, RefusedUpdate, Turn};
use super::watch::Place;
use crate::error::{Error, Result};
use crate::headers::Headers;
use crate::journal::{Event, StoredError};
use crate::payload::Payload;
use crate::time::Timestamp;

/// What an update's message holds.
#[derive(Serialize, Deserialize)]
pub(crate) struct Envelope {
    /// The reply is found by it.
    pub(crate) id: String,
    #[serde(default, skip_serializing_if = "Headers::is_empty")]
    pub(crate) headers: Headers,
    pub(crate) request: Box<RawValue>,
}

impl Envelope {
    /// The request, as a value of its own.
    pub(crate) fn request(&self) -> Payload {
        Payload::from_json(self.request.get())
    }
}

/// What a run knows of updates; most know of none.
#[derive(Default)]
pub(crate) struct Updates {
    /// Those that have arrived and were not asked for, by name: the numbers of their messages, and what they hold.
    offered: BTreeMap<String, VecDeque<(i64, Payload)>>,
    bytes: usize,
    /// Replies of the journal that the replay has not given yet, by the update's id.
    recorded: BTreeMap<String, Result<Payload, StoredError>>,
    /// The operation to which the event of this turn was delivered.
    pub(super) delivered: Option<u32>,
    /// The code has refused what was delivered.
    refused: Option<Box<RefusedUpdate>>,
}

/// Where an operation has its update from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UpdateSource {
    /// It was accepted before, says the journal.
    Accepted,
    /// It is the event of this turn, which is not written yet.
    Delivered,
    /// It was offered, by the message of that number.
    Offered(i64),
    /// It is in the journal, and another operation has let go of it.
    GivenBack,
}

impl Updates {
    pub(crate) fn offer(&mut self, seq: i64, name: String, payload: Payload) {
        self.bytes += payload.len();
        self.offered.entry(name).or_default().push_back((seq, payload));
    }

    fn take(&mut self, name: &str) -> Option<(i64, Payload)> {
        let taken = self.offered.get_mut(name)?.pop_front()?;
        self.bytes -= taken.1.len();
        Some(taken)
    }

    pub(crate) fn expect(
        &mut self,
        id: String,
        result: Result<Payload, StoredError>,
    ) -> Result<(), Stuck> {
        match self.recorded.insert(id, result) {
            None => Ok(()),
            Some(_) => Err(Stuck::new("the journal has two replies to one update")),
        }
    }
}

impl State {
    pub(crate) fn updates(&mut self) -> &mut Updates {
        self.updates.get_or_insert_default()
    }

    /// The size of what has arrived and was not received.
    pub(super) fn unreceived_bytes(&self) -> usize {
        self.signals.bytes() + self.updates.as_ref().map_or(0, |updates| updates.bytes)
    }

    /// An operation asks for an update: it has one at once, or waits.
    pub(crate) fn wait_update(&mut self, op: u32, name: &str, site: Place) -> Option<UpdateSource> {
        let mut entry = Op::new(What::Update { name: name.to_owned() }, site);
        self.note("update", op, site);
        let found = self.next_update(op, name);
        let (source, result) = found.unzip();
        entry.result = result.map(Ok);
        if source.is_none() {
            self.signals.wait(&channel(name), op);
        }
        self.ops.insert(op, entry);
        self.last_asked = Some((op, site));
        source
    }

    /// The next update of a name that is there.
    pub(crate) fn next_update(&mut self, op: u32, name: &str) -> Option<(UpdateSource, Payload)> {
        if let Some(Event::UpdateTaken { name: recorded, .. }) = self.recorded_marks.get(&op)
            && recorded == name
            && let Some(Event::UpdateTaken { payload, .. }) = self.recorded_marks.remove(&op)
        {
            return Some((UpdateSource::Accepted, payload));
        }
        if let Some(payload) = self.signals.take(&channel(name)) {
            return Some((UpdateSource::GivenBack, payload));
        }
        let (seq, payload) = self.updates.as_mut()?.take(name)?;
        Some((UpdateSource::Offered(seq), payload))
    }

    /// Where an operation that has waited has its update from.
    pub(crate) fn source_of(&self, op: u32) -> UpdateSource {
        let delivered = self.updates.as_ref().and_then(|updates| updates.delivered);
        match delivered == Some(op) {
            true if self.replaying => UpdateSource::Accepted,
            true => UpdateSource::Delivered,
            false => UpdateSource::GivenBack,
        }
    }

    /// The code accepts an update.
    pub(crate) fn accept(&mut self, op: u32, name: &str, source: UpdateSource, payload: &Payload) {
        if let UpdateSource::Offered(seq) = source {
            self.mark(Event::UpdateTaken { op, name: name.to_owned(), payload: payload.clone() });
            self.commands.push(Command::Consume(seq));
        }
    }

    /// The code does not accept an update. Only of one that is in the journal, this is recorded.
    pub(crate) fn refuse(&mut self, source: UpdateSource, id: String, error: &Error) {
        let error = StoredError::from(error);
        match source {
            UpdateSource::Delivered => {
                self.updates().refused = Some(Box::new(RefusedUpdate { id, error }))
            }
            UpdateSource::Offered(seq) => {
                let refused = Box::new(RefusedUpdate { id, error });
                self.commands.push(Command::Refuse { seq, refused });
            }
            UpdateSource::Accepted | UpdateSource::GivenBack => self.reply(id, Err(error), None),
        }
    }

    /// The operation whose update was refused waits for the next one, at its place.
    pub(crate) fn wait_update_again(
        &mut self,
        op: u32,
        name: &str,
        site: Place,
    ) -> Option<UpdateSource> {
        let (source, found) = self.next_update(op, name).unzip();
        let mut entry = Op::new(What::Update { name: name.to_owned() }, site);
        entry.result = found.map(Ok);
        if source.is_none() {
            self.signals.wait_first(&channel(name), op);
        }
        self.ops.insert(op, entry);
        source
    }

    /// The code answers an update. In a replay, the journal has the answer.
    pub(crate) fn reply(
        &mut self,
        id: String,
        result: Result<Payload, StoredError>,
        from: Option<(u32, &str, Place)>,
    ) {
        let recorded = self.updates.as_mut().and_then(|updates| updates.recorded.remove(&id));
        match recorded {
            None if self.events_ahead == 0 => self.mark(Event::UpdateReplied { id, result }),
            None => {
                let text = format!("the code answers the update with the id `{id}` here");
                let journal = "no answer to it, and goes on";
                self.mismatch.get_or_insert(Stuck::mismatch(journal, &text));
            }
            Some(recorded) => {
                if let (Ok(was), Ok(input), Some((op, name, site))) = (recorded, result, from)
                    && was != input
                {
                    let (kind, name) = ("reply to update", name.to_owned());
                    self.warnings.push(ChangedInput { kind, name, op, child: None, input, site });
                }
            }
        }
    }

    /// The turn of an event is over. If that was an update which the code has refused, there was no turn.
    pub(super) fn end_delivery(&mut self, before: Timestamp, turn: &mut Turn) -> Result<(), Stuck> {
        let Some(updates) = &mut self.updates else { return Ok(()) };
        updates.delivered = None;
        let Some(refused) = updates.refused.take() else { return Ok(()) };
        let is_quiet = turn.commands.is_empty() && turn.marks.is_empty() && turn.outcome.is_none();
        if !is_quiet {
            return Err(Stuck::new(
                "the validator of an update has moved the workflow, and it has refused the update: a validator \
                 only looks at the request and at what the workflow knows",
            ));
        }
        self.now = before;
        turn.refused = Some(refused);
        Ok(())
    }

    /// After a replay: the journal has a reply that the code has not given.
    pub(super) fn reply_not_given(&self) -> Option<Stuck> {
        let (id, _) = self.updates.as_ref()?.recorded.first_key_value()?;
        let text =
            format!("nothing answers it, up to the end of the journal; {}", self.last_await());
        Some(Stuck::mismatch(&format!("the update with the id `{id}` answered"), &text))
    }

    /// What a look must not change: operations, random values, marks, commands, what is published.
    pub(crate) fn traces(&self) -> impl PartialEq + use<> {
        let made = (self.ops_begun(), self.new_marks.len(), self.commands.len(), self.items_made());
        (made, self.queries.clone(), self.attributes.clone(), self.random_position())
    }
}
