//! Somebody's open transaction: it holds up what it has touched, and nothing else.
//!
//! Each test first sees in the server's own tables that somebody waits for a lock.

#[path = "shared/waiting.rs"]
mod waiting;

use std::sync::atomic::{AtomicU32, Ordering};

use flows::pg::deadpool_postgres::{Manager, Pool};
use flows::pg::dev::{Database, fresh_database};
use flows::pg::tokio_postgres::{Client, NoTls};
use flows::pg::{Postgres, Transaction};
use flows::prelude::*;
use flows::{ErrorKind, Execution};
use flows_core::store::InTransaction;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use waiting::{Serving, until};

/// Those who want nothing that is held wait less than this. The transactions are held for as long as
/// the test likes, so that it is far from it.
const SOON: Duration = Duration::from_secs(2);

#[workflow]
async fn noop(_ctx: &WorkflowContext) -> Result<()> {
    Ok(())
}

#[workflow]
async fn receives(ctx: &WorkflowContext, signals: u32) -> Result<Vec<u32>> {
    let mut received = Vec::new();
    for _ in 0..signals {
        received.push(ctx.signal("n").await?);
    }
    Ok(received)
}

#[workflow]
async fn fails(_ctx: &WorkflowContext) -> Result<()> {
    Err(Error::terminal("on purpose"))
}

/// What the activities of a test do at its bidding.
#[derive(Default)]
struct Bidding {
    invoked: AtomicU32,
    began: Notify,
    go_on: Notify,
    /// Transactional activities that have had a connection.
    with_connection: watch::Sender<u32>,
}

#[activity]
async fn last(ctx: &ActivityContext) -> Result<u32> {
    let bidding = ctx.state::<std::sync::Arc<Bidding>>()?;
    let invoked = bidding.invoked.fetch_add(1, Ordering::SeqCst) + 1;
    bidding.began.notify_one();
    if invoked == 1 {
        bidding.go_on.notified().await;
    }
    Ok(invoked)
}

#[workflow]
async fn ends(ctx: &WorkflowContext) -> Result<u32> {
    last(ctx).await
}

#[workflow]
async fn parent(ctx: &WorkflowContext) -> Result<u32> {
    ends(ctx).await
}

/// Waits for a signal, after a recorded step.
#[workflow]
async fn steps_and_waits(ctx: &WorkflowContext) -> Result<u32> {
    let step = last(ctx).await?;
    Ok(step + ctx.signal::<u32>("n").await?)
}

struct Setup {
    database: Database,
    engine: Engine,
    bidding: std::sync::Arc<Bidding>,
    admin: Client,
}

async fn setup() -> Result<Setup> {
    let database = fresh_database().await?;
    let engine = Engine::connect(database.url()).await?;
    engine.migrate().await?;
    let admin = sql(database.superuser_url().unwrap_or(database.url())).await?;
    Ok(Setup { database, engine, bidding: Default::default(), admin })
}

async fn sql(url: &str) -> Result<Client> {
    let (client, connection) = flows::pg::tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

impl Setup {
    async fn sql(&self) -> Result<Client> {
        sql(self.database.url()).await
    }

    /// Waits until so many sessions wait for a lock.
    async fn until_waiting(&self, sessions: i64) -> Result<()> {
        let waiting = "SELECT count(*) FROM pg_stat_activity \
                       WHERE wait_event_type = 'Lock' AND datname = current_database()";
        until(async || Ok(self.admin.query_one(waiting, &[]).await?.get::<_, i64>(0) >= sessions))
            .await
    }

    /// Until records that are held were handed in so often.
    async fn until_tried_again(&self, times: u64) -> Result<()> {
        let tries = || self.engine.store().unwrap().counters().get("locked").copied().unwrap_or(0);
        until(async || Ok(tries() >= times)).await
    }

    fn serve(&self) -> Result<Serving> {
        let worker = Worker::builder(&self.engine, register_all!())
            .state(std::sync::Arc::clone(&self.bidding))
            .state(self.engine.clone())
            .lease(Duration::from_secs(2))
            .shutdown_grace(Duration::from_secs(1));
        Ok(Serving::begin(worker.build()?))
    }

    /// Starts, signals and whole runs of others, in this tenant and in another: how long the slowest
    /// took.
    async fn slowest_of_others(
        &self,
        bystander: &Execution<receives::Workflow>,
    ) -> Result<Duration> {
        let mut others = JoinSet::new();
        for number in 0..40_u32 {
            let tenant = match number % 2 {
                0 => self.engine.tenant(uuid::Uuid::nil()),
                _ => self.engine.tenant(uuid::Uuid::now_v7()),
            };
            let bystander = bystander.clone();
            others.spawn(async move {
                let begun = Instant::now();
                tenant.start(noop::Input {}).id(format!("other {}", uuid::Uuid::now_v7())).await?;
                bystander.signal("n", &number).await?;
                Ok::<_, Error>(begun.elapsed())
            });
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let mut slowest = Duration::ZERO;
        while let Some(took) = others.join_next().await {
            slowest = slowest.max(took??);
        }
        Ok(slowest)
    }
}

/// Held starts: with a worker in the process, whose starts go another way, and without.
async fn held_starts(with_worker: bool) -> Result<()> {
    let db = setup().await?;
    let serving = if with_worker { Some(db.serve()?) } else { None };
    let bystander = db.engine.start(receives::Input { signals: 9999 }).await?;
    let mut client = db.sql().await?;
    let tx = client.transaction().await?;
    db.engine.start(noop::Input {}).id("held").with_tx(&tx).await?;
    let mut same = JoinSet::new();
    for policy in
        [ConflictPolicy::Reject, ConflictPolicy::UseExisting, ConflictPolicy::TerminateExisting]
    {
        let start = db.engine.start(noop::Input {}).id("held").on_conflict(policy);
        same.spawn(async move { (policy, start.await.map(|exec| exec.run_id())) });
    }
    db.until_waiting(1).await?;
    let slowest = db.slowest_of_others(&bystander).await?;
    assert!(slowest < SOON, "others waited {slowest:?}");
    assert!(same.try_join_next().is_none(), "the id is held");
    tx.commit().await?;
    while let Some(done) = same.join_next().await {
        let (policy, answer) = done?;
        match policy {
            ConflictPolicy::Reject => {
                assert_eq!(answer.unwrap_err().kind(), ErrorKind::AlreadyExists);
            }
            _ => drop(answer?),
        }
    }
    if let Some(serving) = serving {
        serving.stop().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_start_holds_up_nobody_else() -> Result<()> {
    held_starts(false).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_start_holds_up_nobody_else_where_a_worker_takes_starts_in() -> Result<()> {
    held_starts(true).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_signal_holds_up_nobody_else() -> Result<()> {
    let db = setup().await?;
    let bystander = db.engine.start(receives::Input { signals: 9999 }).await?;
    let held = db.engine.start(receives::Input { signals: 12 }).await?;
    let mut client = db.sql().await?;
    let tx = client.transaction().await?;
    held.signal("n", &0).with_tx(&tx).await?;
    let mut same = JoinSet::new();
    for number in 1..=10 {
        same.spawn(held.signal("n", &number).into_future());
    }
    db.until_waiting(1).await?;
    let cancel = tokio::spawn(held.cancel().into_future());
    let slowest = db.slowest_of_others(&bystander).await?;
    assert!(slowest < SOON, "others waited {slowest:?}");
    assert!(same.try_join_next().is_none() && !cancel.is_finished(), "the run is held");
    tx.commit().await?;
    for sent in same.join_all().await {
        sent?;
    }
    cancel.await??;
    held.signal("n", &11).await?;
    let arrived = "SELECT count(*) FROM flows.inbox WHERE run_id = $1";
    client.batch_execute("SET ROLE flows_worker").await?;
    let arrived: i64 = client.query_one(arrived, &[&held.run_id()]).await?.get(0);
    assert_eq!(arrived, 13, "twelve signals and a request to cancel");
    let serving = db.serve()?;
    until(async || Ok(!held.describe().await?.status.is_open())).await?;
    serving.stop().await
}

/// Whatever wants what is held waits with a bound, and says what it waited for; whatever wants anything else
/// does not wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_wants_what_is_held_is_told_so() -> Result<()> {
    let db = setup().await?;
    let serving = db.serve()?;
    let dead = db.engine.start(fails::Input {}).id("dead").await?;
    dead.result().await.unwrap_err();
    serving.stop().await?;
    let open = db.engine.start(receives::Input { signals: 1 }).id("open").await?;
    let bystander = db.engine.start(receives::Input { signals: 9999 }).await?;
    let mut client = db.sql().await?;
    let tx = client.transaction().await?;
    db.engine.start(noop::Input {}).id("new").with_tx(&tx).await?;
    open.signal("n", &1).with_tx(&tx).await?;
    let lazily = || receives::Input { signals: 1 };
    db.engine.signal_with_start(lazily(), "n", &1).id("lazy").with_tx(&tx).await?;
    rerun_within(&db, &tx, dead.run_id()).await?;

    let engine = &db.engine;
    let (open_id, dead_id) = (open.run_id().to_string(), dead.run_id().to_string());
    let mut other = db.sql().await?;
    let second = other.transaction().await?;
    let begun = Instant::now();
    let (start, signal, cancel, end, replaced, again, within, lazy, others) = tokio::join!(
        engine.start(noop::Input {}).id("new").into_future(),
        open.signal("n", &2).into_future(),
        open.cancel().into_future(),
        open.terminate("no more"),
        engine
            .start(receives::Input { signals: 1 })
            .id("open")
            .on_conflict(ConflictPolicy::TerminateExisting)
            .into_future(),
        engine.rerun(dead.run_id()).into_future(),
        engine.start(noop::Input {}).id("new").with_tx(&second).into_future(),
        engine.signal_with_start(lazily(), "n", &2).id("lazy").into_future(),
        db.slowest_of_others(&bystander),
    );
    let took = begun.elapsed();
    let slowest = others?;
    assert!(slowest < SOON, "others waited {slowest:?}");
    let errors = [
        (start.err(), "workflow id `new`"),
        (signal.err(), open_id.as_str()),
        (cancel.err(), open_id.as_str()),
        (end.err(), open_id.as_str()),
        (replaced.err(), open_id.as_str()),
        (again.err(), dead_id.as_str()),
        (within.err(), "workflow id `new`"),
        (lazy.err(), "workflow id `lazy`"),
    ];
    for (error, what) in errors {
        let error = error.unwrap_or_else(|| panic!("{what} was not held"));
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        let message = error.message();
        assert!(message.contains(what) && message.contains("still open after 10 s"), "{message}");
    }
    let bounds = Duration::from_secs(9)..Duration::from_secs(25);
    assert!(bounds.contains(&took), "they waited {took:?}");
    Ok(())
}

async fn rerun_within(
    db: &Setup,
    tx: &impl InTransaction<Postgres>,
    dead: uuid::Uuid,
) -> Result<()> {
    db.engine.rerun(dead).with_tx(tx).await.map(drop)
}

/// A signal that is on its way while its run ends: the end waits for it, and nothing is done twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_held_at_its_end_is_invoked_once() -> Result<()> {
    let db = setup().await?;
    let serving = db.serve()?;
    let exec = db.engine.start(ends::Input {}).await?;
    db.bidding.began.notified().await;
    let mut client = db.sql().await?;
    let tx = client.transaction().await?;
    exec.signal("note", &1).with_tx(&tx).await?;
    db.bidding.go_on.notify_one();
    db.until_tried_again(10).await?;
    assert!(exec.try_result().await?.is_none(), "the run is held");
    let slowest = slowest_noop(&db).await?;
    assert!(slowest < SOON, "others waited {slowest:?}");
    tx.commit().await?;
    let begun = Instant::now();
    assert_eq!(exec.result().await?, 1);
    assert!(begun.elapsed() < SOON, "{:?} after the commit", begun.elapsed());
    assert_eq!(db.bidding.invoked.load(Ordering::SeqCst), 1);
    serving.stop().await
}

/// The slowest of fifty runs, one after the other.
async fn slowest_noop(db: &Setup) -> Result<Duration> {
    let mut slowest = Duration::ZERO;
    for _ in 0..50 {
        let begun = Instant::now();
        db.engine.start(noop::Input {}).await?.result().await?;
        slowest = slowest.max(begun.elapsed());
    }
    Ok(slowest)
}

/// A child ends while its parent is held: the child's end waits, others do not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parent_that_is_held_holds_up_its_child_alone() -> Result<()> {
    let db = setup().await?;
    let serving = db.serve()?;
    let exec = db.engine.start(parent::Input {}).await?;
    db.bidding.began.notified().await;
    let mut client = db.sql().await?;
    let tx = client.transaction().await?;
    exec.signal("note", &1).with_tx(&tx).await?;
    db.bidding.go_on.notify_one();
    db.until_waiting(1).await?;
    let slowest = slowest_noop(&db).await?;
    assert!(slowest < SOON, "others waited {slowest:?}");
    assert!(exec.try_result().await?.is_none());
    tx.rollback().await?;
    assert_eq!(exec.result().await?, 1);
    assert_eq!(db.bidding.invoked.load(Ordering::SeqCst), 1);
    serving.stop().await
}

/// A run that is held while it is to be parked goes on with what it has, and is parked later, also when
/// the transaction is rolled back and no signal comes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_held_is_parked_later() -> Result<()> {
    let db = setup().await?;
    let worker = Worker::builder(&db.engine, register_all!())
        .state(std::sync::Arc::clone(&db.bidding))
        .state(db.engine.clone())
        .resident_for(Duration::from_millis(50));
    let serving = Serving::begin(worker.build()?);
    let exec = db.engine.start(steps_and_waits::Input {}).await?;
    db.bidding.began.notified().await;
    let mut client = db.sql().await?;
    let tx = client.transaction().await?;
    exec.signal("other", &1).with_tx(&tx).await?;
    db.bidding.go_on.notify_one();
    db.until_waiting(1).await?;
    assert!(slowest_noop(&db).await? < SOON);
    tx.rollback().await?;
    let parked = "SELECT count(*) FROM flows.parked";
    until(async || Ok(db.admin.query_one(parked, &[]).await?.get::<_, i64>(0) > 0)).await?;
    exec.signal("n", &41).await?;
    assert_eq!(exec.result().await?, 42);
    assert_eq!(db.bidding.invoked.load(Ordering::SeqCst), 1);
    serving.stop().await
}

/// Its worker stops meanwhile: the run is handed back when it is free, and ends elsewhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_held_survives_its_worker() -> Result<()> {
    let db = setup().await?;
    let serving = db.serve()?;
    let exec = db.engine.start(ends::Input {}).await?;
    db.bidding.began.notified().await;
    let mut client = db.sql().await?;
    let tx = client.transaction().await?;
    exec.signal("note", &1).with_tx(&tx).await?;
    db.bidding.go_on.notify_one();
    db.until_waiting(1).await?;
    serving.stop().await?;
    let serving = db.serve()?;
    assert!(slowest_noop(&db).await? < SOON, "the next worker is not held up");
    tx.commit().await?;
    exec.result().await?;
    serving.stop().await
}

/// The lease of its worker is over meanwhile: what that has kept is not written any more, whoever takes
/// the run over invokes the activity once more, and the run ends once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_held_ends_once_though_its_lease_is_lost() -> Result<()> {
    let db = setup().await?;
    let serving = db.serve()?;
    let exec = db.engine.start(ends::Input {}).await?;
    db.bidding.began.notified().await;
    let mut client = db.sql().await?;
    let tx = client.transaction().await?;
    exec.signal("note", &1).with_tx(&tx).await?;
    db.bidding.go_on.notify_one();
    db.until_waiting(1).await?;
    let administrator = db.sql().await?;
    administrator.batch_execute("SET ROLE flows_worker").await?;
    let end = "UPDATE flows.workers SET expires_at = now() - interval '1 s' RETURNING worker_id";
    let old: uuid::Uuid = administrator.query_one(end, &[]).await?.get(0);
    let sessions = "SELECT count(*) FROM flows.workers WHERE worker_id <> $1";
    until(async || Ok(administrator.query_one(sessions, &[&old]).await?.get::<_, i64>(0) > 0))
        .await?;
    let other = db.serve()?;
    assert!(slowest_noop(&db).await? < SOON, "others do not wait");
    assert_eq!(db.bidding.invoked.load(Ordering::SeqCst), 1, "nobody can take the run over yet");
    tx.commit().await?;
    assert_eq!(exec.result().await?, 2, "what the old session had is not kept");
    assert_eq!(db.bidding.invoked.load(Ordering::SeqCst), 2);
    let history = exec.history().await?;
    let times = |kind| history.iter().filter(|event| event.kind == kind).count();
    assert_eq!([times("activity_completed"), times("run_completed")], [1, 1], "{history:?}");
    serving.stop().await?;
    other.stop().await
}

/// Terminated by the transaction that holds it: the run is lost to that, and its activity is not
/// invoked again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_may_be_ended_by_who_holds_it() -> Result<()> {
    let db = setup().await?;
    let serving = db.serve()?;
    let exec = db.engine.start(ends::Input {}).id("replaced").await?;
    db.bidding.began.notified().await;
    let mut client = db.sql().await?;
    let tx = client.transaction().await?;
    let replaced = db.engine.start(ends::Input {}).id("replaced");
    let next = replaced.on_conflict(ConflictPolicy::TerminateExisting).with_tx(&tx).await?;
    db.bidding.go_on.notify_one();
    db.until_waiting(1).await?;
    assert!(slowest_noop(&db).await? < SOON);
    assert_eq!(db.bidding.invoked.load(Ordering::SeqCst), 1);
    tx.commit().await?;
    assert_eq!(exec.result().await.unwrap_err().kind(), ErrorKind::Terminated);
    assert_eq!(next.result().await?, 2, "the new run has an invocation of its own");
    serving.stop().await
}

#[activity(transaction, retry(max_attempts = 1))]
async fn tells(ctx: &ActivityContext, tx: &Transaction<'_>) -> Result<()> {
    tx.query_one("SELECT 1", &[]).await?;
    let bidding = ctx.state::<std::sync::Arc<Bidding>>()?;
    bidding.with_connection.send_modify(|count| *count += 1);
    drop(bidding.with_connection.subscribe().wait_for(|count| *count >= 16).await); // all of the pool
    ctx.state::<Engine>()?.signal("target", "n", &1).await
}

#[workflow]
async fn told(ctx: &WorkflowContext) -> Result<()> {
    tells(ctx).await
}

/// Transactional activities have every connection of the pool, and all of them call the engine.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_do_not_wait_for_a_pool_that_their_callers_use_up() -> Result<()> {
    let db = setup().await?;
    let target = db.engine.start(receives::Input { signals: 20 }).id("target").await?;
    let serving = db.serve()?;
    let mut runs = Vec::new();
    let begun = Instant::now();
    for _ in 0..20 {
        runs.push(db.engine.start(told::Input {}).await?);
    }
    for run in runs {
        run.result().await?;
    }
    assert_eq!(target.result().await?.len(), 20);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    serving.stop().await
}

/// The application holds the only connection of its pool while it starts a run.
#[tokio::test]
async fn a_pool_of_one_is_enough_for_nested_calls() -> Result<()> {
    let db = setup().await?;
    let manager = Manager::new(db.database.url().parse()?, NoTls);
    let pool = Pool::builder(manager).max_size(1).build()?;
    let engine = Engine::from_pool(pool.clone());
    let mut client = pool.get().await?;
    let tx = client.transaction().await?;
    assert_eq!(pool.status().available, 0);
    engine.start(noop::Input {}).await?;
    tx.rollback().await?;
    Ok(())
}
