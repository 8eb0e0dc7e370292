//! What a database refuses for good is said at once, with the way out, and ends a worker; what it
//! refuses for a while is tried again.

use flows::pg::dev::{Mode, PrivateServer};
use flows::pg::tokio_postgres::IsolationLevel;
use flows::prelude::*;

use crate::scene::{Scene, connect, nothing, pool, until, within};

/// A connection, a worker, and a migration: all say what is wrong, soon, and that it is no use to try again.
#[track_caller]
fn check(error: &Error, says: &[&str]) {
    assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
    assert!(!error.is_retryable());
    for words in says {
        assert!(error.message().contains(words), "{words} is not in: {error}");
    }
    let misplaced = ["docker", "apt-get", "DATABASE_URL"];
    assert!(!misplaced.iter().any(|words| error.message().contains(words)), "{error}");
}

async fn nothing_begins(url: &str, says: &[&str]) -> Result<()> {
    let connected = within("a connection", 5, async { Ok(Engine::connect(url).await) });
    check(&connected.await?.err().expect("it is refused"), says);
    let engine = Engine::from_pool(pool(url, 2));
    workers_end(&engine, says).await
}

async fn workers_end(engine: &Engine, says: &[&str]) -> Result<()> {
    let worker = Worker::builder(engine, register_all![nothing]).build()?;
    check(&within("the end", 5, async { Ok(worker.run().await) }).await?.unwrap_err(), says);
    let started = within("a start", 5, async { Ok(engine.start(nothing::Input {}).await) });
    check(&started.await?.unwrap_err(), says);
    Ok(())
}

#[tokio::test]
async fn who_may_not_come_in_is_told_so() -> Result<()> {
    let scene = Scene::set().await?;
    let url = scene.database.url();
    let (before, server) = url.rsplit_once('@').expect("a URL with a role");
    let (_, name) = server.rsplit_once('/').expect("a URL with a database");
    let wrong_password = format!("{before}x@{server}");
    nothing_begins(&wrong_password, &["password", "28P01", "connection string"]).await?;
    let (without_password, _) = before.rsplit_once(':').expect("a URL with a password");
    let no_password = format!("{without_password}@{server}");
    nothing_begins(&no_password, &["password missing", "PGPASSWORD"]).await?;
    let misspelt = format!("{url}?options=-c%20no_such_setting%3D1");
    nothing_begins(&misspelt, &["no_such_setting", "42704"]).await?;
    let missing = url.replace(name, "no_such_database");
    nothing_begins(&missing, &["no_such_database", "3D000", "create the database"]).await?;
    let revoke = format!(
        "REVOKE CONNECT ON DATABASE {name} FROM PUBLIC; CREATE ROLE no_{name} LOGIN PASSWORD 'x'"
    );
    scene.administrator.batch_execute(&revoke).await?;
    let stranger = format!("postgres://no_{name}:x@{server}");
    nothing_begins(&stranger, &["42501", "GRANT CONNECT"]).await?;
    scene.administrator.batch_execute(&format!("DROP ROLE no_{name}")).await?;
    Ok(())
}

#[tokio::test]
async fn a_transaction_that_cannot_be_used_is_refused() -> Result<()> {
    let scene = Scene::set().await?;
    let mut client = connect(scene.database.url()).await?;
    for level in [IsolationLevel::RepeatableRead, IsolationLevel::Serializable] {
        let tx = client.build_transaction().isolation_level(level).start().await?;
        let started = scene.engine.start(nothing::Input {}).with_tx(&tx).await;
        check(&started.unwrap_err(), &["READ COMMITTED"]);
        drop(tx.commit().await);
    }
    let tx = client.build_transaction().read_only(true).start().await?;
    let started = scene.engine.start(nothing::Input {}).with_tx(&tx).await;
    check(&started.unwrap_err(), &["read-only", "READ WRITE"]);
    drop(tx.commit().await);
    let tx = client.transaction().await?;
    scene.engine.start(nothing::Input {}).with_tx(&tx).await?;
    tx.commit().await?;
    assert_eq!(scene.count("FROM flows.runs").await?, 1, "that of the last transaction");
    Ok(())
}

/// A server that follows none, and still is a standby until it is promoted.
async fn demote(server: &PrivateServer) -> Result<()> {
    let administrator = connect(&server.superuser_url()).await?;
    let directory: String = administrator.query_one("SHOW data_directory", &[]).await?.get(0);
    std::fs::write(std::path::Path::new(&directory).join("standby.signal"), "")?;
    server.restart(Mode::Fast).await?;
    let administrator = connect(&server.superuser_url()).await?;
    let standby = administrator.query_one("SELECT pg_is_in_recovery()", &[]).await?;
    assert!(standby.get::<_, bool>(0), "it is a standby");
    Ok(())
}

#[tokio::test]
async fn a_standby_is_said_to_be_one_and_a_switchover_is_gone_along_with() -> Result<()> {
    let server = PrivateServer::start().await?;
    let engine = Engine::connect(&server.url()).await?;
    engine.migrate().await?;
    engine.start(nothing::Input {}).await?;
    demote(&server).await?;

    let says = ["this server is a standby", "primary"];
    let late = Engine::connect(&server.url()).await?;
    check(&late.migrate().await.unwrap_err(), &says);
    workers_end(&late, &says).await?;

    // what has worked before may work again
    let refused = within("a start", 10, async { Ok(engine.start(nothing::Input {}).await) });
    let error = refused.await?.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.message().contains("standby"), "{error}");
    let administrator = connect(&server.superuser_url()).await?;
    let pooled = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'flows'";
    let left = async || Ok(administrator.query_one(pooled, &[]).await?.get::<_, i64>(0) == 0);
    drop(late);
    until(left).await?;
    administrator.query("SELECT pg_promote()", &[]).await?;
    within("a start", 5, async { engine.start(nothing::Input {}).await }).await?;
    Ok(())
}
