//! Two sessions at one row: who waits for whom, who passes by, and what each sees then.
//!
//! The other session does by hand what a claim, a sender or a committer has done when it has not
//! committed yet.

mod common;

use std::cell::Cell;

use common::*;
use flows_core::ids::{RunKey, SHARDS};
use flows_core::store::traits::*;
use flows_core::store::{
    ClaimStuck, Committed, Next, Park, Placement, RunStatus, Sent, Started, WorkerIdentity,
};
use flows_core::time::Timestamp;
use flows_pg::tokio_postgres::Client;
use uuid::Uuid;

/// Another session, in a transaction in which it has done this.
async fn holding(db: &Setup, sql: &str) -> Client {
    let holder = db.sql().await;
    holder.batch_execute(&format!("BEGIN; {sql}")).await.expect("it can be done");
    holder
}

/// What comes of something that must wait until the other session has committed.
async fn behind<T>(db: &Setup, holder: &Client, verb: impl Future<Output = T>) -> T {
    let waited = Cell::new(false);
    let commit = async {
        db.until_one_waits().await;
        waited.set(true);
        holder.batch_execute("COMMIT").await.expect("the end");
    };
    let verb = async {
        let done = verb.await;
        assert!(waited.get(), "it did not wait");
        done
    };
    tokio::join!(verb, commit).0
}

/// A lease that is over when this returns.
async fn dead_worker(db: &Setup) -> WorkerIdentity {
    let worker = db.worker().await;
    let over = "UPDATE flows.workers SET expires_at = now() - interval '1 s' WHERE worker_id = $1";
    assert_eq!(db.sql().await.execute(over, &[&worker.id]).await.expect("a lease"), 1);
    worker
}

/// A claim of this run that has not committed yet.
fn claim_of(worker: &WorkerIdentity, run: RunKey) -> String {
    let (worker, run) = (worker.id, run.run);
    format!(
        "SELECT FROM flows.workers WHERE worker_id = '{worker}' FOR SHARE;
         WITH taken AS (DELETE FROM flows.ready WHERE run_id = '{run}' RETURNING *)
         INSERT INTO flows.owned (shard, tenant_id, run_id, worker_id, claim, lane, priority)
         SELECT shard, tenant_id, run_id, '{worker}', 1000, lane, priority FROM taken"
    )
}

fn lock(table: &str, run: RunKey) -> String {
    format!("SELECT FROM flows.{table} WHERE run_id = '{}' FOR UPDATE", run.run)
}

async fn is_ready(db: &Setup, run: RunKey) -> bool {
    let view = db.store.describe(run).await.expect("an answer").expect("a run");
    matches!(view.placement, Some(Placement::Ready { .. }))
}

/// Runs that this worker owns, of one shard, in the order of their ids.
async fn owned_pair(db: &Setup, worker: &WorkerIdentity) -> [RunKey; 2] {
    let first = db.owned(worker).await;
    loop {
        let second = db.owned(worker).await;
        if second.shard == first.shard {
            return [first, second];
        }
    }
}

fn owner(worker: Uuid) -> String {
    format!("SELECT count(*) FROM flows.workers WHERE worker_id = '{worker}'")
}

#[tokio::test]
async fn a_claim_waits_for_whoever_forgets_its_worker() {
    let db = setup().await;
    let worker = db.worker().await;
    let run = run(None);
    start(&db.store, &run).await;
    let holder = holding(&db, "DELETE FROM flows.workers").await;
    let claimed = behind(&db, &holder, claim(&db.store, &worker, run.key.shard)).await;
    assert!(claimed.is_empty(), "{claimed:?}");
    assert!(is_ready(&db, run.key).await);
}

#[tokio::test]
async fn a_start_of_an_own_run_waits_for_whoever_forgets_its_worker() {
    let db = setup().await;
    let worker = db.worker().await;
    let runs = [run(None)];
    let holder = holding(&db, "DELETE FROM flows.workers").await;
    let started = behind(&db, &holder, db.store.start_owned(worker.id, &runs)).await;
    assert!(matches!(started.expect("an answer")[..], [Ok(Started::Created)]));
    assert!(is_ready(&db, runs[0].key).await);
}

/// Else it lowers flags after they were raised again for the worker, which never hears of it.
#[tokio::test]
async fn a_collect_waits_for_whoever_gives_it_up() {
    let db = setup().await;
    let worker = db.worker().await;
    let key = db.owned(&worker).await;
    db.store.send(&[signal(key, 1)]).await.expect("an answer").remove(0).expect("sent");
    let holder = holding(&db, "UPDATE flows.workers SET void_up_to = 1000000").await;
    let collected = behind(&db, &holder, db.store.collect(worker.id)).await.expect("an answer");
    assert!(collected.is_empty(), "{collected:?}");
    assert!(db.store.poll(&worker).await.expect("a look").messages, "its flag stays up");
}

/// Else it owns runs after they were made ready again for the others, and the worker never hears of it.
#[tokio::test]
async fn a_claim_waits_for_whoever_gives_it_up() {
    let db = setup().await;
    let worker = db.worker().await;
    let stuck = db.owned(&worker).await;
    let wake_at = Some(Timestamp(0));
    let why = Park { stuck: Some("its code".into()), setbacks: 1, wake_at, ..Park::default() };
    commit(&db.store, &worker, &[record(stuck, 0, Next::Park(why))]).await;
    let new = run(None);
    start(&db.store, &new).await;
    let holder = holding(&db, "UPDATE flows.workers SET void_up_to = 1000000").await;
    let claimed = behind(&db, &holder, claim(&db.store, &worker, new.key.shard)).await;
    assert!(claimed.is_empty(), "{claimed:?}");
    let runs = [run(None)];
    let started = db.store.start_owned(worker.id, &runs).await;
    assert!(matches!(started.expect("an answer")[..], [Ok(Started::Created)]));
    assert!(is_ready(&db, new.key).await && is_ready(&db, runs[0].key).await);
    let of_stuck = ClaimStuck { worker: worker.id, lanes: &worker.lanes, limit: 9, suspect: false };
    let claimed = db.store.claim_stuck(of_stuck).await.expect("an answer");
    assert!(claimed.is_empty(), "{claimed:?}");
    db.sql().await.batch_execute("UPDATE flows.workers SET void_up_to = 0").await.expect("it may");
    assert_eq!(db.store.claim_stuck(of_stuck).await.expect("an answer").len(), 1);
}

#[tokio::test]
async fn a_claim_passes_by_what_another_takes() {
    let db = setup().await;
    let worker = db.worker().await;
    let [first, second] = owned_pair(&db, &worker).await;
    db.store.retire(worker.id, &[]).await.expect("all are ready");
    let other = db.worker().await;
    let holder = holding(&db, &lock("ready", first)).await;
    let claimed = claim(&db.store, &other, first.shard).await;
    let keys = claimed.iter().map(|run| run.key).collect::<Vec<_>>();
    assert!(keys.contains(&second) && !keys.contains(&first), "{keys:?}");
    holder.batch_execute("COMMIT").await.expect("the end");
    assert_eq!(claim(&db.store, &other, first.shard).await.len(), 1);
}

#[tokio::test]
async fn a_collect_passes_by_what_another_changes() {
    let db = setup().await;
    let worker = db.worker().await;
    let [first, second] = owned_pair(&db, &worker).await;
    for key in [first, second] {
        db.store.send(&[signal(key, 1)]).await.expect("an answer").remove(0).expect("sent");
    }
    let collect = async || {
        let collected = db.store.collect(worker.id).await.expect("has_messages");
        collected.into_iter().map(|has_messages| has_messages.run).collect::<Vec<_>>()
    };
    let holder = holding(&db, &lock("owned", first)).await;
    assert_eq!(collect().await, [second]);
    holder.batch_execute("COMMIT").await.expect("the end");
    assert_eq!(collect().await, [first], "its flag is up still");
}

#[tokio::test]
async fn a_look_passes_by_due_runs_that_another_wakes() {
    let db = setup().await;
    let worker = db.worker().await;
    let pair = owned_pair(&db, &worker).await;
    for key in pair {
        let park = Park { wake_at: Some(Timestamp(0)), ..Park::default() };
        let parks = Next::Park(Park { waiting_for: "a timer".into(), ..park });
        assert_eq!(commit(&db.store, &worker, &[record(key, 0, parks)]).await, [Committed::Done]);
    }
    let holder = holding(&db, &lock("parked", pair[0])).await;
    assert_eq!(db.store.poll(&worker).await.expect("a look").ready, [pair[0].shard]);
    assert!(is_ready(&db, pair[1]).await && !is_ready(&db, pair[0]).await);
    holder.batch_execute("COMMIT").await.expect("the end");
    db.store.poll(&worker).await.expect("a look");
    assert!(is_ready(&db, pair[0]).await);
}

/// The claim is committed first; its run is handed back with the others.
#[tokio::test]
async fn a_worker_that_retires_waits_for_its_claim() {
    let db = setup().await;
    let (worker, run) = (db.worker().await, run(None));
    start(&db.store, &run).await;
    let holder = holding(&db, &claim_of(&worker, run.key)).await;
    behind(&db, &holder, db.store.retire(worker.id, &[])).await.expect("retired");
    assert!(is_ready(&db, run.key).await, "it would be nobody's for ever");
    assert_eq!(db.count_of(&owner(worker.id)).await, 0);
}

/// A commit may be under way for as long as somebody holds one of its rows.
#[tokio::test]
async fn a_worker_that_retires_hands_back_what_is_free() {
    let db = setup().await;
    let worker = db.worker().await;
    let [held, free] = owned_pair(&db, &worker).await;
    let holder = holding(&db, &lock("owned", held)).await;
    db.store.retire(worker.id, &[]).await.expect("what can be handed back, is");
    assert!(is_ready(&db, free).await && !is_ready(&db, held).await);
    assert_eq!(db.count_of(&owner(worker.id)).await, 1, "whose lease will be over");
    holder.batch_execute("COMMIT").await.expect("the end");
    db.store.retire(worker.id, &[]).await.expect("the rest");
    assert!(is_ready(&db, held).await);
    assert_eq!(db.count_of(&owner(worker.id)).await, 0);
}

/// It comes too late and will find no lease; until then, nobody forgets its worker.
#[tokio::test]
async fn a_look_passes_by_a_dead_worker_whose_claim_is_under_way() {
    let db = setup().await;
    let (dead, alive, run) = (dead_worker(&db).await, db.worker().await, run(None));
    start(&db.store, &run).await;
    let holder = holding(&db, &claim_of(&dead, run.key)).await;
    db.store.poll(&alive).await.expect("it does not wait");
    assert_eq!(db.count_of(&owner(dead.id)).await, 1);
    holder.batch_execute("COMMIT").await.expect("the end");
    assert_eq!(db.store.poll(&alive).await.expect("a look").ready, [run.key.shard]);
    assert_eq!(db.count_of(&owner(dead.id)).await, 0);
}

/// Of two that look at once, one takes over.
#[tokio::test]
async fn a_dead_worker_is_taken_over_once() {
    let db = setup().await;
    let worker = db.worker().await;
    for _ in 0..50 {
        db.owned(&worker).await;
    }
    let over = "UPDATE flows.workers SET expires_at = now() - interval '1 s'";
    db.sql().await.batch_execute(over).await.expect("a lease");
    let mut lookers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (store, looker) = (db.another().await, common::worker(LEASE));
        lookers.spawn(async move {
            store.register(&looker).await.expect("a lease");
            store.poll(&looker).await.expect("a look");
            let mut claimed = Vec::new();
            for shard in 0..SHARDS {
                claimed.extend(claim(&store, &looker, shard).await);
            }
            claimed.len()
        });
    }
    assert!(lookers.join_all().await.iter().sum::<usize>() <= 50, "a run was claimed twice");
    let last = db.worker().await;
    db.store.poll(&last).await.expect("a look");
    claim_all(&db.store, &last).await;
    assert_eq!(db.places().await, (0, 50, 0));
}

/// The message comes first, and is seen.
#[tokio::test]
async fn a_park_waits_for_a_letter_under_way() {
    let db = setup().await;
    let worker = db.worker().await;
    let key = db.owned(&worker).await;
    let message = "UPDATE flows.owned SET has_messages = true, sent = sent + 1";
    let holder = holding(&db, message).await;
    let parks = [record(key, 0, park())];
    let parked = behind(&db, &holder, commit(&db.store, &worker, &parks)).await;
    assert_eq!(parked, [Committed::NotParked]);
}

/// The run is ready by then: a message that was only kept would not be read with its claim.
#[tokio::test]
async fn a_letter_waits_for_whoever_releases_a_stuck_run() {
    let db = setup().await;
    let worker = db.worker().await;
    let key = db.owned(&worker).await;
    let stuck = Park { stuck: Some("its code has changed".into()), ..Park::default() };
    commit(&db.store, &worker, &[record(key, 0, Next::Park(stuck))]).await;
    let released = "WITH gone AS (DELETE FROM flows.parked RETURNING *)
                    INSERT INTO flows.ready (shard, lane, priority, run_id, tenant_id, load)
                    SELECT shard, lane, priority, run_id, tenant_id, true FROM gone";
    let holder = holding(&db, released).await;
    let has_messages = [signal(key, 1)];
    let sent = behind(&db, &holder, db.store.send(&has_messages)).await.expect("an answer");
    assert!(matches!(sent[..], [Ok(Sent::ToReady)]), "{sent:?}");
    assert_eq!(numbers(&claim(&db.store, &worker, key.shard).await[0].inbox), [1]);
}

/// What it ends, it ends once, and the other is told.
#[tokio::test]
async fn an_end_waits_for_a_termination_under_way() {
    let db = setup().await;
    let worker = db.worker().await;
    let key = db.owned(&worker).await;
    let ended = "UPDATE flows.runs SET status = 4, closed_at = now()";
    let holder = holding(&db, ended).await;
    let ends = [move_only(key, Next::Close(close(RunStatus::Completed)))];
    let lost = behind(&db, &holder, commit(&db.store, &worker, &ends)).await;
    assert_eq!(lost, [Committed::Lost]);
}
