//! A dump by the owner, who is no superuser: restored, open runs go on.

use std::path::PathBuf;
use std::process::Command;

use flows::pg::dev::{Database, fresh_database};
use flows::prelude::*;

#[activity]
async fn prepares() -> Result<String> {
    Ok("prepared".into())
}

#[workflow]
async fn waits(ctx: &WorkflowContext) -> Result<String> {
    let prepared = prepares(ctx).await?;
    let word: String = ctx.signal("go").await?;
    Ok(format!("{prepared}, {word}"))
}

/// A program of PostgreSQL that is at least as new as the server; none where it is not installed.
async fn program(name: &str, database: &Database) -> Option<PathBuf> {
    let (client, connection) =
        flows::pg::tokio_postgres::connect(database.url(), flows::pg::tokio_postgres::NoTls)
            .await
            .expect("a connection");
    tokio::spawn(connection);
    let row = client.query_one("SHOW server_version_num", &[]).await.expect("a version");
    let server: u32 = row.get::<_, &str>(0).parse().expect("a number");
    let installed = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let versions = installed.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let version = versions.filter(|version| *version >= server / 10_000).min()?;
    let path = PathBuf::from(format!("/usr/lib/postgresql/{version}/bin/{name}"));
    path.exists().then_some(path)
}

fn run(command: &mut Command) -> std::result::Result<(), String> {
    let output = command.output().map_err(|error| error.to_string())?;
    let said = || String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(()) } else { Err(said()) }
}

async fn serve<T>(engine: &Engine, work: impl Future<Output = Result<T>>) -> Result<T> {
    let worker = Worker::builder(engine, register_all!()).build()?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (served, value) = tokio::join!(worker.run_until(stopped), async {
        let value = work.await;
        drop(stop);
        value
    });
    served?;
    value
}

#[tokio::test]
async fn open_runs_of_a_dump_go_on_in_another_database() -> Result<()> {
    let (database, restored) = (fresh_database().await?, fresh_database().await?);
    let Some(pg_dump) = program("pg_dump", &database).await else {
        eprintln!("no pg_dump that is as new as the server");
        return Ok(());
    };
    let engine = Engine::connect(database.url()).await?;
    engine.migrate().await?;
    let half_way = engine.start(waits::Input {}).id("half-way").await?;
    serve(&engine, async {
        let prepared = async || -> Result<bool> {
            Ok(half_way.history().await?.iter().any(|event| event.kind == "activity_completed"))
        };
        while !prepared().await? {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    })
    .await?;
    half_way.signal("go", &"with its letter").await?;
    engine.start(waits::Input {}).id("new").await?;

    let file = std::env::temp_dir().join(format!("flows-backup-{}.dump", std::process::id()));
    let dump = |options: &str, more: &[&str]| {
        let mut command = Command::new(&pg_dump);
        command
            .env("PGOPTIONS", options)
            .args(more)
            .arg("--format=custom")
            .arg("--file")
            .arg(&file);
        run(command.arg(database.url()))
    };
    let refused = dump("", &[]).expect_err("the tables have forced row security");
    assert!(refused.contains("row-level security"), "{refused}");
    dump("-c flows.backup=on", &["--enable-row-security"]).expect("a dump");
    let pg_restore = pg_dump.with_file_name("pg_restore");
    let mut restore = Command::new(pg_restore);
    restore.args(["--exit-on-error", "--dbname", restored.url()]).arg(&file);
    run(&mut restore).expect("restored");
    std::fs::remove_file(&file)?;

    let engine = Engine::connect(restored.url()).await?;
    engine.migrate().await?;
    let [half_way, new]: [Execution<waits::Workflow>; 2] =
        ["half-way", "new"].map(|id| engine.execution(id));
    new.signal("go", &"afterwards").await?;
    let results = serve(&engine, async { Ok([half_way.result().await?, new.result().await?]) });
    assert_eq!(results.await?, ["prepared, with its letter", "prepared, afterwards"]);
    Ok(())
}
