//! What administrators set for a role, or for a database: workers and clients do their work all the same,
//! or say what is in the way.

use flows::pg::Transaction;
use flows::pg::tokio_postgres::Client;
use flows::prelude::*;

use crate::scene::{connect, until, within};

#[signal]
struct Go {
    text: String,
}

/// It writes, and leaves the last words of its session.
#[activity(transaction, retry(max_attempts = 3, initial_interval = "10ms"))]
async fn charge(tx: &Transaction<'_>, cents: i64) -> Result<i64> {
    tx.execute("INSERT INTO accounts VALUES ($1)", &[&cents]).await?;
    Ok(cents)
}

#[activity]
async fn weigh(text: String) -> Result<f64> {
    Ok(text.len() as f64 / 3.0)
}

#[workflow]
async fn child(ctx: &WorkflowContext, text: String) -> Result<f64> {
    ctx.sleep(Duration::from_millis(10)).await?;
    weigh(ctx, text).await
}

#[workflow]
async fn order(ctx: &WorkflowContext) -> Result<(f64, i64)> {
    let go = ctx.receive::<Go>().await?;
    let weight = child(ctx, go.text).await?;
    Ok((weight, charge(ctx, 5).await?))
}

const TEXT: &str = "ünï\\'cödé € \u{1F680}";

/// All that clients do and all that workers do; what the transaction of an application's own and a
/// transactional activity end with.
async fn everything(url: &str, administrator: &Client) -> Result<[Option<Error>; 2]> {
    let engine = Engine::connect(url).await?;
    engine.migrate().await?;
    let worker = Worker::builder(&engine, register_all![order, child, weigh, charge])
        .lease(Duration::from_secs(2))
        .resident_for(Duration::from_millis(50));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let worker = worker.build()?;
    let serving = worker.run_until(stopped);
    let working = async {
        let parked = engine.start(order::Input {}).id("parked").await?;
        let rows = "SELECT count(*) FROM flows.parked";
        let is_parked = async || Ok(administrator.query_one(rows, &[]).await?.get::<_, i64>(0) > 0);
        until(is_parked).await?;
        let (ended, cancelled) =
            (engine.start(order::Input {}).await?, engine.start(order::Input {}).await?);
        ended.terminate("no more").await?;
        cancelled.cancel().await?;
        assert_eq!(cancelled.result().await.unwrap_err().kind(), ErrorKind::Cancelled);
        let mut client = connect(url).await?;
        let tx = client.transaction().await?;
        let within_tx = engine.start(order::Input {}).id("within").with_tx(&tx).await.err();
        tx.commit().await?;
        tokio::time::sleep(Duration::from_millis(1_500)).await; // longer than any of the limits
        parked.send(Go { text: TEXT.into() }).await?;
        let result = within("the result", 30, async { Ok(parked.result().await) }).await?;
        let in_activity = match result {
            Ok(result) => {
                assert_eq!(result, (TEXT.len() as f64 / 3.0, 5));
                None
            }
            Err(error) => Some(error),
        };
        assert!(engine.list().await?.len() >= 3);
        let again = engine.start(order::Input {}).id("parked");
        again.on_conflict(ConflictPolicy::TerminateExisting).await?.terminate("the end").await?;
        drop(stop);
        Ok::<_, Error>([within_tx, in_activity])
    };
    let (served, worked) = tokio::join!(serving, working);
    served?;
    worked
}

/// One setting, of the role in one database, and what must go well: all, but for what an application's
/// own transactions are refused with.
async fn holds(setting: &str, value: &str, refused: [&[&str]; 2]) -> Result<()> {
    let database = flows::pg::dev::fresh_database().await?;
    let url = database.url();
    let administrator = connect(database.superuser_url().unwrap_or(url)).await?;
    let version: String = administrator.query_one("SHOW server_version_num", &[]).await?.get(0);
    if setting == "transaction_timeout" && version.as_str() < "170000" {
        return Ok(()); // it has none
    }
    let accounts = "CREATE TABLE accounts (cents bigint)";
    connect(url).await?.batch_execute(accounts).await?;
    let (_, name) = url.rsplit_once('/').expect("a URL with a database");
    let alter = format!("ALTER ROLE app IN DATABASE {name} SET {setting} = '{value}'");
    administrator.batch_execute(&alter).await?;
    let show = format!("SHOW {setting}");
    let shown: String = connect(url).await?.query_one(&show, &[]).await?.get(0);
    assert!(shown == value || setting == "client_encoding", "{setting} is {shown}"); // each client has its own
    let errors = within(setting, 60, everything(url, &administrator)).await?;
    for (error, says) in errors.iter().zip(refused) {
        let said = error.as_ref().map_or_else(String::new, |error| format!("{error:#}"));
        assert_eq!(error.is_none(), says.is_empty(), "{setting}: {said}");
        assert!(says.iter().all(|words| said.contains(words)), "{setting}: {said}");
    }
    let written = administrator.query_one("SELECT count(*) FROM accounts", &[]).await?;
    assert_eq!(written.get::<_, i64>(0), i64::from(errors[1].is_none()), "{setting}");
    Ok(())
}

/// A test for each setting.
macro_rules! settings {
    ($($name:ident: $value:literal $(, in a transaction $tx:expr)? $(, in an activity $activity:expr)?;)*) => {$(
        #[tokio::test]
        async fn $name() -> Result<()> {
            #[allow(unused_mut, unused_assignments)]
            let mut refused: [&[&str]; 2] = [&[], &[]];
            $(refused[0] = &$tx;)?
            $(refused[1] = &$activity;)?
            holds(stringify!($name), $value, refused).await
        }
    )*};
}

settings! {
    statement_timeout: "1s";
    lock_timeout: "1s";
    idle_session_timeout: "500ms";
    idle_in_transaction_session_timeout: "500ms";
    transaction_timeout: "1s";
    default_transaction_isolation: "serializable", in a transaction ["READ COMMITTED"];
    default_transaction_read_only: "on", in a transaction ["READ WRITE"], in an activity ["read-only"];
    default_transaction_deferrable: "on";
    synchronous_commit: "off";
    session_replication_role: "replica";
    enable_seqscan: "off";
    enable_indexscan: "off";
    jit: "on";
    plan_cache_mode: "force_custom_plan";
    standard_conforming_strings: "off";
    bytea_output: "escape";
    client_encoding: "LATIN1";
    extra_float_digits: "-15";
    array_nulls: "off";
    transform_null_equals: "on";
}

/// Then the server refuses what is not all rows of a table, as for a dump.
#[tokio::test]
async fn row_security() -> Result<()> {
    let database = flows::pg::dev::fresh_database().await?;
    let url = database.url();
    let (_, name) = url.rsplit_once('/').expect("a URL with a database");
    let engine = Engine::connect(url).await?;
    engine.migrate().await?;
    let administrator = connect(database.superuser_url().unwrap_or(url)).await?;
    let alter = format!("ALTER ROLE app IN DATABASE {name} SET row_security = off");
    administrator.batch_execute(&alter).await?;
    let engine = Engine::connect(url).await?;
    let worker = Worker::builder(&engine, register_all![weigh]).build()?;
    let error = within("the end", 5, async { Ok(worker.run().await) }).await?.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
    assert!(error.message().contains("RESET row_security"), "{error}");
    Ok(())
}

#[tokio::test]
async fn date_style() -> Result<()> {
    holds("DateStyle", "SQL, DMY", [&[], &[]]).await
}

#[tokio::test]
async fn interval_style() -> Result<()> {
    holds("IntervalStyle", "sql_standard", [&[], &[]]).await
}

#[tokio::test]
async fn time_zone() -> Result<()> {
    holds("TimeZone", "Pacific/Apia", [&[], &[]]).await
}

/// A client may be slower between two statements than a default allows; the server waits for it all the same.
#[tokio::test]
async fn clients_that_think_for_longer_than_the_default() -> Result<()> {
    let database = flows::pg::dev::fresh_database().await?;
    let url = database.url();
    Engine::connect(url).await?.migrate().await?;
    let (_, name) = url.rsplit_once('/').expect("a URL with a database");
    let administrator = connect(database.superuser_url().unwrap_or(url)).await?;
    let alter = "SET idle_in_transaction_session_timeout = '5ms'";
    administrator.batch_execute(&format!("ALTER ROLE app IN DATABASE {name} {alter}")).await?;
    for _ in 0..5 {
        let engine = Engine::connect(url).await?; // each of which looks at the schema first
        let run = engine.start(order::Input {}).id("run").on_conflict(ConflictPolicy::UseExisting);
        let run = run.await?;
        run.send(Go { text: TEXT.into() }).await?;
        run.cancel().await?;
        assert_eq!(run.describe().await?.status, Status::Running);
        let running = engine.list().workflow("order").status(Status::Running);
        assert_eq!(running.await?.len(), 1);
        let next = engine.start(order::Input {}).id("next");
        next.on_conflict(ConflictPolicy::TerminateExisting).await?.terminate("enough").await?;
    }
    Ok(())
}

/// What is sent in a transaction of the application's is UTF-8, and what the application sends is what it has
/// said, before and after.
#[tokio::test]
async fn an_encoding_that_the_application_has_set() -> Result<()> {
    let database = flows::pg::dev::fresh_database().await?;
    let engine = Engine::connect(database.url()).await?;
    engine.migrate().await?;
    let mut client = connect(database.url()).await?;
    client.batch_execute("SET client_encoding = 'LATIN1'").await?;
    let tx = client.transaction().await?;
    let run = engine.start(child::Input { text: TEXT.into() }).id(TEXT).with_tx(&tx).await?;
    run.send(Go { text: TEXT.into() }).with_tx(&tx).await?;
    let encoding: String = tx.query_one("SHOW client_encoding", &[]).await?.get(0);
    assert_eq!(encoding, "LATIN1");
    tx.commit().await?;
    let found = engine.execution::<child::Workflow>(TEXT).describe().await?;
    assert_eq!(found.workflow_id, TEXT);
    let input = found.input.expect("an input").decode::<serde_json::Value>()?;
    assert_eq!(input["text"], TEXT);
    Ok(())
}

/// A worker that could open some of its connections only says so before it serves anything.
#[tokio::test]
async fn connection_limits() -> Result<()> {
    let database = flows::pg::dev::fresh_database().await?;
    let url = database.url();
    Engine::connect(url).await?.migrate().await?;
    let (_, server) = url.rsplit_once('@').expect("a URL with a role");
    let (_, name) = url.rsplit_once('/').expect("a URL with a database");
    let administrator = connect(database.superuser_url().unwrap_or(url)).await?;
    let role = format!("few_{name}");
    let create = format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'x'; GRANT flows_tenant, flows_worker TO {role}"
    );
    administrator.batch_execute(&create).await?;
    let few = format!("postgres://{role}:x@{server}");
    for limit in 1..=8 {
        let alter = format!("ALTER ROLE {role} CONNECTION LIMIT {limit}");
        administrator.batch_execute(&alter).await?;
        let engine = Engine::connect(&few).await?;
        let worker = Worker::builder(&engine, register_all![weigh, child]).build()?;
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let serving = worker.run_until(stopped);
        if limit < 8 {
            let error = within("the end", 10, async { Ok(serving.await) }).await?.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{limit}: {error}");
            let says = format!("may have {limit} connections here, and a worker needs at least 8");
            assert!(error.message().contains(&says), "{limit}: {error}");
        } else {
            drop(stop);
            within("the end", 10, serving).await?;
        }
        let gone = format!("FROM pg_stat_activity WHERE usename = '{role}'");
        drop((worker, engine));
        until(async || {
            let left = administrator.query_one(&format!("SELECT count(*) {gone}"), &[]).await?;
            Ok(left.get::<_, i64>(0) == 0)
        })
        .await?;
    }
    administrator.batch_execute(&format!("DROP ROLE {role}")).await?;
    Ok(())
}
