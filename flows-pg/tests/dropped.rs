//! Futures dropped at one await after another, and connections cut under them: what the database
//! did all the same is made good.

mod common;

use common::*;
use flows_core::store::traits::*;
use flows_core::store::{Claim, Committed, InTransaction, Next, Record, RunStatus, Started};
use std::collections::HashSet;
use std::time::Duration;

/// Rounds, each dropped at another await than the one before.
const ROUNDS: u64 = 100;
/// More awaits than a statement takes on a connection that is open.
const AWAITS: u64 = 12;

/// The output of a future, unless it has not ended before it is woken so many times: then it is
/// dropped with its answer.
async fn unless_dropped<F: Future>(awaits: u64, future: F) -> Result<F::Output, ()> {
    let (mut future, mut left) = (std::pin::pin!(future), awaits);
    std::future::poll_fn(|context| {
        if left == 0 {
            return std::task::Poll::Ready(Err(()));
        }
        left -= 1;
        future.as_mut().poll(context).map(Ok)
    })
    .await
}

#[tokio::test]
async fn a_dropped_claim_is_given_back() {
    let db = setup().await;
    let worker = db.worker().await;
    let mut in_vain = 0;
    for round in 0..ROUNDS {
        let new = run(None);
        start(&db.store, &new).await;
        let claim = Claim {
            worker: worker.id,
            shard: new.key.shard,
            lanes: &worker.lanes,
            limit: 9,
            expected: &[new.key],
        };
        let claimed = unless_dropped(round % AWAITS, db.store.claim(claim)).await;
        in_vain += u64::from(claimed.is_err() && db.count("owned").await > 0);
        if claimed.is_err() {
            assert_eq!(
                db.store.poll(&worker).await.unwrap().ready,
                [new.key.shard],
                "round {round}"
            );
            assert_eq!(db.store.claim(claim).await.unwrap().len(), 1);
        }
        let end = record(new.key, 0, Next::Close(close(RunStatus::Completed)));
        assert_eq!(commit(&db.store, &worker, &[end]).await, [Committed::Done]);
    }
    assert!(in_vain > 0, "no claim worked without its caller: the test drops too early");
    assert_eq!(db.places().await, (0, 0, 0));
}

/// Nobody took the run up, so the worker must not go on to own it.
#[tokio::test]
async fn a_dropped_start_of_an_own_run_makes_it_ready() {
    let db = setup().await;
    let worker = db.worker().await;
    let mut in_vain = 0;
    for round in 0..ROUNDS {
        let (first, new) = (run(None), run(None)); // the first opens the connection
        let mut open = vec![first.key];
        assert!(is_owned(db.store.start_owned(worker.id, &[first]).await.unwrap().remove(0)));
        let (key, runs) = (new.key, [new]);
        let start = db.store.start_owned(worker.id, &runs);
        if let Ok(started) = unless_dropped(round % AWAITS, start).await {
            assert!(is_owned(started.unwrap().remove(0)), "round {round}");
            open.push(key);
        } else if db.store.poll(&worker).await.unwrap().ready == [key.shard] {
            in_vain += 1;
            let claim = Claim {
                worker: worker.id,
                shard: key.shard,
                lanes: &worker.lanes,
                limit: 9,
                expected: &[],
            };
            assert_eq!(db.store.claim(claim).await.unwrap().len(), 1);
            open.push(key);
        } else {
            assert!(db.store.describe(key).await.unwrap().is_none(), "round {round}");
        }
        for key in open {
            let end = record(key, 0, Next::Close(close(RunStatus::Completed)));
            assert_eq!(commit(&db.store, &worker, &[end]).await, [Committed::Done]);
        }
    }
    assert!(in_vain > 0, "no start worked without its caller: the test drops too early");
    assert_eq!(db.places().await, (0, 0, 0));
}

fn is_owned(started: flows_core::Result<Started>) -> bool {
    matches!(started, Ok(Started::Owned { .. }))
}

#[tokio::test]
async fn a_dropped_collect_is_made_good() {
    let db = setup().await;
    let worker = db.worker().await;
    let key = db.owned(&worker).await;
    let (mut seen, mut in_vain) = (HashSet::new(), 0);
    for round in 0..ROUNDS {
        let number = u32::try_from(round).unwrap();
        db.store.send(&[signal(key, number)]).await.unwrap().remove(0).unwrap();
        let collected = unless_dropped(round % AWAITS, db.store.collect(worker.id)).await;
        let flags = "SELECT count(*) FROM flows.owned WHERE has_messages";
        in_vain += u64::from(collected.is_err() && db.count_of(flags).await == 0);
        let mail = match collected {
            Ok(mail) => mail.unwrap(),
            Err(_) => {
                assert!(db.store.poll(&worker).await.unwrap().messages, "round {round}");
                db.store.collect(worker.id).await.unwrap()
            }
        };
        seen.extend(numbers(&mail[0].inbox));
        assert!(seen.contains(&number), "round {round}");
        assert!(!db.store.poll(&worker).await.unwrap().messages);
    }
    assert!(in_vain > 0, "no collect worked without its caller: the test drops too early");
}

#[tokio::test]
async fn a_dropped_commit_is_whole_or_nothing() {
    let db = setup().await;
    let worker = db.worker().await;
    let (mut kept, mut dropped) = (0, 0);
    for round in 0..ROUNDS {
        let (key, child) = (db.owned(&worker).await, run(None));
        let mut turn = record(key, 0, park());
        turn.starts = vec![child.clone()];
        turn.messages = vec![signal(child.key, 1)];
        let turns = [turn];
        let commit = db.store.commit(0, worker.id, &turns);
        dropped += u64::from(unless_dropped(round, commit).await.is_err());
        db.until_none_runs().await; // the server may still be at it
        let recorded = db.store.history(key).await.unwrap().len() == 1;
        let child = db.store.describe(child.key).await.unwrap();
        let born = child.is_some_and(|run| run.inbox == 1);
        let parked = db.count("parked").await == 1;
        assert!(recorded == born && born == parked, "round {round}: {recorded} {born} {parked}");
        kept += u64::from(recorded);
        db.sql()
            .await
            .batch_execute("TRUNCATE flows.ready, flows.owned, flows.parked")
            .await
            .unwrap();
    }
    assert!(dropped > 10 && kept > 10, "{dropped} dropped, {kept} kept");
}

#[tokio::test]
async fn cut_connections_are_opened_again() {
    let db = setup().await;
    let worker = db.worker().await;
    let key = db.owned(&worker).await;
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
               WHERE datname = current_database() AND application_name LIKE 'flows%'";
    for round in 0..5 {
        assert_eq!(
            commit(&db.store, &worker, &[record(key, round, Next::Stay)]).await,
            [Committed::Done]
        );
        assert!(db.count_of(cut).await > 0);
        let left = "SELECT count(*) FROM pg_stat_activity \
                    WHERE datname = current_database() AND application_name LIKE 'flows%'";
        db.until(left, |count| count == 0).await;
        assert!(!db.store.renew(&worker).await.expect("a new connection").lapsed);
        assert_eq!(db.store.history(key).await.unwrap().len(), usize::try_from(round).unwrap() + 1);
    }
}

/// Whoever takes over a worker's runs holds its row; the lease is over by the time it is let go.
#[tokio::test]
async fn a_renewal_that_waited_for_a_takeover_comes_too_late() {
    let db = setup().await;
    let worker = worker(Duration::from_secs(2));
    db.store.register(&worker).await.expect("a lease");
    let other = db.sql().await;
    other.batch_execute("BEGIN; SELECT FROM flows.workers FOR UPDATE").await.expect("the row");
    let held = async {
        db.until_one_waits().await;
        let rest = "SELECT pg_sleep(extract(epoch FROM expires_at - clock_timestamp()) + 0.001) \
                    FROM flows.workers";
        other.batch_execute(rest).await.expect("time");
        other.batch_execute("COMMIT").await.expect("the end");
    };
    let (lease, ()) = tokio::join!(db.store.renew(&worker), held);
    assert!(lease.expect("an answer").lapsed);
}

#[tokio::test]
async fn a_deadlock_harms_nobody_for_long() {
    let db = setup().await;
    let worker = db.worker().await;
    let (one, two) = (db.owned(&worker).await, db.owned(&worker).await);
    let mut other = db.sql().await;
    let tx = other.transaction().await.unwrap();
    // somebody holds the place of the second, and wants that of the first
    let hold = "SELECT FROM flows.owned WHERE run_id = $1 FOR UPDATE";
    tx.execute(hold, &[&one.max(two).run]).await.unwrap();
    let ends = [one, two].map(|key| record(key, 0, Next::Close(close(RunStatus::Completed))));
    let (answers, ()) = tokio::join!(commit(&db.store, &worker, &ends), async {
        db.until_one_waits().await;
        drop(tx.execute(hold, &[&one.min(two).run]).await); // one of the two is the victim
        drop(tx.rollback().await);
    });
    for (end, answer) in ends.iter().zip(answers) {
        match answer {
            Committed::Held => {
                let again = [Record { held: 1, ..end.clone() }];
                assert_eq!(commit(&db.store, &worker, &again).await, [Committed::Done])
            }
            other => assert_eq!(other, Committed::Done),
        }
    }
    assert_eq!(db.places().await, (0, 0, 0));
}

/// The server that answers after a break may be another one, which lacks the last commits.
#[tokio::test]
async fn nothing_is_written_behind_a_row_that_the_server_has_lost() {
    let db = setup().await;
    let worker = db.worker().await;
    let key = db.owned(&worker).await;
    let turn = |position| Record { claim: Some(1), ..record(key, position, Next::Stay) };
    for position in 0..2 {
        assert_eq!(commit(&db.store, &worker, &[turn(position)]).await, [Committed::Done]);
    }
    let looked = || db.store.counters().get("bereft").copied().unwrap_or(0);
    assert_eq!(looked(), 0, "nothing is looked up as long as the connection lasts");

    let sql = db.sql().await;
    assert_eq!(sql.execute("DELETE FROM flows.journal WHERE position = 1", &[]).await.unwrap(), 1);
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    assert!(sql.query_one(cut, &[]).await.unwrap().get::<_, i64>(0) > 0);
    let mut answers = Err(());
    for _ in 0..10 {
        answers = db.store.commit(0, worker.id, &[turn(2)]).await.map_err(drop);
        if answers.is_ok() {
            break;
        }
    }
    assert_eq!(answers, Ok(vec![Committed::Lost]));
    assert_eq!(commit(&db.store, &worker, &[turn(1)]).await, [Committed::Done]);
    assert_eq!(looked(), 2);
    let recent = Record { claim: Some(i64::MAX), ..turn(2) };
    assert_eq!(commit(&db.store, &worker, &[recent]).await, [Committed::Done]);
    assert_eq!(looked(), 2, "what was read since is not looked at");
}

/// What the application sends next in its transaction is not the tenant's.
#[tokio::test]
async fn a_verb_dropped_in_a_transaction_leaves_the_tenant() {
    let db = setup().await;
    let mut client = plain(db.database.url()).await;
    let own = "SELECT current_user = session_user,
                      coalesce(current_setting('flows.tenant_id', true), '') || current_setting('lock_timeout')";
    let mut dropped = 0;
    for awaits in 1..AWAITS {
        let tx = client.transaction().await.unwrap();
        let new = run(None);
        dropped += u64::from(unless_dropped(awaits, tx.verbs().start_one(&new)).await.is_err());
        let row = tx.query_one(own, &[]).await.unwrap();
        assert!(row.get::<_, bool>(0), "the role stayed after {awaits} awaits");
        assert_eq!(row.get::<_, &str>(1), "0", "something stayed after {awaits} awaits");
        tx.commit().await.unwrap();
    }
    assert!(dropped > 2, "the test drops too late");
}
