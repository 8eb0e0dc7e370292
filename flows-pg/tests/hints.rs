//! Hints between processes: heard soon, not by their sender, and made up for when they are lost.

mod common;

use common::*;
use flows_core::ids::RunKey;
use flows_core::store::traits::*;
use flows_core::store::{Hint, Next, RunStatus};
use flows_pg::PgStore;
use flows_pg::deadpool_postgres::{Manager, Pool};
use flows_pg::tokio_postgres::NoTls;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;
use uuid::Uuid;

const SOON: Duration = Duration::from_secs(5);

async fn next(hints: &mut UnboundedReceiver<Hint>) -> Hint {
    timeout(SOON, hints.recv()).await.expect("a hint, soon").expect("a listener")
}

/// A subscriber whose listener has its connection.
async fn listening(store: &PgStore) -> UnboundedReceiver<Hint> {
    let mut hints = store.subscribe().expect("hints");
    assert_eq!(next(&mut hints).await, Hint::Unsure, "what came before is unknown");
    hints
}

#[tokio::test]
async fn hints_reach_other_processes_and_not_their_sender() {
    let db = setup().await;
    let (here, there) = (db.another().await, db.another().await);
    let (mut own, mut other) = (listening(&here).await, listening(&there).await);
    let (worker, run) = (RunKey::new(Uuid::nil(), None).run, RunKey::new(Uuid::nil(), None).run);
    let hints = [
        Hint::Ready(vec![2, 9]),
        Hint::Messages(worker),
        Hint::Closed(vec![run]),
        Hint::Terminated(vec![RunKey::new(worker, None)]),
        Hint::Unsure,
    ];
    for hint in hints {
        here.publish(hint.clone());
        assert_eq!(next(&mut other).await, hint);
    }
    assert!(own.try_recv().is_err(), "heard itself");
}

#[tokio::test]
async fn many_hints_are_few_notifications() {
    let db = setup().await;
    let (here, there) = (db.another().await, db.another().await);
    let mut other = listening(&there).await;
    for number in 0..2000 {
        here.publish(Hint::Ready(vec![number % 16]));
        here.publish(Hint::Closed(vec![RunKey::new(Uuid::nil(), None).run]));
    }
    let (mut shards, mut closed, mut received) = (std::collections::BTreeSet::new(), 0, 0);
    while shards.len() < 16 || closed < 2000 {
        received += 1;
        match next(&mut other).await {
            Hint::Ready(some) => shards.extend(some),
            Hint::Closed(runs) => closed += runs.len(),
            Hint::Unsure => break,
            other => panic!("nobody said {other:?}"),
        }
    }
    assert!(received < 100, "{received} notifications");
}

#[tokio::test]
async fn a_lost_listener_comes_back_and_says_look() {
    let db = setup().await;
    let (here, there) = (db.another().await, db.another().await);
    let mut other = listening(&there).await;
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
               WHERE datname = current_database() AND application_name = 'flows listener'";
    assert_eq!(db.count_of(cut).await, 1);
    assert_eq!(next(&mut other).await, Hint::Unsure);
    here.publish(Hint::Ready(vec![1]));
    assert_eq!(next(&mut other).await, Hint::Ready(vec![1]));
}

#[tokio::test]
async fn a_lost_notifier_comes_back() {
    let db = setup().await;
    let (here, there) = (db.another().await, db.another().await);
    let mut other = listening(&there).await;
    here.publish(Hint::Ready(vec![1]));
    next(&mut other).await;
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
               WHERE datname = current_database() AND application_name = 'flows notifier'";
    assert_eq!(db.count_of(cut).await, 1);
    here.publish(Hint::Ready(vec![2])); // over the connection that is cut, and then over another one
    assert_eq!(next(&mut other).await, Hint::Ready(vec![2]));
}

#[tokio::test]
async fn more_hints_than_there_is_room_for_say_look() {
    let db = setup().await;
    let (here, there) = (db.another().await, db.another().await);
    let mut other = listening(&there).await;
    for _ in 0..100_000 {
        here.publish(Hint::Ready(vec![1])); // on this one thread, nobody sends meanwhile
    }
    let mut heard = Vec::new();
    while heard.last() != Some(&Hint::Unsure) {
        heard.push(next(&mut other).await);
        assert!(heard.len() < 100, "{heard:?}");
    }
}

#[tokio::test]
async fn a_records_side_effects_are_told_to_both_sides() {
    let db = setup().await;
    let worker = db.worker().await;
    let (mut own, there) = (listening(&db.store).await, db.another().await);
    let mut other = listening(&there).await;
    let key = db.owned(&worker).await;
    let child = run(None);
    let mut turn = record(key, 0, Next::Close(close(RunStatus::Completed)));
    turn.starts = vec![child.clone()];
    commit(&db.store, &worker, &[turn]).await;
    assert_eq!(next(&mut own).await, Hint::Ready(vec![child.key.shard]));
    assert_eq!(next(&mut other).await, Hint::Ready(vec![child.key.shard]));
}

#[tokio::test]
async fn on_the_applications_pool_a_process_hears_itself() {
    let db = setup().await;
    let manager = Manager::new(db.database.url().parse().unwrap(), NoTls);
    let store = PgStore::from_pool(Pool::builder(manager).max_size(4).build().unwrap());
    let worker = worker(LEASE);
    store.register(&worker).await.unwrap();
    let mut hints = store.subscribe().expect("hints");
    let (one, two) = (run(None), run(None));
    start(&store, &one).await;
    start(&store, &two).await;
    claim_all(&store, &worker).await;
    let mut turn = record(one.key, 0, Next::Close(close(RunStatus::Completed)));
    turn.messages = vec![signal(two.key, 1)];
    commit(&store, &worker, &[turn]).await;
    assert_eq!(next(&mut hints).await, Hint::Messages(worker.id));
}
