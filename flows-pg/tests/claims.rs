//! Claims that name runs in advance: their journals and inboxes are asked for together with the claim,
//! by the later of two statements.

mod common;

use common::*;
use flows_core::ids::RunKey;
use flows_core::store::traits::*;
use flows_core::store::{Activation, Claim, WorkerIdentity};

const ALONG: &str = "loaded with its claim";

async fn woken(db: &Setup, worker: &WorkerIdentity) -> RunKey {
    let key = db.owned(worker).await;
    commit(&db.store, worker, &[record(key, 0, park())]).await;
    db.store.send(&[signal(key, 7)]).await.unwrap().remove(0).unwrap();
    key
}

async fn claim_expected(db: &Setup, worker: &WorkerIdentity, expected: RunKey) -> Vec<Activation> {
    let (shard, lanes) = (expected.shard, &worker.lanes);
    let claim = Claim { worker: worker.id, shard, lanes, limit: 9, expected: &[expected] };
    db.store.claim(claim).await.expect("a claim")
}

fn along(db: &Setup) -> u64 {
    db.store.counters().get(ALONG).copied().unwrap_or(0)
}

fn is_whole(run: &Activation) -> bool {
    run.journal == [b"events 0".to_vec()] && numbers(&run.inbox) == [7]
}

#[tokio::test]
async fn a_run_that_was_expected_is_read_along() {
    let db = setup().await;
    let worker = db.worker().await;
    let key = woken(&db, &worker).await;
    let found = claim_expected(&db, &worker, key).await;
    assert!(found.len() == 1 && is_whole(&found[0]), "{found:?}");
    assert_eq!(along(&db), 1);
}

/// What was read of a run that changed hands in between may be of any age. So it is not used.
#[tokio::test]
async fn a_run_that_is_lost_before_it_is_read_along_is_read_by_itself() {
    let db = setup().await;
    let worker = db.worker().await;
    let first = woken(&db, &worker).await; // both statements are prepared with it
    claim_expected(&db, &worker, first).await;
    let key = woken(&db, &worker).await;

    let holder = db.sql().await;
    holder.batch_execute("BEGIN; LOCK flows.journal IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let claiming = claim_expected(&db, &worker, key);
    let between = async {
        let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted \
                     AND relation = 'flows.journal'::regclass";
        db.until(waits, |count| count > 0).await;
        let taken = "UPDATE flows.owned SET claim = claim + 1000 WHERE run_id = $1";
        assert_eq!(db.sql().await.execute(taken, &[&key.run]).await.unwrap(), 1, "it was won");
        holder.batch_execute("COMMIT").await.unwrap();
    };
    let (found, ()) = tokio::join!(claiming, between);
    assert!(found.len() == 1 && is_whole(&found[0]), "{found:?}");
    assert_eq!(along(&db), 1, "that was the first one");
}
