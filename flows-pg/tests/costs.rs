//! What things cost, in statements and rows: independent of the machine.

mod common;

use common::*;
use flows_core::store::traits::*;
use flows_core::store::{Close, CloseChildren, ClosePolicy, Next, Parent, Record, RunStatus};
use flows_pg::PgStore;
use std::collections::BTreeMap;

/// The statements that `work` sent.
async fn sent(store: &PgStore, work: impl Future<Output = ()>) -> BTreeMap<&'static str, u64> {
    let before = store.counters();
    work.await;
    let mut after = store.counters();
    after.retain(|name, count| {
        *count -= before.get(name).unwrap_or(&0);
        *count > 0
    });
    after
}

#[tokio::test]
async fn an_idle_look_is_one_statement() {
    let db = setup().await;
    let worker = db.worker().await;
    let counts = sent(&db.store, async {
        for _ in 0..3 {
            db.store.poll(&worker).await.unwrap();
            db.store.renew(&worker).await.unwrap();
        }
    })
    .await;
    assert_eq!(counts, [("poll", 3), ("renew", 3), ("rows", 6)].into());
}

#[tokio::test]
async fn a_step_of_a_thousand_runs_is_one_statement_and_no_read() {
    let db = setup().await;
    let worker = db.worker().await;
    let runs = (0..1000).map(|_| run(None)).collect::<Vec<_>>();
    let counts = sent(&db.store, async {
        assert!(db.store.start(&runs).await.unwrap().iter().all(Result::is_ok));
    })
    .await;
    let expected = [("commit", 1), ("enter_tenant", 1), ("rows", 1001), ("start", 1)];
    assert_eq!(counts, expected.into());
    claim_all(&db.store, &worker).await;

    let step = |position, next: Next| {
        runs.iter().map(|run| record(run.key, position, next.clone())).collect::<Vec<_>>()
    };
    let counts = sent(&db.store, async {
        for position in 0..10 {
            commit(&db.store, &worker, &step(position, Next::Stay)).await;
        }
    })
    .await;
    assert_eq!(counts, [("append", 10)].into(), "ten steps of a thousand runs");

    let end = Next::Close(close(RunStatus::Completed));
    let counts =
        sent(&db.store, async { drop(commit(&db.store, &worker, &step(10, end)).await) }).await;
    assert_eq!(counts, [("turn", 1), ("rows", 1)].into());
}

#[tokio::test]
async fn parking_a_batch_is_one_round_trip() {
    let db = setup().await;
    let worker = db.worker().await;
    let mut runs = Vec::new();
    for _ in 0..10 {
        runs.push(db.owned(&worker).await);
    }
    let turns = runs.iter().map(|key| record(*key, 0, park())).collect::<Vec<_>>();
    let counts = sent(&db.store, async { drop(commit(&db.store, &worker, &turns).await) }).await;
    assert_eq!(counts, [("append", 1), ("commit", 1), ("park", 1), ("rows", 10)].into());
}

#[tokio::test]
async fn a_run_without_mail_is_claimed_without_reading_its_journal() {
    let db = setup().await;
    let worker = db.worker().await;
    let new = run(None);
    start(&db.store, &new).await;
    let counts =
        sent(&db.store, async { drop(claim(&db.store, &worker, new.key.shard).await) }).await;
    assert_eq!(counts, [("claim", 1), ("rows", 1)].into());
}

#[tokio::test]
async fn closing_is_a_hot_update() {
    let db = setup().await;
    let store = db.another().await;
    let worker = db.worker().await;
    for _ in 0..10 {
        let runs = (0..200).map(|_| run(None)).collect::<Vec<_>>();
        store.start(&runs).await.unwrap();
        claim_all(&store, &worker).await;
        let end = Next::Close(close(RunStatus::Completed));
        let ends = runs.iter().map(|run| record(run.key, 0, end.clone())).collect::<Vec<Record>>();
        commit(&store, &worker, &ends).await;
    }
    drop(store); // its connections end, and report what they did
    let row = "FROM pg_stat_user_tables WHERE relname = 'runs'";
    db.until(&format!("SELECT n_tup_upd {row}"), |updates| updates >= 2000).await;
    assert_eq!(db.count_of(&format!("SELECT n_tup_upd {row}")).await, 2000);
    let hot = db.count_of(&format!("SELECT n_tup_hot_upd {row}")).await;
    assert!(hot >= 1500, "{hot} of 2000 updates were HOT");
}

/// What the end of a parent of so many children sends.
async fn end_of_a_parent_of(children: usize) -> BTreeMap<&'static str, u64> {
    let db = setup().await;
    let parent = run(None);
    start(&db.store, &parent).await;
    let of = Parent { run: parent.key.run, op: 0, on_close: ClosePolicy::Terminate };
    let child = |_| run(None).with(|spec| spec.parent = Some(of));
    let runs = (0..children).map(child).collect::<Vec<_>>();
    assert!(db.store.start(&runs).await.unwrap().iter().all(Result::is_ok));
    let close = Close { children: CloseChildren::All, ..close(RunStatus::Terminated) };
    let counts = sent(&db.store, async {
        assert!(db.store.terminate(parent.key, b"ended", &close, &[]).await.unwrap());
    })
    .await;
    assert_eq!(db.count("inbox").await, i64::try_from(children).unwrap(), "each is told");
    counts
}

#[tokio::test]
async fn the_end_of_a_parent_costs_three_statements_for_a_thousand_children() {
    let each = ["open_children", "send", "hasten_children"];
    let of = |counts: BTreeMap<_, _>| each.map(|name| counts.get(name).copied().unwrap_or(0));
    assert_eq!(of(end_of_a_parent_of(0).await), [1, 0, 0]);
    assert_eq!(of(end_of_a_parent_of(500).await), [1, 1, 1]);
    assert_eq!(of(end_of_a_parent_of(2_500).await), [3, 3, 3]);
}
