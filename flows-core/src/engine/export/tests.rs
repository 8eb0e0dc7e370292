//! Histories survive their way into a document and back; what cannot be read says why.

use std::time::UNIX_EPOCH;

use expect_test::{Expect, expect};
use uuid::Uuid;

use super::{Entry, History};
use crate::journal::{Event, Recorded, StepId, StoredError};
use crate::payload::{Codec, Payload};
use crate::store::RunStatus;
use crate::time::Timestamp;

fn step() -> StepId {
    StepId { op: 3, name: "charge".into(), input: u64::MAX - 1 }
}

fn stored(json: &str) -> StoredError {
    StoredError(json.into())
}

/// One of each kind, with the values that are hardest to write down.
fn every_kind() -> Vec<Event> {
    let json = || Payload::from_json(r#"{"a": [1.50, "\u00e9 é"],  "json": {"b":1}}"#);
    let postcard = Payload::from_parts(Codec::Postcard, vec![0, 255, 7]);
    let heartbeat = Some(Payload::from_json("not JSON"));
    vec![
        Event::RunStarted,
        Event::ActivityCompleted { step: step(), attempt: 2, output: json() },
        Event::ActivityFailed { step: step(), attempt: u32::MAX, error: stored(r#"{"kind":"x"}"#) },
        Event::ActivityAttemptFailed {
            step: step(),
            attempt: 1,
            error: stored("damaged"),
            retry_at: Timestamp::MAX,
            heartbeat,
        },
        Event::ActivityAttemptFailed {
            step: step(),
            attempt: 1,
            error: stored("\"text\""),
            retry_at: Timestamp(1),
            heartbeat: None,
        },
        Event::TimerFired { op: 0 },
        Event::SignalReceived { name: "go".into(), payload: postcard.clone() },
        Event::SignalReceived {
            name: "go".into(),
            payload: json().with_headers(&[("user", "ann")].into_iter().collect()),
        },
        Event::SideEffect { op: 9, value: Payload::from_json(" null ") },
        Event::CancelRequested { reason: "line\nbreak \"quoted\"".into() },
        Event::ChildStarted { step: step(), run: Uuid::from_u128(7) },
        Event::ChildClosed { op: 1, result: Ok(postcard) },
        Event::ChildClosed { op: 1, result: Err(stored("{}")) },
        Event::RunCompleted,
        Event::RunFailed { error: stored("") },
        Event::RunTerminated { reason: String::new() },
        Event::Patched { id: "tax".into() },
        Event::ChildCancelRequested { op: 3 },
        Event::ActivityPending {
            step: step(),
            attempt: 2,
            until: Timestamp(77),
            silence: Some(5),
            heartbeat: Some(Payload::from_json("1")),
        },
        Event::ActivityPending {
            step: step(),
            attempt: 2,
            until: Timestamp(77),
            silence: None,
            heartbeat: None,
        },
        Event::ActivityScheduled { step: step(), attempt: 2 },
        Event::ActivityHeartbeat { op: 4, attempt: 2, details: Payload::from_json("2") },
        Event::ChildSignalSent { op: 3, name: "hurry".into() },
        Event::ChildCancelSent { op: 3, reason: "too slow".into() },
        Event::Suspected { setbacks: -1 },
    ]
}

fn history(events: Vec<Event>) -> History {
    let entry = |(row, event)| Entry {
        row: i32::try_from(row).expect("a row"),
        recorded: Recorded { at: Timestamp(-1 + 1_893_456_000_000_001 * row as i64), event },
    };
    History {
        workflow: "order".into(),
        version: 2,
        run_id: Uuid::from_u128(1),
        tenant_id: Uuid::nil(),
        workflow_id: Some("order-42".into()),
        queue: "default".into(),
        attempt: 1,
        status: RunStatus::TimedOut,
        started_at: UNIX_EPOCH,
        headers: [("user", "ann")].into_iter().collect(),
        input: Payload::from_json(r#"{ "cents":  10 }"#),
        events: events.into_iter().enumerate().map(entry).collect(),
    }
}

#[test]
fn a_history_comes_back_as_it_was() {
    let before = history(every_kind());
    let json = before.to_json().expect("a document");
    let after = History::from_json(&json).expect("a history");
    assert_eq!(before, after, "{json}");
    let named: std::collections::BTreeSet<_> = after.kinds().collect();
    assert_eq!(named.len(), 21, "a kind is missing in this test: {named:?}");
}

#[test]
fn a_document_can_be_read_by_people() {
    let json = history(every_kind().into_iter().take(3).collect()).to_json().expect("a document");
    expect![[r#"
        {
          "format": 1,
          "workflow": "order",
          "version": 2,
          "run_id": "00000000-0000-0000-0000-000000000001",
          "tenant_id": "00000000-0000-0000-0000-000000000000",
          "workflow_id": "order-42",
          "queue": "default",
          "attempt": 1,
          "status": "timed_out",
          "started_at": "1970-01-01T00:00:00.000000Z",
          "headers": {
            "user": "ann"
          },
          "input": { "cents":  10 },
          "events": [
            {
              "row": 0,
              "at": -1,
              "kind": "run_started"
            },
            {
              "row": 1,
              "at": "2030-01-01T00:00:00.000000Z",
              "kind": "activity_completed",
              "operation": 3,
              "name": "charge",
              "input_hash": "fffffffffffffffe",
              "attempt": 2,
              "value": {
                "json": {"a": [1.50, "\u00e9 é"],  "json": {"b":1}}
              }
            },
            {
              "row": 2,
              "at": "2090-01-01T00:00:00.000001Z",
              "kind": "activity_failed",
              "operation": 3,
              "name": "charge",
              "input_hash": "fffffffffffffffe",
              "attempt": 4294967295,
              "error": {
                "json": {"kind":"x"}
              }
            }
          ]
        }
    "#]]
    .assert_eq(&json);
}

/// Changes a document's text, and shows what is said about it.
#[track_caller]
fn check(from: &str, to: &str, expected: Expect) {
    let json = history(every_kind()).to_json().expect("a document");
    assert!(json.contains(from), "{json}");
    let error = History::from_json(&json.replacen(from, to, 1)).expect_err("an error");
    expected.assert_eq(error.message());
}

#[test]
fn what_cannot_be_read_says_why() {
    check(
        "timer_fired",
        "planet_moved",
        expect![
            "this is no history that this build can read: event 6 (`planet_moved`): this build does not know such an event; use a build at least as new as the one that exported it"
        ],
    );
    check(
        "\"format\": 1",
        "\"format\": 2",
        expect![
            "this is no history that this build can read: it has format 2 and this build knows up to 1; use a build at least as new as the one that exported it"
        ],
    );
    check(
        "\"attempt\": 2,",
        "",
        expect![
            "this is no history that this build can read: event 2 (`activity_completed`): it has no `attempt`"
        ],
    );
    check(
        "AP8H",
        "A",
        expect![
            "this is no history that this build can read: event 7 (`signal_received`): Invalid input length: 1"
        ],
    );
    check(
        "1970-01-01T",
        "1970-99-01T",
        expect![
            "this is no history that this build can read: `1970-99-01T00:00:00.000000Z` is no time: numeric component is out of range"
        ],
    );
    check(
        "\"workflow\"",
        "\"wrkflow\"",
        expect![
            "this is no history that this build can read: missing field `workflow` at line 241 column 1"
        ],
    );
}
