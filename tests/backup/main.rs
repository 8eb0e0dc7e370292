//! What `docs/src/backup.md` says: open runs go on after a restore, in another cluster, at an earlier
//! moment, and after a move by replication.

mod earlier;
mod replicated;
#[path = "../shared/waiting.rs"]
mod waiting;

use std::path::PathBuf;
use std::process::Command;

use flows::pg::dev::{Database, PrivateServer, fresh_database};
use flows::pg::tokio_postgres::{Client, NoTls, connect};
use flows::prelude::*;

use waiting::{served, until};

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

async fn client(url: &str) -> Client {
    let (client, connection) = connect(url, NoTls).await.expect("a connection");
    tokio::spawn(connection);
    client
}

/// A program of PostgreSQL that is at least as new as the server; none where it is not installed.
async fn program(name: &str, database: &Database) -> Option<PathBuf> {
    let row = client(database.url())
        .await
        .query_one("SHOW server_version_num", &[])
        .await
        .expect("a version");
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
    served(worker, work).await
}

/// Two runs in a dump by the owner, who is no superuser: one has a result and a letter, one is new.
struct Dumped {
    file: PathBuf,
    pg_restore: PathBuf,
}

impl Dumped {
    /// Nothing, where no `pg_dump` is as new as the server.
    async fn new(name: &str) -> Result<Option<Self>> {
        let database = fresh_database().await?;
        let Some(pg_dump) = program("pg_dump", &database).await else {
            eprintln!("no pg_dump that is as new as the server");
            return Ok(None);
        };
        let engine = Engine::connect(database.url()).await?;
        engine.migrate().await?;
        let half_way = engine.start(waits::Input {}).id("half-way").await?;
        serve(&engine, has(&half_way, "activity_completed")).await?;
        half_way.signal("go", &"with its letter").await?;
        engine.start(waits::Input {}).id("new").await?;

        let file = format!("flows-backup-{name}-{}.dump", std::process::id());
        let file = std::env::temp_dir().join(file);
        let dump = |options: &str, more: &[&str]| {
            let mut command = Command::new(&pg_dump);
            command.env("PGOPTIONS", options).args(more).arg("--format=custom").arg("--file");
            run(command.arg(&file).arg(database.url()))
        };
        let refused = dump("", &[]).expect_err("the tables have forced row security");
        assert!(refused.contains("row-level security"), "{refused}");
        dump("-c flows.backup=on", &["--enable-row-security"]).expect("a dump");
        Ok(Some(Self { file, pg_restore: pg_dump.with_file_name("pg_restore") }))
    }

    /// Restores it as the owner of an empty database: the runs go on.
    async fn goes_on_in(self, url: &str) -> Result<()> {
        let mut restore = Command::new(&self.pg_restore);
        restore.args(["--exit-on-error", "--dbname", url]).arg(&self.file);
        run(&mut restore).expect("restored");

        let engine = Engine::connect(url).await?;
        engine.migrate().await?;
        let [half_way, new]: [Execution<waits::Workflow>; 2] =
            ["half-way", "new"].map(|id| engine.execution(id));
        new.signal("go", &"afterwards").await?;
        let results = serve(&engine, async { Ok([half_way.result().await?, new.result().await?]) });
        assert_eq!(results.await?, ["prepared, with its letter", "prepared, afterwards"]);
        Ok(())
    }
}

impl Drop for Dumped {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.file));
    }
}

/// Waits until the run has an event of this kind.
async fn has<W: flows::Workflow>(run: &Execution<W>, kind: &str) -> Result<()> {
    until(async || Ok(run.history().await?.iter().any(|event| event.kind == kind))).await
}

#[tokio::test]
async fn open_runs_of_a_dump_go_on_in_another_database() -> Result<()> {
    let Some(dumped) = Dumped::new("database").await? else { return Ok(()) };
    let restored = fresh_database().await?;
    dumped.goes_on_in(restored.url()).await
}

#[tokio::test]
async fn open_runs_of_a_dump_go_on_in_another_cluster() -> Result<()> {
    let Some(dumped) = Dumped::new("cluster").await? else { return Ok(()) };
    let server = PrivateServer::start().await?;
    let administrator = client(&server.superuser_url()).await;
    for statement in documented("CREATE ROLE") {
        administrator.batch_execute(&statement).await.expect(&statement);
    }
    dumped.goes_on_in(&server.url()).await
}

/// The statements beside this one on the page about backups.
fn documented(statement: &str) -> Vec<String> {
    let page = include_str!("../../docs/src/backup.md");
    let blocks = page.split("```sql\n").skip(1).map(|rest| rest.split("```").next().unwrap_or(""));
    let block = blocks.into_iter().find(|block| block.contains(statement)).unwrap_or_default();
    let code = block.lines().map(|line| line.split("--").next().unwrap_or(""));
    let block = code.collect::<Vec<_>>().join("\n");
    let statements = block.split_inclusive(';').map(str::trim).filter(|one| one.ends_with(';'));
    let found: Vec<String> = statements.map(str::to_owned).collect();
    assert!(!found.is_empty(), "the page has no {statement}");
    found
}
