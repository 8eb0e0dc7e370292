//! What is written, encoded.

use std::cell::RefCell;

use super::Codecs;
use super::objects::Upload;
use crate::error::Result;
use crate::headers::Headers;
use crate::ids::RunKey;
use crate::payload::Payload;
use crate::payload::envelope::to_json;
use crate::store::{
    Close, ForkedRun, NewItem, NewRun, Next, Outcome, OutgoingMessage, QueryValue, QueuedTask,
    Record, ScheduleChange, ScheduleRow, Takes, TaskBeat, TaskEnd, UpdateAnswer,
};

/// Encodes, and gathers the objects that are to be written before.
pub(crate) struct PayloadEncoder<'c> {
    codecs: &'c Codecs,
    uploads: RefCell<Vec<Upload>>,
}

impl<'c> PayloadEncoder<'c> {
    pub(super) fn new(codecs: &'c Codecs) -> Self {
        Self { codecs, uploads: RefCell::default() }
    }

    pub(super) fn uploads(self) -> Vec<Upload> {
        self.uploads.into_inner()
    }

    /// A value of a run.
    pub(super) fn bytes(&self, run: RunKey, value: &[u8]) -> Result<Vec<u8>> {
        let encoded = self.codecs.encode(value)?;
        let Some(objects) = &self.codecs.objects else { return Ok(encoded) };
        let (stored, upload) = objects.place(run, encoded);
        self.uploads.borrow_mut().extend(upload);
        Ok(stored)
    }

    /// JSON as JSON.
    fn json(&self, run: RunKey, json: &str) -> Result<String> {
        Ok(as_json(json, &self.bytes(run, json.as_bytes())?))
    }

    /// The same for an error, which lists show: it is never in an object.
    fn error(&self, json: &str) -> Result<String> {
        let encodes = super::PayloadCodec::encodes_errors;
        Ok(as_json(json, &self.codecs.encode_by(json.as_bytes(), encodes)?))
    }

    pub(super) fn run(&self, run: &NewRun) -> Result<NewRun> {
        let input = self.json(run.key, &run.spec.input)?;
        let headers = self.headers(run.key, &run.spec.headers)?;
        Ok(run.clone().with(|spec| (spec.input, spec.headers) = (input.into(), headers)))
    }

    fn headers(&self, run: RunKey, headers: &Headers) -> Result<Headers> {
        let Some(json) = headers.to_json() else { return Ok(Headers::default()) };
        Headers::from_json(&self.json(run, &json)?)
    }

    pub(super) fn runs(&self, runs: &[NewRun]) -> Result<Vec<NewRun>> {
        runs.iter().map(|run| self.run(run)).collect()
    }

    pub(super) fn schedule(&self, change: &ScheduleChange) -> Result<ScheduleChange> {
        let row = change.row.as_ref().map(|row| {
            Ok::<_, crate::error::Error>(ScheduleRow {
                template: self.run(&row.template)?,
                ..row.clone()
            })
        });
        Ok(ScheduleChange {
            row: row.transpose()?,
            starts: self.runs(&change.starts)?,
            ..change.clone()
        })
    }

    pub(super) fn message(&self, message: &OutgoingMessage) -> Result<OutgoingMessage> {
        let payload = &message.payload;
        let payload =
            Payload::from_parts(payload.codec(), self.bytes(message.to, payload.bytes())?);
        Ok(OutgoingMessage { payload, ..message.clone() })
    }

    pub(super) fn messages(&self, messages: &[OutgoingMessage]) -> Result<Vec<OutgoingMessage>> {
        messages.iter().map(|message| self.message(message)).collect()
    }

    pub(super) fn close(&self, run: RunKey, close: &Close) -> Result<Close> {
        let mut close = close.clone();
        let Outcome { output, error, .. } = &mut close.outcome;
        *output = output.as_deref().map(|json| self.json(run, json)).transpose()?;
        *error = error.as_deref().map(|json| self.error(json)).transpose()?;
        Ok(close)
    }

    /// Rows that are copied are encoded by now.
    pub(super) fn forks(&self, forks: &[ForkedRun]) -> Result<Vec<ForkedRun>> {
        forks.iter().map(|fork| self.fork(fork)).collect()
    }

    fn fork(&self, fork: &ForkedRun) -> Result<ForkedRun> {
        let row =
            |(position, row): &(i32, Vec<u8>)| Ok((*position, self.bytes(fork.run.key, row)?));
        let takes = match &fork.takes {
            Takes::Place(row, close) => {
                Takes::Place(self.bytes(fork.from, row)?, self.close(fork.from, close)?)
            }
            takes => takes.clone(),
        };
        Ok(ForkedRun {
            run: self.run(&fork.run)?,
            rewritten: fork.rewritten.iter().map(row).collect::<Result<_>>()?,
            takes,
            messages: self.messages(&fork.messages)?,
            ..fork.clone()
        })
    }

    pub(super) fn item(&self, run: RunKey, item: &NewItem) -> Result<NewItem> {
        Ok(NewItem { number: item.number, item: self.json(run, &item.item)? })
    }

    fn task(&self, task: &QueuedTask) -> Result<QueuedTask> {
        Ok(QueuedTask { content: self.bytes(task.run, &task.content)?, ..task.clone() })
    }

    pub(super) fn beat(&self, beat: &TaskBeat) -> Result<TaskBeat> {
        let details = beat.heartbeat.as_deref();
        let heartbeat = details.map(|details| self.bytes(beat.run, details)).transpose()?;
        Ok(TaskBeat { heartbeat, ..beat.clone() })
    }

    pub(super) fn end(&self, end: &TaskEnd) -> Result<TaskEnd> {
        let message = end.message.as_ref().map(|message| self.message(message)).transpose()?;
        Ok(TaskEnd { message, ..end.clone() })
    }

    /// A record; its journal row is encoded as a whole.
    pub(crate) fn record(&self, record: &Record) -> Result<Record> {
        let key = record.key;
        let query = |query: &QueryValue| {
            Ok(QueryValue { name: query.name.clone(), value: self.json(key, &query.value)? })
        };
        let events = match record.events[..] {
            [] => Vec::new(), // no row
            _ => self.bytes(key, &record.events)?,
        };
        let next = match &record.next {
            Next::Close(close) => Next::Close(self.close(key, close)?),
            next => next.clone(),
        };
        let answer = |answer: &UpdateAnswer| {
            let reply = match &answer.reply {
                Ok(json) => Ok(self.json(key, json)?),
                Err(json) => Err(self.error(json)?),
            };
            Ok(UpdateAnswer { reply, ..answer.clone() })
        };
        Ok(Record {
            key,
            position: record.position,
            events,
            consumed: record.consumed.clone(),
            starts: self.runs(&record.starts)?,
            messages: self.messages(&record.messages)?,
            queries: record.queries.iter().map(query).collect::<Result<_>>()?,
            items: record.items.iter().map(|item| self.item(key, item)).collect::<Result<_>>()?,
            next,
            held: record.held,
            claim: record.claim,
            clears: record.clears,
            attributes: record.attributes.clone(),
            answers: record.answers.iter().map(answer).collect::<Result<_>>()?,
            tasks: record.tasks.iter().map(|task| self.task(task)).collect::<Result<_>>()?,
            withdrawn: record.withdrawn.clone(),
        })
    }
}

/// What was encoded, as JSON; or the JSON itself, if nothing has encoded it.
fn as_json(json: &str, encoded: &[u8]) -> String {
    if encoded == json.as_bytes() { json.to_owned() } else { to_json(encoded) }
}
