//! A restore to an earlier moment, from a base backup and the log written since.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use flows::pg::dev::{Mode, PrivateServer};
use flows::pg::tokio_postgres::Client;
use flows::prelude::*;
use tokio::sync::Notify;

use crate::waiting::until;
use crate::{client, has, run, serve};

/// Who was charged, under which key.
static CHARGED: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());
/// The activity that is under way at the restore goes on.
static RESTORED: Notify = Notify::const_new();

fn charged(customer: &str) -> Vec<String> {
    let all = CHARGED.lock().expect("no panic");
    all.iter().filter(|(who, _)| who == customer).map(|(_, key)| key.clone()).collect()
}

#[activity]
async fn charges(ctx: &ActivityContext, customer: String, patient: bool) -> Result<()> {
    let key = ctx.idempotency_key().to_string();
    CHARGED.lock().expect("no panic").push((customer.clone(), key));
    if patient && charged(&customer).len() == 1 {
        RESTORED.notified().await;
    }
    Ok(())
}

#[workflow]
async fn pays(ctx: &WorkflowContext, customer: String, patient: bool) -> Result<String> {
    let word: String = ctx.signal("go").await?;
    charges(ctx, customer.clone(), patient).await?;
    Ok(format!("{customer} {word}"))
}

/// A copy of the server's files beside them, as a base backup, and a name for its present.
async fn base_backup(administrator: &Client) -> Result<(PathBuf, PathBuf)> {
    let data: String = administrator.query_one("SHOW data_directory", &[]).await?.get(0);
    let (data, base) = (PathBuf::from(&data), PathBuf::from(format!("{data}-base")));
    administrator.query("SELECT pg_backup_start('base', true)", &[]).await?;
    copy(&data, &base);
    let label: String =
        administrator.query_one("SELECT labelfile FROM pg_backup_stop(false)", &[]).await?.get(0);
    copy(&base.join("PG_VERSION"), &base.join("backup_label")); // the server is its owner
    std::fs::write(base.join("backup_label"), label)?;
    std::fs::remove_file(base.join("postmaster.pid"))?;
    Ok((data, base))
}

fn copy(from: &Path, to: &Path) {
    run(Command::new("cp").arg("-a").arg(from).arg(to)).expect("a copy");
}

/// Restarts the server on the base backup and the log, up to the point of that name. It still works in
/// its directory when that is moved away, and is started again in the one that has the name then.
async fn restore(server: &PrivateServer, data: &Path, base: &Path, point: &str) -> Result<()> {
    let log = client(&server.superuser_url()).await;
    log.query("SELECT pg_switch_wal()", &[]).await?;
    std::fs::remove_dir_all(base.join("pg_wal"))?;
    copy(&data.join("pg_wal"), &base.join("pg_wal"));
    std::fs::write(base.join("recovery.signal"), "")?;
    let mut settings = std::fs::read_to_string(base.join("postgresql.auto.conf"))?;
    settings += &format!("recovery_target_name = '{point}'\nrecovery_target_action = 'promote'\n");
    settings += "restore_command = 'false'\n"; // all of the log is there
    std::fs::write(base.join("postgresql.auto.conf"), settings)?;
    std::fs::rename(data, data.with_extension("before"))?;
    std::fs::rename(base, data)?;
    server.restart(Mode::Fast).await?;
    let restored = client(&server.superuser_url()).await;
    let recovers = "SELECT NOT pg_is_in_recovery()";
    until(async || Ok(restored.query_one(recovers, &[]).await?.get(0))).await
}

/// The worker is not stopped, though it should be: what it has in memory is of the database that is gone.
#[tokio::test]
async fn what_happened_after_the_moment_happens_again() -> Result<()> {
    let server = PrivateServer::start().await?;
    let engine = Engine::connect(&server.url()).await?;
    engine.migrate().await?;
    let start = async |customer: &str| {
        let input = pays::Input { customer: customer.into(), patient: customer == "patient" };
        engine.start(input).id(customer).await
    };
    let administrator = client(&server.superuser_url()).await;
    let (data, base) = base_backup(&administrator).await?;
    let (early, open, patient) =
        (start("early").await?, start("open").await?, start("patient").await?);
    early.signal("go", &"early").await?;

    serve(&engine, async {
        early.result().await?;
        administrator.query("SELECT pg_create_restore_point('then')", &[]).await?;
        open.signal("go", &"before").await?;
        assert_eq!(open.result().await?, "open before");
        patient.signal("go", &"before").await?;
        let late = start("late").await?;
        late.signal("go", &"before").await?;
        late.result().await?;
        until(async || Ok(!charged("patient").is_empty())).await?;

        restore(&server, &data, &base, "then").await?;
        RESTORED.notify_one();
        let engine = Engine::connect(&server.url()).await?; // which remembers no results
        assert_eq!(early.result().await?, "early early", "it ended before that moment");
        assert!(late.describe().await.is_err(), "it was started later");
        for (customer, result) in [("open", "open after"), ("patient", "patient after")] {
            let run: Execution<pays::Workflow> = engine.execution(customer);
            run.signal("go", &"after").await?;
            assert_eq!(run.result().await?, result);
        }
        Ok(())
    })
    .await?;
    assert_eq!(charged("early").len(), 1);
    for customer in ["open", "patient"] {
        let keys = charged(customer);
        assert!(keys.len() == 2 && keys[0] == keys[1], "{customer} under {keys:?}");
    }
    has(&open, "activity_completed").await
}
