//! A disk that is full, under load: a small one, which a process of its own alone sees.
//!
//! Writing ahead goes on where it has room already; what needs more room is refused, as on any disk that
//! is full. What was acknowledged before, meanwhile and afterwards is there, done once.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use flows::pg::dev::PrivateServer;
use flows::pg::tokio_postgres::NoTls;
use flows::prelude::*;

use crate::audit::{Scene, check};
use crate::log;
use crate::outages::Load;

/// Room for a cluster and the load of a minute.
const SIZE: &str = "256m";
/// A lease that the time without room does not end.
const LEASE: Duration = Duration::from_secs(60);
/// How often it is full, and for how long.
const TIMES: usize = 2;
const FULL: Duration = Duration::from_secs(5);
/// What may be said in that time: a few lines for each thing that fails.
const LINES: usize = 20;

/// Mounts a small disk for one process, which is the caller, as far as it knows.
const SMALL_DISK: &str = r#"
    mount -t tmpfs -o "size=$2,mode=1777" none "$1" || exit 1
    [ "$3" = 0 ] || set -- "$1" "$2" "$3" "$4" "$5" unshare --user --map-user="$3" --map-group="$4"
    disk=$1 program=$5
    shift 5
    TMPDIR=$disk exec "$@" "$program" disk
"#;

fn unshared() -> Result<Command> {
    let mut command = Command::new("unshare");
    command.arg("--mount");
    if id("-u")? != "0" {
        command.args(["--user", "--map-root-user"]);
    }
    Ok(command)
}

fn id(which: &str) -> Result<String> {
    let output = Command::new("id").arg(which).output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Whether this machine lets somebody mount a disk of his own.
pub(crate) fn can_be_small() -> bool {
    let tried = unshared().and_then(|mut command| {
        let mount = "mount -t tmpfs -o size=1m none /tmp";
        Ok(command.args(["sh", "-c", mount]).output()?)
    });
    tried.is_ok_and(|output| output.status.success())
}

/// Starts this program again on a small disk.
pub(crate) async fn full() -> Result<()> {
    let elsewhere = std::env::temp_dir();
    let disk = elsewhere.join(format!("flows-small-disk-{}", std::process::id()));
    std::fs::create_dir(&disk)?;
    let mut command = unshared()?;
    command.args(["sh", "-c", SMALL_DISK, "sh"]).arg(&disk).args([SIZE, &id("-u")?, &id("-g")?]);
    command.arg(std::env::current_exe()?).env("FLOWS_TEST_LEDGERS", elsewhere);
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    std::fs::remove_dir(&disk)?;
    check(output.status.success(), || String::from_utf8_lossy(&output.stderr).into_owned())
}

/// What runs on the small disk.
pub(crate) fn work() -> ExitCode {
    let worked = tokio::runtime::Runtime::new().map_err(Error::from);
    match worked.and_then(|runtime| runtime.block_on(fill_and_empty())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:?}");
            ExitCode::FAILURE
        }
    }
}

async fn fill_and_empty() -> Result<()> {
    log::keep();
    let server = PrivateServer::start_with(&[("min_wal_size", "96MB")]).await?;
    let mut scene = Scene::on("disk", server.fresh_database().await?).await?;
    let load = Arc::new(Load::default());
    let clients = load.begin(&scene.engine);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let filling = async {
        for _ in 0..TIMES {
            load.until_more().await;
            full_for_a_while(&server, &load).await?;
            load.until_more().await;
        }
        load.is_over.store(true, Ordering::Relaxed);
        drop(stop);
        Ok::<_, Error>(())
    };
    let (served, filled) = tokio::join!(scene.serve(LEASE, stopped), filling);
    served?;
    filled?;
    scene.runs = Load::orders(clients).await?;
    scene.finish().await?;
    scene.audit().await
}

async fn full_for_a_while(server: &PrivateServer, load: &Load) -> Result<()> {
    write_ahead_elsewhere(server).await?;
    let said = log::lines_with(&[]).len();
    let filler = fill()?;
    let refused = async {
        while !load.last_refusal().is_some_and(|why| why.contains("No space left on device")) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let refused = tokio::time::timeout(Duration::from_secs(60), refused).await;
    check(refused.is_ok(), || format!("nothing was refused; last {:?}", load.last_refusal()))?;
    tokio::time::sleep(FULL).await; // a rate is under test
    std::fs::remove_file(filler)?;
    load.forget_refusal();
    let lines = log::lines_with(&[]).split_off(said);
    check(lines.len() <= LINES, || format!("{} lines:\n{}", lines.len(), lines.join("\n")))
}

/// Makes room ahead for what is written ahead, so that the server does not end without it.
async fn write_ahead_elsewhere(server: &PrivateServer) -> Result<()> {
    let (client, connection) =
        flows::pg::tokio_postgres::connect(&server.superuser_url(), NoTls).await?;
    tokio::spawn(connection);
    for _ in 0..4 {
        client.batch_execute("SELECT pg_switch_wal()").await?;
        client.batch_execute("CREATE TABLE written (n int); DROP TABLE written").await?;
    }
    Ok(client.batch_execute("CHECKPOINT").await?)
}

/// Takes all the room that is left.
fn fill() -> Result<PathBuf> {
    let path = std::env::temp_dir().join("filler");
    let mut file = File::create(&path)?;
    for size in [1 << 20, 4096] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
    Ok(path)
}
