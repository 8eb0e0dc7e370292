//! What a worker of another queue needs to run an attempt of an activity.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::{Error, ErrorKind, Result};
use crate::payload::Payload;
use crate::time::Timestamp;

/// An attempt as its worker reads it. What its call sets, also for the later attempts, holds on every worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TaskContent {
    /// The activity's name.
    pub(crate) activity: String,
    pub(crate) workflow_id: Option<String>,
    pub(crate) input: Payload,
    pub(crate) input_hash: u64,
    /// The run whose call this is, where its own run was forked from that one.
    pub(crate) called_by: Option<Uuid>,
    /// The run's headers, as JSON, if it has any.
    pub(crate) headers: Option<String>,
    /// When the activity was first asked for.
    pub(crate) scheduled_at: Timestamp,
    pub(crate) start_to_close: Option<Duration>,
    pub(crate) schedule_to_close: Option<Duration>,
    /// The details of the last heartbeat of the attempt before.
    pub(crate) heartbeat: Option<Payload>,
}

/// Tells what is read here from what another build may write.
const VERSION: u8 = 1;

impl TaskContent {
    pub(crate) fn encode(&self) -> Result<Vec<u8>> {
        let encoded = postcard::to_extend(self, vec![VERSION]);
        encoded.map_err(|error| unreadable(&error.to_string()))
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self> {
        match bytes.split_first() {
            Some((&VERSION, rest)) => {
                postcard::from_bytes(rest).map_err(|error| unreadable(&error.to_string()))
            }
            _ => Err(unreadable("it is of a newer build")),
        }
    }
}

fn unreadable(why: &str) -> Error {
    Error::new(ErrorKind::Codec, format!("cannot read an activity's task: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content() -> TaskContent {
        TaskContent {
            activity: "charge".into(),
            workflow_id: Some("order-1".into()),
            input: Payload::from_json("{\"cents\":1}"),
            input_hash: u64::MAX,
            called_by: Some(Uuid::from_u128(7)),
            headers: Some("{\"user\":\"ann\"}".into()),
            scheduled_at: Timestamp(-3),
            start_to_close: Some(Duration::from_micros(7)),
            schedule_to_close: None,
            heartbeat: Some(Payload::from_json("1")),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let bytes = content().encode().expect("bytes");
        assert_eq!(TaskContent::decode(&bytes).expect("a task"), content());
    }

    #[test]
    fn what_is_damaged_says_so() {
        let bytes = content().encode().expect("bytes");
        for damaged in [&[][..], &[9], &bytes[..bytes.len() - 1]] {
            let error = TaskContent::decode(damaged).expect_err("it is damaged");
            assert!(error.message().contains("an activity's task"), "{error}");
        }
    }
}
