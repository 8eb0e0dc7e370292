//! Values that runs publish for queries: the last of each name, also after the end.

use super::bench::{Bench, completed, no_turn, park, turn};
use crate::ids::RunKey;
use crate::store::{Committed, Next, QueryValue, Record};

fn publishing(record: Record, values: &[(&str, &str)]) -> Record {
    let value = |(name, value): &(&str, &str)| QueryValue {
        name: (*name).to_owned(),
        value: (*value).to_owned(),
    };
    Record { queries: values.iter().map(value).collect(), ..record }
}

impl Bench {
    async fn value(&self, key: RunKey, name: &str) -> Option<String> {
        self.store.query(key, name).await.expect("a query")
    }
}

pub(super) async fn the_last_value_of_a_name_is_read(bench: Bench) {
    let worker = bench.worker().await;
    let key = bench.owned("order", &worker).await;
    assert_eq!(bench.value(key, "stage").await, None);
    let first = publishing(turn(key, 0, Next::Stay), &[("left", "[1, 2]"), ("stage", "1")]);
    let then = publishing(turn(key, 1, park()), &[("stage", r#"{"x": 2}"#)]);
    let last = publishing(turn(key, 2, completed()), &[("stage", "3")]);
    assert_eq!(worker.commit(first).await, Committed::Done);
    assert_eq!(bench.value(key, "stage").await.as_deref(), Some("1"));
    assert_eq!(worker.commit(then).await, Committed::Done);
    assert_eq!(bench.value(key, "stage").await.as_deref(), Some(r#"{"x": 2}"#));
    bench.send(key, "wakes it").await.expect("send");
    worker.claim(key).await;
    assert_eq!(worker.commit(last).await, Committed::Done);
    assert_eq!(bench.value(key, "stage").await.as_deref(), Some("3"), "it has ended");
    assert_eq!(bench.value(key, "left").await.as_deref(), Some("[1, 2]"));
    let elsewhere = RunKey { tenant: bench.other_tenant().tenant, ..key };
    assert_eq!(bench.value(elsewhere, "stage").await, None, "another tenant sees nothing");
}

pub(super) async fn a_record_that_only_publishes_is_kept(bench: Bench) {
    let worker = bench.worker().await;
    let key = bench.owned("order", &worker).await;
    let record = publishing(no_turn(key, 0, Next::Stay), &[("stage", "1")]);
    assert_eq!(worker.commit(record).await, Committed::Done);
    assert_eq!(bench.value(key, "stage").await.as_deref(), Some("1"));
    assert_eq!(bench.positions(key).await, [0_i32; 0]);
}

pub(super) async fn a_record_that_is_lost_publishes_nothing(bench: Bench) {
    let worker = bench.worker().await;
    let key = bench.owned("order", &worker).await;
    assert_eq!(worker.commit(turn(key, 0, Next::Stay)).await, Committed::Done);
    let again = publishing(turn(key, 0, Next::Stay), &[("stage", "1")]);
    assert_eq!(worker.commit(again).await, Committed::Lost);
    assert_eq!(bench.value(key, "stage").await, None);
}

/// Of a worker that does not know yet that it has lost the run.
pub(super) async fn an_older_value_does_not_replace_a_newer_one(bench: Bench) {
    let worker = bench.worker().await;
    let key = bench.owned("order", &worker).await;
    let newer = publishing(turn(key, 0, Next::Stay), &[("stage", "2")]);
    let older = publishing(no_turn(key, 0, Next::Stay), &[("stage", "1")]);
    assert_eq!(worker.commit(newer).await, Committed::Done);
    worker.commit(older).await;
    assert_eq!(bench.value(key, "stage").await.as_deref(), Some("2"));
}
