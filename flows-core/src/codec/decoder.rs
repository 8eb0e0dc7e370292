//! What is read, decoded. What cannot be decoded stays as it is.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use super::{Codecs, damaged};
use crate::error::Result;
use crate::headers::Headers;
use crate::payload::Payload;
use crate::payload::envelope::{OBJECT, of_json, unread, unwrap};
use crate::store::{Activation, InboxMessage, RunSpec, RunView, ScheduleRow};

/// Decodes, with the objects that were found, and notes which others it needs.
pub(super) struct PayloadDecoder<'c> {
    codecs: &'c Codecs,
    found: HashMap<String, Vec<u8>>,
    wanted: RefCell<Vec<String>>,
}

impl<'c> PayloadDecoder<'c> {
    pub(super) fn new(codecs: &'c Codecs, found: HashMap<String, Vec<u8>>) -> Self {
        Self { codecs, found, wanted: RefCell::default() }
    }

    /// The objects that it needed and did not have.
    pub(super) fn wanted(self) -> Vec<String> {
        let mut wanted = self.wanted.into_inner();
        wanted.sort_unstable();
        wanted.dedup();
        wanted
    }

    fn object(&self, name: &str) -> Option<Vec<u8>> {
        let found = self.found.get(name).cloned();
        if found.is_none() {
            self.wanted.borrow_mut().push(name.to_owned());
        }
        found
    }

    /// Decodes bytes; what is not encoded stays as it is.
    fn decode(&self, value: &[u8]) -> Result<Vec<u8>> {
        let mut decoded = value.to_vec();
        while let Some((tag, data)) = unwrap(&decoded) {
            let by = match tag.strip_prefix(OBJECT) {
                Some(name) => self.object(name).map(Ok),
                None => self.codecs.decode_by(tag, data),
            };
            decoded = match by {
                Some(value) => value?,
                None => return Err(unread(&decoded).unwrap_or_else(|| damaged(tag))),
            };
        }
        Ok(decoded)
    }

    fn decode_json(&self, json: &str) -> Result<Option<String>> {
        let Some(encoded) = of_json(json) else { return Ok(None) };
        let decoded = self.decode(&encoded)?;
        String::from_utf8(decoded).map(Some).map_err(|_| damaged("JSON"))
    }

    pub(super) fn bytes(&self, bytes: &mut Vec<u8>) {
        if let Ok(decoded) = self.decode(bytes) {
            *bytes = decoded;
        }
    }

    pub(super) fn text(&self, json: &mut String) {
        if let Ok(Some(decoded)) = self.decode_json(json) {
            *json = decoded;
        }
    }

    pub(super) fn json(&self, json: &mut Option<String>) {
        json.iter_mut().for_each(|json| self.text(json));
    }

    fn spec(&self, spec: &mut Arc<RunSpec>) {
        if let Ok(Some(input)) = self.decode_json(&spec.input) {
            Arc::make_mut(spec).input = input.into();
        }
        let encoded = spec.headers.encoded();
        if let Some(encoded) = encoded
            && let Ok(Some(json)) = self.decode_json(&encoded)
            && let Ok(headers) = Headers::from_json(&json)
        {
            Arc::make_mut(spec).headers = headers;
        }
    }

    pub(super) fn schedule(&self, row: &mut ScheduleRow) {
        self.spec(&mut row.template.spec);
    }

    pub(super) fn view(&self, view: &mut RunView) {
        self.spec(&mut view.spec);
        self.json(&mut view.output);
        self.json(&mut view.error);
    }

    pub(super) fn messages(&self, messages: &mut [InboxMessage]) {
        for message in messages {
            if let Ok(decoded) = self.decode(message.payload.bytes()) {
                message.payload = Payload::from_parts(message.payload.codec(), decoded);
            }
        }
    }

    pub(super) fn activation(&self, run: &mut Activation) {
        self.spec(&mut run.spec);
        run.journal.iter_mut().for_each(|row| self.bytes(row));
        self.messages(&mut run.inbox);
    }
}
