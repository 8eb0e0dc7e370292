//! Answers to updates: the first one stays, with the run and those that go on in its place.

use super::bench::{Bench, BenchWorker, completed, no_turn, turn};
use crate::error::Result;
use crate::ids::RunKey;
use crate::payload::Payload;
use crate::store::{
    Committed, MessageKind, Next, OutgoingMessage, Record, RunStatus, Sent, UpdateAnswer,
    UpdateState,
};

fn answer(update: &str, reply: &str, refuses: Option<i64>) -> UpdateAnswer {
    UpdateAnswer { update: update.into(), reply: Ok(reply.into()), refuses }
}

fn answering(record: Record, answers: &[UpdateAnswer]) -> Record {
    Record { answers: answers.to_vec(), ..record }
}

fn given(reply: &str) -> UpdateState {
    UpdateState::Answered(Ok(reply.into()))
}

impl Bench {
    async fn update(&self, key: RunKey, id: &str) -> UpdateState {
        let mut states = self.store.updates(&[(key, id.to_owned())]).await.expect("updates");
        states.pop().expect("a state")
    }

    /// Sends an update; gives its message's number.
    async fn ask(&self, worker: &BenchWorker, key: RunKey, dedup: Option<&str>) -> Result<i64> {
        let message = OutgoingMessage {
            to: key,
            kind: MessageKind::Update,
            name: "ask".into(),
            payload: Payload::json(&1)?,
            dedup: dedup.map(str::to_owned),
        };
        let sent = self.store.send(&[message]).await?.pop().expect("an answer")?;
        assert!(matches!(sent, Sent::ToOwner(_)), "{sent:?}");
        let collected = worker.collect().await;
        Ok(collected.last().and_then(|run| run.inbox.last()).expect("the message").seq)
    }
}

pub(super) async fn an_answer_is_kept_with_its_row(bench: Bench) {
    let worker = bench.worker().await;
    let key = bench.owned("order", &worker).await;
    assert_eq!(bench.update(key, "u").await, UpdateState::Open);
    let first =
        answering(turn(key, 0, Next::Stay), &[answer("u", "1", None), answer("v", "2", None)]);
    assert_eq!(worker.commit(first.clone()).await, Committed::Done);
    assert_eq!(bench.update(key, "u").await, given("1"));
    assert_eq!(bench.update(key, "v").await, given("2"));
    let lost = answering(turn(key, 0, Next::Stay), &[answer("w", "3", None)]);
    assert_eq!(worker.commit(lost).await, Committed::Lost);
    assert_eq!(bench.update(key, "w").await, UpdateState::Open, "it lost with its row");
    let error = UpdateAnswer { reply: Err("{}".into()), ..answer("u", "", None) };
    let second = answering(turn(key, 1, Next::Stay), &[error]);
    assert_eq!(worker.commit(second).await, Committed::Done);
    assert_eq!(bench.update(key, "u").await, given("1"), "the first answer stays");
    let elsewhere = RunKey { tenant: bench.other_tenant().tenant, ..key };
    assert_eq!(bench.update(elsewhere, "u").await, UpdateState::Unknown);
}

pub(super) async fn a_refusal_removes_its_message(bench: Bench) {
    let worker = bench.worker().await;
    let key = bench.owned("order", &worker).await;
    let seq = bench.ask(&worker, key, None).await.expect("sent");
    let refusal = answering(no_turn(key, 0, Next::Stay), &[answer("u", "1", Some(seq))]);
    assert_eq!(worker.commit(refusal).await, Committed::Done);
    assert_eq!(bench.update(key, "u").await, given("1"));
    assert_eq!(bench.positions(key).await, [0_i32; 0], "no row");
    let page = bench.store.read_inboxes(&[(key, 0)]).await.expect("a page");
    assert!(page[0].messages.is_empty(), "{page:?}");
    let again = answering(no_turn(key, 0, Next::Stay), &[answer("v", "1", Some(seq))]);
    worker.commit(again).await;
    assert_eq!(bench.update(key, "v").await, UpdateState::Open, "there is nothing to refuse");
}

/// Of a worker that does not know yet that it has lost the run.
pub(super) async fn a_refusal_of_who_does_not_own_the_run_is_nothing(bench: Bench) {
    let (worker, other) = (bench.worker().await, bench.worker().await);
    let key = bench.owned("order", &worker).await;
    let seq = bench.ask(&worker, key, None).await.expect("sent");
    let refusal = answering(no_turn(key, 0, Next::Stay), &[answer("u", "1", Some(seq))]);
    other.commit(refusal.clone()).await;
    let of_another_claim = Record { claim: Some(i64::MAX), ..refusal };
    worker.commit(of_another_claim).await;
    assert_eq!(bench.update(key, "u").await, UpdateState::Open);
    let page = bench.store.read_inboxes(&[(key, 0)]).await.expect("a page");
    assert_eq!(page[0].messages.len(), 1, "the message is still there");
}

pub(super) async fn the_end_is_the_answer_to_what_was_not_answered(bench: Bench) {
    let worker = bench.worker().await;
    let key = bench.owned("order", &worker).await;
    bench.ask(&worker, key, None).await.expect("sent");
    let answered = answering(turn(key, 0, Next::Stay), &[answer("u", "1", None)]);
    assert_eq!(worker.commit(answered).await, Committed::Done);
    assert_eq!(worker.commit(turn(key, 1, completed())).await, Committed::Done);
    assert_eq!(bench.update(key, "u").await, given("1"));
    assert_eq!(bench.update(key, "v").await, UpdateState::Ended(RunStatus::Completed, None));
    let view = bench.store.describe(key).await.expect("a view").expect("a run");
    assert_eq!(view.inbox, 0, "an update does not stay behind");
}
