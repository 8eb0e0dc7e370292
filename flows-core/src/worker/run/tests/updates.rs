//! Updates: what is written of those that are accepted, and of those that are not.

use expect_test::expect;

use super::super::Input;
use super::stage::{Stage, activity, old_run, recorded, text, turn};
use crate::error::Error;
use crate::journal::{Event, StoredError};
use crate::replay::{Command, RefusedUpdate, Turn};
use crate::store::{InboxMessage, MessageKind, Page};

/// Messages of these numbers arrive, each an update.
fn arrive(stage: &mut Stage, seqs: &[i64]) {
    let update = |seq: &i64| InboxMessage {
        seq: *seq,
        kind: MessageKind::Update,
        name: "add".into(),
        payload: text(1),
    };
    let page = Page { messages: seqs.iter().map(update).collect(), more: None };
    let sent = seqs.last().copied().unwrap_or(0);
    stage.give(&format!("updates {seqs:?}"), Input::Collected { sent, page });
}

fn refused(id: &str) -> RefusedUpdate {
    RefusedUpdate { id: id.into(), error: StoredError::from(&Error::terminal("no")) }
}

fn replied(id: &str) -> Event {
    Event::UpdateReplied { id: id.into(), result: Ok(text(1)) }
}

/// A run that waits for updates.
fn waiting() -> Stage {
    let mut stage = Stage::live(old_run(1), vec![activity(0)]);
    stage.code(|fake| fake.awaits = &["add"]);
    stage.forget();
    stage
}

#[test]
fn an_answer_goes_with_its_event() {
    let mut stage = waiting();
    arrive(&mut stage, &[1]);
    stage.take().turned(Turn { marks: vec![recorded(replied("u"))], ..Turn::default() });
    stage.write().committed();
    stage.check(expect![[r#"
        updates [1]: work
        take:
          the code is given: update_received
        polled: commit
        write: row 1 ["update_received", "update_replied"], consumes 1, answers u
        committed:
    "#]]);
}

#[test]
fn a_refusal_is_an_answer_and_no_row() {
    let mut stage = waiting();
    arrive(&mut stage, &[1, 2]);
    stage.take().turned(Turn { refused: Some(Box::new(refused("u"))), ..Turn::default() });
    stage.write().take().turned(Turn { marks: vec![recorded(replied("v"))], ..Turn::default() });
    stage.committed().write().committed();
    stage.check(expect![[r#"
        updates [1, 2]: work
        take:
          the code is given: update_received
        polled: work, commit
        write: row 1 [], refuses 1, u
        take:
          the code is given: update_received
        polled:
        committed: commit
        write: row 1 ["update_received", "update_replied"], consumes 1, answers v
        committed:
    "#]]);
}

#[test]
fn what_nobody_asks_for_stays_until_it_is_taken() {
    let mut stage = waiting();
    stage.code(|fake| fake.awaits = &[]);
    arrive(&mut stage, &[1, 2, 3]);
    stage.take().write().attempt_ended(0).take();
    let taken = Event::UpdateTaken { op: 1, name: "add".into(), payload: text(1) };
    let refuse = Command::Refuse { seq: 1, refused: Box::new(refused("u")) };
    let marks = vec![recorded(taken), recorded(replied("v"))];
    stage.turned(Turn { marks, ..turn(vec![refuse, Command::Consume(2)]) });
    stage.write().committed();
    stage.check(expect![[r#"
        updates [1, 2, 3]: work
        take:
          the code is given: nothing
        write: nothing
        #0 ended: work
        take:
          the code is given: activity_completed
        polled: commit
        write: row 1 ["activity_completed", "update_taken", "update_replied"], consumes 1, refuses 1, u, answers v
        committed: idle 1
    "#]]);
}
