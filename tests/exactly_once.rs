//! Transactional activities: their writes and their record are one commit, or neither is kept.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use flows::pg::Transaction;
use flows::pg::dev::fresh_database;
use flows::pg::tokio_postgres::NoTls;
use flows::prelude::*;

/// Writes, and then fails the first two times.
#[activity(transaction, retry(max_attempts = 5, initial_interval = "10ms"))]
async fn debit(ctx: &ActivityContext, tx: &Transaction<'_>, cents: i64) -> Result<i64> {
    let attempt = i64::from(ctx.attempt());
    tx.execute("INSERT INTO debits (cents, attempt) VALUES ($1, $2)", &[&cents, &attempt]).await?;
    if cents == 0 {
        return Err(Error::terminal("nothing to debit"));
    }
    if attempt < 3 {
        return Err(Error::retryable("try again"));
    }
    Ok(cents)
}

/// Gives a result that cannot be committed, the first two times: for what is checked at the commit,
/// and for a failed statement whose error it hides.
#[activity(transaction, retry(initial_interval = "10ms"))]
async fn book(ctx: &ActivityContext, tx: &Transaction<'_>) -> Result<u32> {
    let insert = "INSERT INTO debits (cents, attempt) VALUES (1, $1), (2, $1)";
    tx.execute(insert, &[&i64::from(ctx.attempt())]).await?;
    if ctx.attempt() == 2 {
        tx.batch_execute("SELECT 1 / 0").await.unwrap_or_default();
    }
    Ok(ctx.attempt())
}

#[workflow]
async fn books(ctx: &WorkflowContext) -> Result<u32> {
    book(ctx).await
}

#[workflow]
async fn pay(ctx: &WorkflowContext, first: i64, second: i64) -> Result<i64> {
    let (a, b) = flows::try_join!(debit(ctx, first), debit(ctx, second))?;
    Ok(a + b)
}

/// Ends its transaction by itself.
#[activity(transaction, retry(max_attempts = 5, initial_interval = "10ms"))]
async fn meddle(tx: &Transaction<'_>, how: String) -> Result<()> {
    tx.batch_execute("INSERT INTO debits (cents, attempt) VALUES (1, 1)").await?;
    tx.batch_execute(&how).await?;
    Ok(())
}

#[workflow]
async fn meddles(ctx: &WorkflowContext, how: String) -> Result<()> {
    meddle(ctx, how).await
}

/// Whatever it has done then, its result is not recorded as if its writes were kept with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_ends_its_transaction_has_failed() -> Result<()> {
    let database = fresh_database().await?;
    let engine = Engine::connect(database.url()).await?;
    engine.migrate().await?;
    let (client, connection) = flows::pg::tokio_postgres::connect(database.url(), NoTls).await?;
    tokio::spawn(connection);
    let table = "CREATE TABLE debits (cents bigint NOT NULL, attempt bigint NOT NULL)";
    client.batch_execute(table).await?;
    let worker = Worker::builder(&engine, register_all!()).build()?;
    let (_stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let served = tokio::spawn(async move { worker.run_until(stopped).await });
    for how in ["ROLLBACK", "COMMIT", "COMMIT; BEGIN", "ROLLBACK; BEGIN", "COMMIT AND CHAIN"] {
        let exec = engine.start(meddles::Input { how: how.into() }).await?;
        let error = exec.result().await.expect_err(how);
        assert!(error.is_terminal(), "{how}: {error:?}");
        assert!(error.message().contains("has ended the transaction that it was given"), "{error}");
    }
    let commits = client.query_one("SELECT count(*) FROM debits", &[]).await?.get::<_, i64>(0);
    assert_eq!(commits, 3, "each was invoked once");
    let harmless = "SAVEPOINT one; ROLLBACK TO one; RESET ALL";
    engine.start(meddles::Input { how: harmless.into() }).await?.result().await?;
    let wrong = engine.start(meddles::Input { how: "SELECT 1 / 0".into() }).await?;
    let error = wrong.result().await.expect_err("it divides by zero");
    assert_eq!(error.message(), "division by zero (22012)", "{error:#}");
    served.abort();
    Ok(())
}

/// Its commit waits for the disk, also where the application's do not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commit_is_durable_where_the_default_is_off() -> Result<()> {
    const WATCH: &str = "
        CREATE FUNCTION flows.must_be_durable() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF current_setting('synchronous_commit') = 'off' THEN
                RAISE EXCEPTION 'this commit does not wait for the disk' USING ERRCODE = '23514';
            END IF;
            RETURN NULL;
        END $$;
        CREATE CONSTRAINT TRIGGER must_be_durable AFTER INSERT ON flows.journal
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION flows.must_be_durable();
        CREATE TABLE debits (cents bigint NOT NULL, attempt bigint NOT NULL)";
    let database = fresh_database().await?;
    let engine = Engine::connect(database.url()).await?;
    engine.migrate().await?;
    let (client, connection) = flows::pg::tokio_postgres::connect(database.url(), NoTls).await?;
    tokio::spawn(connection);
    let (_, name) = database.url().rsplit_once('/').expect("a URL with a database");
    client.batch_execute(WATCH).await?;
    client.batch_execute(&format!("ALTER DATABASE {name} SET synchronous_commit = off")).await?;
    let engine = Engine::connect(database.url()).await?;
    let worker = Worker::builder(&engine, register_all!()).build()?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let test = async {
        let paid = engine.start(pay::Input { first: 40, second: 2 }).await?.result().await;
        drop(stop);
        paid
    };
    let (served, paid) = tokio::join!(worker.run_until(stopped), test);
    served?;
    assert_eq!(paid?, 42);
    Ok(())
}

/// Notes outside of its transaction that it was invoked; its COMMIT ends the session.
#[activity(transaction, retry(max_attempts = 3, initial_interval = "1ms"))]
async fn vanish(ctx: &ActivityContext, tx: &Transaction<'_>) -> Result<()> {
    INVOKED.fetch_add(1, Ordering::SeqCst);
    tx.execute("INSERT INTO vanishing VALUES ($1)", &[&i64::from(ctx.attempt())]).await?;
    Ok(())
}

static INVOKED: AtomicU32 = AtomicU32::new(0);

#[workflow]
async fn vanishes(ctx: &WorkflowContext) -> Result<()> {
    vanish(ctx).await
}

/// Nobody says whether such a commit was made. The journal does, and where it has no result, the attempt
/// has failed, and is one of those that are allowed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_whose_commit_is_not_answered_counts() -> Result<()> {
    const VANISH: &str = "
        CREATE TABLE vanishing (attempt bigint NOT NULL);
        CREATE FUNCTION vanish() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM pg_terminate_backend(pg_backend_pid());
            RETURN NULL;
        END $$;
        CREATE CONSTRAINT TRIGGER vanish AFTER INSERT ON vanishing
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION vanish()";
    let database = fresh_database().await?;
    let engine = Engine::connect(database.url()).await?;
    engine.migrate().await?;
    let (client, connection) = flows::pg::tokio_postgres::connect(database.url(), NoTls).await?;
    tokio::spawn(connection);
    client.batch_execute(VANISH).await?;
    let worker = Worker::builder(&engine, register_all!()).build()?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let test = async {
        let exec = engine.start(vanishes::Input {}).await?;
        let failed = exec.result().await.expect_err("it never commits");
        drop(stop);
        let history = exec.history().await?;
        let kinds: Vec<_> = history.iter().map(|event| event.kind).collect();
        Ok::<_, Error>((failed, kinds))
    };
    let (served, test) = tokio::join!(worker.run_until(stopped), test);
    served?;
    let (failed, kinds) = test?;
    assert_eq!(INVOKED.load(Ordering::SeqCst), 3, "{failed}");
    let (retried, failed) = ("activity_attempt_failed", "activity_failed");
    assert_eq!(kinds, ["run_started", retried, retried, failed, "run_failed"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_are_kept_with_the_record_and_only_then_g4() -> Result<()> {
    let database = fresh_database().await?;
    let engine = Engine::connect(database.url()).await?;
    engine.migrate().await?;
    let (client, connection) = flows::pg::tokio_postgres::connect(database.url(), NoTls).await?;
    tokio::spawn(connection);
    let table = "CREATE TABLE debits (cents bigint NOT NULL, attempt bigint NOT NULL)";
    client.batch_execute(table).await?;

    let worker = Worker::builder(&engine, register_all!()).build()?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let test = async {
        let paid = engine.start(pay::Input { first: 40, second: 2 }).await?;
        assert_eq!(paid.result().await?, 42);
        let failed = engine.start(pay::Input { first: 0, second: 7 }).await?;
        assert_eq!(failed.result().await.unwrap_err().message(), "nothing to debit");
        drop(stop);
        Ok::<_, Error>((paid.history().await?, failed.history().await?))
    };
    let (served, histories) = tokio::join!(worker.run_until(stopped), test);
    served?;
    let (paid, _) = histories?;

    let completed = paid.iter().filter(|event| event.kind == "activity_completed").count();
    assert_eq!(completed, 2, "{paid:#?}");
    let rows = "SELECT cents, attempt FROM debits WHERE cents <> 7 ORDER BY cents";
    let rows = client.query(rows, &[]).await?;
    let rows: Vec<(i64, i64)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(rows, [(2, 3), (40, 3)], "the failed attempts left nothing");
    Ok(())
}

/// A table whose rows of a first attempt are refused at the commit.
const REFUSES_FIRST: &str = "
CREATE TABLE debits (cents bigint, attempt bigint);
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN RAISE 'not the first time' USING ERRCODE = 'serialization_failure'; END$$;
CREATE CONSTRAINT TRIGGER refuses AFTER INSERT ON debits DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.attempt = 1) EXECUTE FUNCTION refuse();";

/// The record goes out together with its COMMIT: where that is refused, there is neither.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_committed_is_not_recorded_g4() -> Result<()> {
    let database = fresh_database().await?;
    let engine = Engine::connect(database.url()).await?;
    engine.migrate().await?;
    let (client, connection) = flows::pg::tokio_postgres::connect(database.url(), NoTls).await?;
    tokio::spawn(connection);
    client.batch_execute(REFUSES_FIRST).await?;

    let worker = Worker::builder(&engine, register_all!()).build()?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (served, history) = tokio::join!(worker.run_until(stopped), async {
        let run = engine.start(books::Input {}).await?;
        assert_eq!(run.result().await?, 3, "the result of the attempt that was committed");
        drop(stop);
        run.history().await
    });
    served?;
    let completed = |event: &&flows::HistoryEvent| event.kind == "activity_completed";
    assert_eq!(history?.iter().filter(completed).count(), 1);
    let attempts = client.query("SELECT cents, attempt FROM debits ORDER BY cents", &[]).await?;
    let attempts: Vec<(i64, i64)> = attempts.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(attempts, [(1, 3), (2, 3)]);
    Ok(())
}

static DEPOSITS: AtomicU32 = AtomicU32::new(0);

#[activity(transaction, retry(initial_interval = "10ms"))]
async fn deposit(tx: &Transaction<'_>) -> Result<u32> {
    tx.execute("INSERT INTO debits (cents) VALUES (-1)", &[]).await?;
    Ok(DEPOSITS.fetch_add(1, Ordering::Relaxed) + 1)
}

#[workflow]
async fn deposits(ctx: &WorkflowContext) -> Result<u32> {
    let mut last = 0;
    for _ in 0..10 {
        last = deposit(ctx).await?;
    }
    Ok(last)
}

/// What takes back what the body has set comes behind the COMMIT. Where the server refuses that, the session
/// is of no use any more; the result is committed, and nothing is done twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_behind_the_commit_takes_nothing_back() -> Result<()> {
    const REFUSES: &str = "
        CREATE TABLE debits (cents bigint, attempt bigint);
        GRANT ALL ON debits TO PUBLIC;
        REVOKE EXECUTE ON FUNCTION pg_catalog.pg_advisory_unlock_all() FROM PUBLIC";
    let database = fresh_database().await?;
    let engine = Engine::connect(database.url()).await?;
    engine.migrate().await?;
    let admin = database.superuser_url().unwrap_or(database.url());
    let (client, connection) = flows::pg::tokio_postgres::connect(admin, NoTls).await?;
    tokio::spawn(connection);
    client.batch_execute(REFUSES).await?;
    let (owner, connection) = flows::pg::tokio_postgres::connect(database.url(), NoTls).await?;
    tokio::spawn(connection);
    let refused = owner.query("SELECT pg_advisory_unlock_all()", &[]).await;
    assert!(refused.is_err(), "the fault");

    let worker = Worker::builder(&engine, register_all!()).build()?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (served, history) = tokio::join!(worker.run_until(stopped), async {
        let run = engine.start(deposits::Input {}).await?;
        let invoked = run.result().await;
        drop(stop);
        assert_eq!(invoked?, 10, "each was invoked once");
        run.history().await
    });
    served?;
    let completed = |event: &&flows::HistoryEvent| event.kind == "activity_completed";
    assert_eq!(history?.iter().filter(completed).count(), 10);
    let read_again = engine.store().counters().get("reload").copied();
    assert_eq!(read_again, None, "its worker knows that it is committed");
    let kept = client.query_one("SELECT count(*) FROM debits", &[]).await?;
    assert_eq!(kept.get::<_, i64>(0), 10);
    Ok(())
}

static SEVERED: AtomicBool = AtomicBool::new(false);

/// Loses its connection behind its last statement, the first time.
#[activity(transaction, retry(initial_interval = "10ms"))]
async fn sever(ctx: &ActivityContext, tx: &Transaction<'_>, url: String) -> Result<u32> {
    let backend: i32 = tx.query_one("SELECT pg_backend_pid()", &[]).await?.get(0);
    if !SEVERED.swap(true, Ordering::Relaxed) {
        let (client, connection) = flows::pg::tokio_postgres::connect(&url, NoTls).await?;
        tokio::spawn(connection);
        let ended = client.query_one("SELECT pg_terminate_backend($1, 60000)", &[&backend]).await?;
        assert!(ended.get::<_, bool>(0));
    }
    Ok(ctx.attempt())
}

#[workflow]
async fn severed(ctx: &WorkflowContext, url: String) -> Result<u32> {
    sever(ctx, url).await
}

/// Nothing of it can have been kept: that is one failed attempt, as of an activity without a
/// transaction, and no reason to read the run again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_breaks_before_the_commit_is_a_failed_attempt() -> Result<()> {
    let database = fresh_database().await?;
    let engine = Engine::connect(database.url()).await?;
    engine.migrate().await?;
    let worker = Worker::builder(&engine, register_all!()).build()?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (served, attempt) = tokio::join!(worker.run_until(stopped), async {
        let run = engine.start(severed::Input { url: database.url().to_owned() }).await?;
        let attempt = run.result().await;
        drop(stop);
        attempt
    });
    served?;
    assert_eq!(attempt?, 2);
    Ok(())
}

const HOSTILE: &str = "evil, pg_catalog, public";
/// Notes the search path of the commit, beside that of the body.
const NOTES: &str = "
CREATE TABLE notes (path text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN INSERT INTO public.notes VALUES (pg_catalog.current_setting('search_path')); RETURN NULL; END$$;
CREATE TABLE noted (path text);
CREATE CONSTRAINT TRIGGER notes AFTER INSERT ON noted DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION note();";

#[activity(transaction, retry(max_attempts = 1))]
async fn notes(tx: &Transaction<'_>) -> Result<String> {
    let path: String = tx.query_one("SHOW search_path", &[]).await?.get(0);
    tx.execute("INSERT INTO public.noted VALUES ($1)", &[&path]).await?;
    Ok(path)
}

#[workflow]
async fn takes_notes(ctx: &WorkflowContext) -> Result<String> {
    notes(ctx).await?;
    notes(ctx).await
}

/// The statements around a body mean what they say, and it has the application's search path.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_search_path_is_for_the_body_alone() -> Result<()> {
    let database = fresh_database().await?;
    let admin = database.superuser_url().unwrap_or(database.url());
    let (client, connection) = flows::pg::tokio_postgres::connect(admin, NoTls).await?;
    tokio::spawn(connection);
    client.batch_execute(NOTES).await?;
    client.batch_execute("GRANT ALL ON notes, noted TO PUBLIC").await?;
    client.batch_execute(include_str!("../flows-pg/tests/common/hostile.sql")).await?;
    let name: String = client.query_one("SELECT current_database()::text", &[]).await?.get(0);
    client.batch_execute(&format!("ALTER DATABASE \"{name}\" SET search_path = {HOSTILE}")).await?;

    let engine = Engine::connect(database.url()).await?;
    engine.migrate().await?;
    let worker = Worker::builder(&engine, register_all!()).build()?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (served, path) = tokio::join!(worker.run_until(stopped), async {
        let path = engine.start(takes_notes::Input {}).await?.result().await;
        drop(stop);
        path
    });
    served?;
    assert_eq!(path?, HOSTILE);
    let noted = client.query("SELECT path FROM notes", &[]).await?;
    assert_eq!(noted.iter().map(|row| row.get(0)).collect::<Vec<String>>(), [HOSTILE; 2]);
    Ok(())
}

#[tokio::test]
async fn without_postgres_the_error_says_so() {
    let store = std::sync::Arc::new(flows::memory::MemoryStore::new());
    let engine = flows_core::Engine::new(store);
    let worker = Worker::builder(&engine, register_all!()).build().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (_, error) = tokio::join!(worker.run_until(stopped), async {
        let exec = engine.start(pay::Input { first: 1, second: 1 }).await.unwrap();
        let error = exec.result().await.unwrap_err();
        drop(stop);
        error
    });
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.message().contains("not kept in PostgreSQL"), "{error}");
}
