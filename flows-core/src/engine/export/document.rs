//! The JSON form of a history. What is written here is read back exactly.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::event::{EventDocument, read_event, write_event};
use super::{History, unreadable};
use crate::error::{Error, ErrorKind, Result};
use crate::headers::Headers;
use crate::payload::{Codec, Payload};
use crate::store::RunStatus;
use crate::time::Timestamp;

/// The format that this build writes. It reads this one and all before it.
const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Document {
    format: u32,
    workflow: String,
    version: u32,
    run_id: Uuid,
    tenant_id: Uuid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    workflow_id: Option<String>,
    queue: String,
    attempt: u32,
    status: RunStatus,
    started_at: Time,
    #[serde(default, skip_serializing_if = "Headers::is_empty")]
    headers: Headers,
    input: Box<RawValue>,
    events: Vec<EventDocument>,
}

/// Read before everything else, which a newer format may have changed.
#[derive(Deserialize)]
struct Head {
    format: u32,
}

pub(super) fn write(history: &History) -> Result<String> {
    let input = history.input.as_json().and_then(raw).ok_or_else(|| {
        Error::new(ErrorKind::Codec, format!("the input of run {} is not JSON", history.run_id))
    })?;
    let document = Document {
        format: FORMAT,
        workflow: history.workflow.clone(),
        version: history.version,
        run_id: history.run_id,
        tenant_id: history.tenant_id,
        workflow_id: history.workflow_id.clone(),
        queue: history.queue.clone(),
        attempt: history.attempt,
        status: history.status,
        started_at: Timestamp::from(history.started_at).into(),
        headers: history.headers.clone(),
        input,
        events: history.events.iter().map(write_event).collect(),
    };
    let mut json = serde_json::to_string_pretty(&document)?;
    json.push('\n');
    Ok(json)
}

pub(super) fn read(json: &str) -> Result<History> {
    let head: Head = serde_json::from_str(json).map_err(unreadable)?;
    if head.format > FORMAT {
        return Err(unreadable(format!(
            "it has format {} and this build knows up to {FORMAT}; use a build at least as new as \
             the one that exported it",
            head.format
        )));
    }
    let document: Document = serde_json::from_str(json).map_err(unreadable)?;
    let events = document.events.into_iter().enumerate();
    Ok(History {
        workflow: document.workflow,
        version: document.version,
        run_id: document.run_id,
        tenant_id: document.tenant_id,
        workflow_id: document.workflow_id,
        queue: document.queue,
        attempt: document.attempt,
        status: document.status,
        started_at: document.started_at.timestamp().map_err(unreadable)?.into(),
        headers: document.headers,
        input: Payload::from_json(document.input.get()),
        events: events.map(|(number, event)| read_event(number, event)).collect::<Result<_>>()?,
    })
}

/// JSON text as it is; none where it would not come back as it is.
fn raw(json: &str) -> Option<Box<RawValue>> {
    RawValue::from_string(json.to_owned()).ok().filter(|raw| raw.get() == json)
}

/// A point in time, for people where that is possible.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Time {
    /// RFC 3339.
    Text(String),
    /// Microseconds since 1970.
    Micros(i64),
}

/// The end of the year 9999, the last that RFC 3339 can say.
const LAST: i64 = 253_402_300_799_999_999;

impl From<Timestamp> for Time {
    fn from(at: Timestamp) -> Self {
        match u64::try_from(at.0) {
            Ok(micros) if at.0 <= LAST => {
                let time = UNIX_EPOCH + Duration::from_micros(micros);
                Self::Text(humantime::format_rfc3339_micros(time).to_string())
            }
            _ => Self::Micros(at.0),
        }
    }
}

impl Time {
    pub(super) fn timestamp(&self) -> Result<Timestamp> {
        match self {
            Self::Micros(micros) => Ok(Timestamp(*micros)),
            Self::Text(text) => {
                let time: SystemTime = humantime::parse_rfc3339(text)
                    .map_err(|why| Error::terminal(format!("`{text}` is no time: {why}")))?;
                Ok(time.into())
            }
        }
    }
}

/// A value under its codec.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PayloadDocument {
    /// JSON, as it was written.
    Json(Box<RawValue>),
    /// The same of a signal that carries headers.
    JsonWithHeaders {
        /// They.
        headers: Headers,
        /// JSON, as it was written.
        json: Box<RawValue>,
    },
    /// Postcard, as base64.
    Postcard(String),
    /// Bytes that were written as JSON and are none, as base64.
    Damaged(String),
}

impl From<&Payload> for PayloadDocument {
    fn from(payload: &Payload) -> Self {
        let encoded = || STANDARD.encode(payload.bytes());
        match payload.codec() {
            Codec::Postcard => Self::Postcard(encoded()),
            Codec::Json => match (payload.split_headers(), payload.as_json().and_then(raw)) {
                (Some((headers, _)), Some(json)) => Self::JsonWithHeaders { headers, json },
                (None, Some(json)) => Self::Json(json),
                (_, None) => Self::Damaged(encoded()),
            },
        }
    }
}

impl PayloadDocument {
    pub(super) fn payload(&self) -> Result<Payload> {
        let decoded = |text: &str| STANDARD.decode(text).map_err(Error::terminal);
        Ok(match self {
            Self::Json(json) => Payload::from_json(json.get()),
            Self::JsonWithHeaders { headers, json } => {
                Payload::from_json(json.get()).with_headers(headers)
            }
            Self::Postcard(text) => Payload::from_parts(Codec::Postcard, decoded(text)?),
            Self::Damaged(text) => Payload::from_parts(Codec::Json, decoded(text)?),
        })
    }
}
