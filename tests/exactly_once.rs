//! Transactional activities: their writes and their record are one commit, or neither is kept.

#[path = "shared/waiting.rs"]
mod waiting;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use flows::HistoryEvent;
use flows::pg::Transaction;
use flows::pg::dev::{Database, fresh_database};
use flows::pg::tokio_postgres::{Client, NoTls, connect};
use flows::prelude::*;

/// A database with tables of the application's, and an engine that serves every definition here.
struct Scene {
    database: Database,
    engine: Engine,
    client: Client,
}

impl Scene {
    async fn with(tables: &str) -> Result<Self> {
        let database = fresh_database().await?;
        let engine = Engine::connect(database.url()).await?;
        engine.migrate().await?;
        let client = client(database.url()).await?;
        client.batch_execute(tables).await?;
        Ok(Self { database, engine, client })
    }

    /// A worker runs for as long as this takes.
    async fn served<T>(&self, test: impl Future<Output = Result<T>>) -> Result<T> {
        let worker = Worker::builder(&self.engine, register_all!()).build()?;
        waiting::served(worker, test).await
    }

    /// Runs a workflow to its end: its result, and its history.
    async fn run<I: flows::WorkflowInput>(
        &self,
        input: I,
    ) -> Result<(Result<<I::Workflow as Workflow>::Output>, Vec<HistoryEvent>)> {
        self.served(async {
            let exec = self.engine.start(input).await?;
            let result = exec.result().await;
            Ok((result, exec.history().await?))
        })
        .await
    }

    /// The debits that were kept: cents and attempt.
    async fn debits(&self) -> Result<Vec<(i64, i64)>> {
        let rows = "SELECT cents, attempt FROM debits ORDER BY cents";
        let rows = self.client.query(rows, &[]).await?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }
}

async fn client(url: &str) -> Result<Client> {
    let (client, connection) = connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// How many events of a kind there are.
fn count(history: &[HistoryEvent], kind: &str) -> usize {
    history.iter().filter(|event| event.kind == kind).count()
}

const DEBITS: &str = "CREATE TABLE debits (cents bigint NOT NULL, attempt bigint NOT NULL)";

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
    let scene = Scene::with(DEBITS).await?;
    let meddles = |how: &str| scene.engine.start(meddles::Input { how: how.into() });
    scene
        .served(async {
            for how in
                ["ROLLBACK", "COMMIT", "COMMIT; BEGIN", "ROLLBACK; BEGIN", "COMMIT AND CHAIN"]
            {
                let error = meddles(how).await?.result().await.expect_err(how);
                assert!(error.is_terminal(), "{how}: {error:?}");
                let ended = "has ended the transaction that it was given";
                assert!(error.message().contains(ended), "{error}");
            }
            assert_eq!(scene.debits().await?.len(), 3, "each was invoked once");
            meddles("SAVEPOINT one; ROLLBACK TO one; RESET ALL").await?.result().await?;
            let error =
                meddles("SELECT 1 / 0").await?.result().await.expect_err("it divides by zero");
            assert_eq!(error.message(), "division by zero (22012)", "{error:#}");
            Ok(())
        })
        .await
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
    let mut scene = Scene::with(WATCH).await?;
    let (_, name) = scene.database.url().rsplit_once('/').expect("a URL with a database");
    let off = format!("ALTER DATABASE {name} SET synchronous_commit = off");
    scene.client.batch_execute(&off).await?;
    scene.engine = Engine::connect(scene.database.url()).await?;
    let (paid, _) = scene.run(pay::Input { first: 40, second: 2 }).await?;
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
    let scene = Scene::with(VANISH).await?;
    let (failed, history) = scene.run(vanishes::Input {}).await?;
    let failed = failed.expect_err("it never commits");
    assert_eq!(INVOKED.load(Ordering::SeqCst), 3, "{failed}");
    let kinds: Vec<_> = history.iter().map(|event| event.kind).collect();
    let (retried, failed) = ("activity_attempt_failed", "activity_failed");
    assert_eq!(kinds, ["run_started", retried, retried, failed, "run_failed"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_are_kept_with_the_record_and_only_then_g4() -> Result<()> {
    let scene = Scene::with(DEBITS).await?;
    let (paid, history) = scene.run(pay::Input { first: 40, second: 2 }).await?;
    assert_eq!(paid?, 42);
    let (failed, _) = scene.run(pay::Input { first: 0, second: 7 }).await?;
    assert_eq!(failed.unwrap_err().message(), "nothing to debit");
    assert_eq!(count(&history, "activity_completed"), 2, "{history:#?}");
    let mut debits = scene.debits().await?;
    debits.retain(|(cents, _)| *cents != 7);
    assert_eq!(debits, [(2, 3), (40, 3)], "the failed attempts left nothing");
    Ok(())
}

/// A table whose rows of a first attempt are refused at the commit.
const REFUSES_FIRST: &str = "
CREATE TABLE debits (cents bigint, attempt bigint);
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN RAISE 'not the first time' USING ERRCODE = 'serialization_failure'; END$$;
CREATE CONSTRAINT TRIGGER refuses AFTER INSERT ON debits DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.attempt = 1) EXECUTE FUNCTION refuse();";

/// Makes an error of every result.
struct Spoils;

impl flows::layer::ActivityLayer for Spoils {
    async fn around(
        &self,
        _: &ActivityContext,
        next: flows::layer::NextActivity,
    ) -> Result<flows::Payload> {
        let result = next.run().await;
        Err(result.err().unwrap_or_else(|| Error::terminal("spoilt")))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_committed_is_the_result_whatever_a_layer_makes_of_it() -> Result<()> {
    let scene = Scene::with(DEBITS).await?;
    let worker = Worker::builder(&scene.engine, register_all!()).activity_layer(Spoils).build()?;
    let paid = waiting::served(worker, async {
        let exec = scene.engine.start(pay::Input { first: 40, second: 2 }).await?;
        exec.result().await
    });
    assert_eq!(paid.await?, 42);
    assert_eq!(scene.debits().await?, [(2, 3), (40, 3)]);
    Ok(())
}

/// The record goes out together with its COMMIT: where that is refused, there is neither.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_committed_is_not_recorded_g4() -> Result<()> {
    let scene = Scene::with(REFUSES_FIRST).await?;
    let (result, history) = scene.run(books::Input {}).await?;
    assert_eq!(result?, 3, "the result of the attempt that was committed");
    assert_eq!(count(&history, "activity_completed"), 1);
    assert_eq!(scene.debits().await?, [(1, 3), (2, 3)]);
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
    const TABLES: &str = "
        CREATE TABLE debits (cents bigint, attempt bigint);
        GRANT ALL ON debits TO PUBLIC";
    const REFUSES: &str =
        "REVOKE EXECUTE ON FUNCTION pg_catalog.pg_advisory_unlock_all() FROM PUBLIC";
    let scene = Scene::with(TABLES).await?;
    let admin = scene.database.superuser_url().unwrap_or(scene.database.url());
    client(admin).await?.batch_execute(REFUSES).await?;
    let refused = scene.client.query("SELECT pg_advisory_unlock_all()", &[]).await;
    assert!(refused.is_err(), "the fault");

    let (invoked, history) = scene.run(deposits::Input {}).await?;
    assert_eq!(invoked?, 10, "each was invoked once");
    assert_eq!(count(&history, "activity_completed"), 10);
    let read_again = scene.engine.store().unwrap().counters().get("reload").copied();
    assert_eq!(read_again, None, "its worker knows that it is committed");
    let kept = scene.client.query_one("SELECT count(*) FROM debits", &[]).await?;
    assert_eq!(kept.get::<_, i64>(0), 10);
    Ok(())
}

static SEVERED: AtomicBool = AtomicBool::new(false);

/// Loses its connection behind its last statement, the first time.
#[activity(transaction, retry(initial_interval = "10ms"))]
async fn sever(ctx: &ActivityContext, tx: &Transaction<'_>, url: String) -> Result<u32> {
    let backend: i32 = tx.query_one("SELECT pg_backend_pid()", &[]).await?.get(0);
    if !SEVERED.swap(true, Ordering::Relaxed) {
        let client = client(&url).await?;
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
    let scene = Scene::with("").await?;
    let (attempt, _) = scene.run(severed::Input { url: scene.database.url().to_owned() }).await?;
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
    let client = client(admin).await?;
    client.batch_execute(NOTES).await?;
    client.batch_execute("GRANT ALL ON notes, noted TO PUBLIC").await?;
    client.batch_execute(include_str!("../flows-pg/tests/common/hostile.sql")).await?;
    let name: String = client.query_one("SELECT current_database()::text", &[]).await?.get(0);
    client.batch_execute(&format!("ALTER DATABASE \"{name}\" SET search_path = {HOSTILE}")).await?;

    let engine = Engine::connect(database.url()).await?;
    engine.migrate().await?;
    let worker = Worker::builder(&engine, register_all!()).build()?;
    let noting = async { engine.start(takes_notes::Input {}).await?.result().await };
    assert_eq!(waiting::served(worker, noting).await?, HOSTILE);
    let noted = client.query("SELECT path FROM notes", &[]).await?;
    assert_eq!(noted.iter().map(|row| row.get(0)).collect::<Vec<String>>(), [HOSTILE; 2]);
    Ok(())
}

#[tokio::test]
async fn without_postgres_the_error_says_so() {
    let store = std::sync::Arc::new(flows::memory::MemoryStore::new());
    let engine = flows_core::Engine::new(store);
    let worker = Worker::builder(&engine, register_all!()).build().unwrap();
    let paying = async { engine.start(pay::Input { first: 1, second: 1 }).await?.result().await };
    let error = waiting::served(worker, paying).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.message().contains("not kept in PostgreSQL"), "{error}");
}
