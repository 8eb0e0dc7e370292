//! What an open transaction of the application's holds: the verbs answer that it is held, and do for
//! others what they were asked for.

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use common::*;
use flows_core::error::ErrorKind;
use flows_core::ids::RunKey;
use flows_core::store::traits::*;
use flows_core::store::{
    Claim, Committed, InTransaction, NewRun, Next, Park, RunStatus, Sent, Started, WorkerIdentity,
};
use flows_pg::PgStore;
use flows_pg::dev::fresh_database;
use tokio::time::Instant;
use uuid::Uuid;

/// What does not wait for a transaction takes less; one stays open until the test ends it.
const SOON: Duration = Duration::from_secs(3);

async fn soon<T>(verb: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, verb).await.expect("it waits for the transaction")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn starts_go_around_ids_that_are_held() {
    let db = setup().await;
    let tenants = [Uuid::nil(), Uuid::max()];
    let new = |number: usize| run_of(tenants[number % 2], Some(&format!("order {number}")));
    let mut runs = (0..300).map(new).collect::<Vec<_>>();
    start(&db.store, &new(50)).await;
    let mut client = plain(db.database.url()).await;
    let tx = client.transaction().await.unwrap();
    let held = [3, 4, 5, 150, 299];
    for number in held {
        assert_eq!(tx.verbs().start_one(&new(number)).await.unwrap(), Started::Created);
    }
    for owned in [false, true] {
        let worker = db.worker().await;
        let started = async {
            match owned {
                false => db.store.start(&runs).await,
                true => db.store.start_owned(worker.id, &runs).await,
            }
        };
        let started = soon(started).await.unwrap();
        for (number, answer) in started.into_iter().enumerate() {
            match number {
                50 => assert_eq!(answer.unwrap_err().kind(), ErrorKind::AlreadyExists),
                _ if held.contains(&number) => {
                    assert_eq!(answer.unwrap(), Started::Held, "{number}")
                }
                _ => assert_eq!(answer.unwrap(), Started::Created, "{number}"),
            }
        }
        let again = |run: &NewRun| NewRun {
            key: RunKey::of_run(run.key.tenant, run.key.run),
            ..run.clone()
        };
        runs = runs.iter().map(again).collect();
        for (number, run) in runs.iter_mut().enumerate() {
            if number != 50 && !held.contains(&number) {
                *run = run_of(run.key.tenant, Some(&format!("another {number}")));
            }
        }
    }
    let waiting = db.store.start_held(&runs[3], Duration::from_secs(60));
    let release = async {
        db.until_one_waits().await;
        tx.rollback().await.unwrap();
    };
    let (started, ()) = tokio::join!(waiting, release);
    assert_eq!(started.unwrap(), Started::Created);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_go_around_runs_that_are_held_and_keep_their_order() {
    let db = setup().await;
    let worker = db.worker().await;
    let mut runs = Vec::new();
    for _ in 0..40 {
        runs.push(db.owned(&worker).await);
    }
    let mut client = plain(db.database.url()).await;
    let tx = client.transaction().await.unwrap();
    tx.verbs().send_one(&signal(runs[7], 0)).await.unwrap();
    // as somebody does who knows the tables: a dedup key of another run
    let key = format!(
        "INSERT INTO flows.inbox_keys VALUES ({}, '{}', '{}', 'once')",
        runs[9].shard, runs[9].tenant, runs[9].run
    );
    let mut other = db.sql().await;
    let keys = other.transaction().await.unwrap();
    keys.batch_execute(&key).await.unwrap();

    let mut mail = Vec::new();
    for number in 1..=3 {
        mail.extend(runs.iter().map(|run| signal(*run, number)));
    }
    mail[9].dedup = Some("once".to_owned());
    let sent = soon(db.store.send(&mail)).await.unwrap();
    for (letter, answer) in mail.iter().zip(sent) {
        let is_held = letter.to == runs[7] || letter.to == runs[9];
        let expected = if is_held { Sent::Held } else { Sent::ToOwner(worker.id) };
        assert_eq!(answer.unwrap(), expected);
    }
    let nothing = db.store.send_held(&mail[7], Duration::from_millis(100)).await.unwrap();
    assert_eq!(nothing, Sent::Held, "nor was it sent after the limit");
    tx.commit().await.unwrap();
    keys.commit().await.unwrap();
    for letter in mail.iter().filter(|letter| letter.to == runs[7] || letter.to == runs[9]) {
        db.store.send_held(letter, SOON).await.unwrap();
    }
    for mail in db.store.collect(worker.id).await.unwrap() {
        let expected: &[u32] = match mail.run {
            run if run == runs[7] => &[0, 1, 2, 3],
            run if run == runs[9] => &[2, 3], // the first had been received, says its key
            _ => &[1, 2, 3],
        };
        assert_eq!(numbers(&mail.inbox), expected);
    }
}

/// Every way to be held, among others in one batch: by one's own place, by the place of one's parent in
/// each of the three places, by who terminates the run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_goes_around_records_that_are_held() {
    let db = setup().await;
    let worker = db.worker().await;
    let mut runs = Vec::new();
    for _ in 0..30 {
        runs.push(db.owned(&worker).await);
    }
    let (ready, parked, owned) = (run(None), db.owned(&worker).await, db.owned(&worker).await);
    let ended = db.owned(&worker).await;
    let end = record(ended, 0, Next::Close(close(RunStatus::Completed)));
    assert_eq!(commit(&db.store, &worker, &[end]).await, [Committed::Done]);
    let (free_ready, free_parked) = (run(None), db.owned(&worker).await);
    start(&db.store, &ready).await;
    start(&db.store, &free_ready).await;
    let puts = [move_only(parked, park()), move_only(free_parked, park())];
    assert_eq!(commit(&db.store, &worker, &puts).await, [Committed::Done, Committed::Done]);
    let mut client = plain(db.database.url()).await;
    let tx = client.transaction().await.unwrap();
    for key in [ready.key, parked, owned, runs[7], runs[8], runs[9]] {
        tx.verbs().send_one(&signal(key, 1)).await.unwrap();
    }
    assert!(
        tx.verbs().terminate(runs[10], b"t", &close(RunStatus::Terminated), &[]).await.unwrap()
    );

    let ends = |key: &RunKey| record(*key, 0, Next::Close(close(RunStatus::Completed)));
    let mut records = runs.iter().map(ends).collect::<Vec<_>>();
    records[8].next = park(); // which is not to be now, and its row is kept
    records[9].next = Next::Stay; // which needs no place
    records[10].next = Next::Stay; // and loses against who terminates, or does not
    let held = [(1, ready.key), (2, parked), (3, owned)];
    let free = [(4, ended), (5, free_ready.key), (6, free_parked), (11, runs[12])];
    for (number, to) in held.into_iter().chain(free) {
        records[number].messages = vec![signal(to, 2)];
    }
    let answers = soon(commit(&db.store, &worker, &records)).await;
    let mut held = Vec::new();
    for (number, answer) in answers.iter().enumerate() {
        let expected = match number {
            1 | 2 | 3 | 7 | 10 => Committed::Held,
            8 => Committed::NotParked,
            _ => Committed::Done,
        };
        assert_eq!(answer, &expected, "{number}");
        if *answer == Committed::Held {
            held.push(records[number].clone());
        }
    }
    assert_eq!(db.count("journal").await, 26);

    // handed in again, it is looked at and not waited for
    held.iter_mut().for_each(|record| record.held += 1);
    let written = || ["turn", "append", "send"].map(|name| db.store.counters()[name]);
    let before = written();
    assert_eq!(commit(&db.store, &worker, &held).await, vec![Committed::Held; 5]);
    assert_eq!(written(), before, "somebody waited again");
    tx.commit().await.unwrap();
    let answers = commit(&db.store, &worker, &held).await;
    let done = Committed::Done;
    assert_eq!(answers, [done.clone(), done.clone(), done.clone(), done, Committed::Lost]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_registers_although_a_stuck_run_is_held() {
    let db = setup().await;
    let first = db.worker().await;
    let (held, free) = (db.owned(&first).await, db.owned(&first).await);
    let stuck = |key| {
        let later = Some(flows_core::time::Timestamp(4_000_000_000_000_000));
        let park = Park { wake_at: later, setbacks: 1, ..Park::default() };
        let park = Park { stuck: Some("no code".into()), ..park };
        record(key, 0, Next::Park(park))
    };
    commit(&db.store, &first, &[stuck(held), stuck(free)]).await;
    let mut client = plain(db.database.url()).await;
    let tx = client.transaction().await.unwrap();
    assert_eq!(tx.verbs().send_one(&signal(held, 1)).await.unwrap(), Sent::Kept);
    let second = worker(LEASE);
    soon(db.store.register(&second)).await.expect("a lease");
    let (id, lanes) = (second.id, &*second.lanes);
    let claim = flows_core::store::ClaimStuck { worker: id, lanes, limit: 10, suspect: false };
    assert_eq!(db.store.claim_stuck(claim).await.unwrap()[0].key, free, "it has its chance");
    tx.commit().await.unwrap();
    db.store.register(&second).await.expect("a lease");
    assert_eq!(db.store.claim_stuck(claim).await.unwrap()[0].key, held);
    assert_eq!(db.places().await, (0, 2, 0));
}

/// Drops a request while it waits at the server, which does it all the same, unless it is cancelled in
/// time: then once more.
async fn lost(db: &Setup, worker: &WorkerIdentity, request: impl AsyncFn(), done: &str) {
    let mut admin = db.sql().await;
    for _ in 0..100 {
        db.store.poll(worker).await.unwrap(); // the connection is there, and all is made good
        let row = admin.transaction().await.unwrap();
        row.batch_execute("SELECT FROM flows.workers FOR UPDATE").await.unwrap();
        tokio::select! {
            biased;
            () = request() => panic!("it did not wait"),
            () = db.until_one_waits() => {}
        }
        row.rollback().await.unwrap();
        for _ in 0..50 {
            if db.count_of(done).await > 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    panic!("it is always cancelled in time");
}

/// A claim that never reached its worker, and a run of it that somebody holds: the worker's other
/// requests do not wait for that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_claim_that_is_held_does_not_hold_up_its_worker() {
    let db = setup().await;
    let worker = db.worker().await;
    let new = run(None);
    start(&db.store, &new).await;
    let shard = new.key.shard;
    let claim = Claim { worker: worker.id, shard, lanes: &worker.lanes, limit: 9, expected: &[] };
    let owned = "SELECT count(*) FROM flows.owned";
    lost(&db, &worker, async || drop(db.store.claim(claim).await), owned).await;
    let mut client = plain(db.database.url()).await;
    let tx = client.transaction().await.unwrap();
    tx.verbs().send_one(&signal(new.key, 1)).await.unwrap();
    let outlook = soon(db.store.poll(&worker)).await.expect("a look");
    assert!(outlook.ready.is_empty(), "{outlook:?}");
    tx.commit().await.unwrap();
    let outlook = db.store.poll(&worker).await.unwrap();
    assert_eq!(BTreeSet::from_iter(outlook.ready), BTreeSet::from([shard]), "it is given back");
    let found = db.store.claim(claim).await.unwrap();
    assert_eq!(numbers(&found[0].inbox), [1], "and what it has is read");
}

/// The same of a collect: the flag of what is held is raised when it is free.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_collect_that_is_held_is_made_good_later() {
    let db = setup().await;
    let worker = db.worker().await;
    let key = db.owned(&worker).await;
    db.store.send(&[signal(key, 1)]).await.unwrap().remove(0).unwrap();
    let lowered = "SELECT count(*) FROM flows.owned WHERE NOT has_messages";
    lost(&db, &worker, async || drop(db.store.collect(worker.id).await), lowered).await;
    let mut admin = db.sql().await;
    let holder = admin.transaction().await.unwrap();
    holder.batch_execute("SELECT FROM flows.owned FOR UPDATE").await.unwrap();
    assert!(!soon(db.store.poll(&worker)).await.expect("a look").messages);
    holder.rollback().await.unwrap();
    assert!(db.store.poll(&worker).await.expect("a look").messages, "it is told of its mail again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_says_what_it_waits_for() {
    let database = fresh_database().await.unwrap();
    let store = PgStore::connect(database.url()).await.unwrap();
    let mut client = plain(database.url()).await;
    let tx = client.transaction().await.unwrap();
    tx.batch_execute("CREATE SCHEMA flows").await.unwrap();
    let begun = Instant::now();
    let error = store.migrate().await.unwrap_err();
    assert!(begun.elapsed() >= Duration::from_secs(4), "it did not wait: {error}");
    assert!(error.message().contains("an open transaction has been using"), "{error}");
    assert!(error.message().contains("pg_stat_activity"), "{error}");
    tx.rollback().await.unwrap();
    store.migrate().await.unwrap();
}

/// Somebody alters a table: what only reads waits for the end of that, as the guide says.
#[tokio::test]
async fn reading_waits_for_a_table_that_is_locked() {
    let db = setup().await;
    let new = run(Some("x"));
    start(&db.store, &new).await;
    let holder = db.sql().await;
    holder.batch_execute("BEGIN; LOCK TABLE flows.runs").await.unwrap();
    let reading = async {
        let found = db.store.find(Uuid::nil(), "x").await.unwrap();
        (found, db.store.describe(new.key).await.unwrap().map(|view| view.key))
    };
    let mut reading = std::pin::pin!(reading);
    let waits = tokio::time::timeout(Duration::from_millis(200), reading.as_mut()).await;
    assert!(waits.is_err(), "it does not wait: {waits:?}");
    holder.batch_execute("COMMIT").await.unwrap();
    assert_eq!(soon(reading).await, (Some(new.key), Some(new.key)));
}
