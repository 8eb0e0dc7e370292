//! A disk that is full, under load: a small one, which a process of its own alone sees.
//!
//! On one disk, writing ahead goes on where it has room already; what needs more room is refused, as on any disk
//! that is full. On a disk of its own it is what has no room: the server ends, and cannot even recover. What was
//! acknowledged before, meanwhile and afterwards is there, done once.

use std::fs::{File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use flows::pg::dev::{Mode, PrivateServer};
use flows::pg::tokio_postgres::NoTls;
use flows::prelude::*;

use crate::audit::{Scene, check};
use crate::log;
use crate::outages::Load;
use crate::waiting::until;

/// Room for a cluster and the load of a minute.
const SIZE: &str = "256m";
/// The first argument of this program where it runs on one small disk, and where on two: nothing that somebody
/// would look for, since elsewhere it fills his disk.
pub(crate) const ONE_DISK: &str = "on-one-small-disk";
pub(crate) const TWO_DISKS: &str = "on-two-small-disks";
/// Where the programs of the server are.
const PROGRAMS: &str = "FLOWS_TEST_PROGRAMS";
/// What a server says that cannot write ahead.
const ENDS: &str = "No space left on device";
/// A lease that the time without room does not end.
const LEASE: Duration = Duration::from_secs(60);
/// How often it is full, and for how long.
const TIMES: usize = 2;
const FULL: Duration = Duration::from_secs(5);
/// A server recovers within this time once it has room.
const RECOVERS: Duration = Duration::from_secs(30);
/// What may be said in that time: a few lines for each thing that fails.
const LINES: usize = 20;

/// Mounts a small disk for one process, which is the caller, as far as it knows; and one that is smaller still.
const SMALL_DISK: &str = r#"
    mount -t tmpfs -o "size=$2,mode=1777" none "$1" && mkdir "$1/ahead" &&
        mount -t tmpfs -o "size=96m,mode=1777" none "$1/ahead" || exit 1
    [ "$3" = 0 ] || set -- "$1" "$2" "$3" "$4" "$5" "$6" unshare --user --map-user="$3" --map-group="$4"
    disk=$1 program=$5 which=$6
    shift 6
    TMPDIR=$disk exec "$@" "$program" "$which"
"#;

/// A server that writes ahead on the smaller disk, and is started again whenever it ends by itself, as by the
/// machine's service manager.
const WRITES_AHEAD: &str = r#"#!/bin/sh
# The supervisor ignores signals, which a shell that inherits that cannot undo.
[ "$reset" ] || reset=1 exec env --default-signal=INT,QUIT,TERM "$0" "$@"
for data; do case $data in --*) exec "PROGRAMS/postgres" "$@" ;; */data) break ;; esac; done
if [ ! -L "$data/pg_wal" ]; then
    mv "$data/pg_wal" "AHEAD/pg_wal" && ln -s "AHEAD/pg_wal" "$data/pg_wal" || exit 1
fi
for signal in INT QUIT TERM; do trap "asked=1; kill -s $signal \$server" "$signal"; done
asked=
until [ "$asked" ]; do
    "PROGRAMS/postgres" "$@" &
    server=$!
    while kill -s 0 "$server" 2>/dev/null; do wait "$server"; done
    sleep 0.2
done
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
    on_small_disk(ONE_DISK, |_| None).await
}

/// The same, where only what is written ahead has no room.
pub(crate) async fn full_ahead() -> Result<()> {
    let server = PrivateServer::start().await?;
    let client = connect(&server).await?;
    let programs = "SELECT setting FROM pg_config WHERE name = 'BINDIR'";
    let programs: String = client.query_one(programs, &[]).await?.get(0);
    let variables =
        |disk: &Path| [("FLOWS_POSTGRES", disk.join("programs")), (PROGRAMS, programs.into())];
    on_small_disk(TWO_DISKS, |disk| Some(variables(disk))).await
}

async fn connect(server: &PrivateServer) -> Result<flows::pg::tokio_postgres::Client> {
    let url = server.superuser_url();
    let (client, connection) = flows::pg::tokio_postgres::connect(&url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn on_small_disk(
    which: &str,
    variables: impl FnOnce(&Path) -> Option<[(&'static str, PathBuf); 2]>,
) -> Result<()> {
    let elsewhere = std::env::temp_dir();
    // The same each time, because clusters are kept by it; another beside a run on another version.
    let version = std::env::var("FLOWS_POSTGRES").unwrap_or_default().replace('/', "-");
    let disk = elsewhere.join(format!("flows-{which}{version}"));
    std::fs::create_dir_all(&disk)?;
    let mut command = unshared()?;
    command.args(["sh", "-c", SMALL_DISK, "sh"]).arg(&disk).args([SIZE, &id("-u")?, &id("-g")?]);
    command.arg(std::env::current_exe()?).arg(which).env("FLOWS_TEST_LEDGERS", elsewhere);
    command.envs(variables(&disk).into_iter().flatten());
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    drop(std::fs::remove_dir(&disk)); // unless it is another's as well
    check(output.status.success(), || String::from_utf8_lossy(&output.stderr).into_owned())
}

/// What runs on the small disk.
pub(crate) fn work(ahead: bool) -> ExitCode {
    let worked = tokio::runtime::Runtime::new().map_err(Error::from);
    match worked.and_then(|runtime| runtime.block_on(fill_and_empty(ahead))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:?}");
            ExitCode::FAILURE
        }
    }
}

async fn fill_and_empty(ahead: bool) -> Result<()> {
    log::keep();
    let disk = std::env::temp_dir();
    if ahead {
        write_ahead_apart(&disk)?;
    }
    let server = PrivateServer::start_with(&[("min_wal_size", "96MB")]).await?;
    let mut scene = Scene::on("disk", server.fresh_database().await?).await?;
    let load = Arc::new(Load::default());
    let clients = load.begin(&scene.engine);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let filling = async {
        for _ in 0..TIMES {
            load.until_more().await?;
            match ahead {
                true => full_ahead_for_a_while(&server, &disk.join("ahead")).await?,
                false => full_for_a_while(&server, &load).await?,
            }
            load.until_more().await?;
        }
        load.is_over.store(true, Ordering::Relaxed);
        drop(stop);
        Ok::<_, Error>(())
    };
    let (served, filled) = tokio::join!(scene.serve(LEASE, stopped), filling);
    served?;
    filled?;
    scene.runs = Load::orders(clients).await?;
    scene.look_again().await?;
    scene.finish().await?;
    scene.audit().await
}

async fn full_for_a_while(server: &PrivateServer, load: &Load) -> Result<()> {
    write_ahead_elsewhere(server).await?;
    let said = complaints().len();
    let filler = fill(&std::env::temp_dir())?;
    load.until_refused("No space left on device").await?;
    tokio::time::sleep(FULL).await; // a rate is under test
    std::fs::remove_file(filler)?;
    load.forget_refusal();
    few_lines_since(said)
}

/// Warnings and errors of workers so far. Of runs each start, end and failed attempt has its line.
fn complaints() -> Vec<String> {
    let of_runs = |line: &String| line.contains(" INFO ") || line.contains(": attempt failed ");
    log::lines_with(&[]).into_iter().filter(|line| !of_runs(line)).collect()
}

fn few_lines_since(said: usize) -> Result<()> {
    let lines = complaints().split_off(said);
    check(lines.len() <= LINES, || format!("{} lines:\n{}", lines.len(), lines.join("\n")))
}

/// The programs of a server that writes ahead on the smaller disk.
fn write_ahead_apart(disk: &Path) -> Result<()> {
    let programs = PathBuf::from(std::env::var_os(PROGRAMS).unwrap_or_default());
    let apart = disk.join("programs");
    std::fs::create_dir(&apart)?;
    let script = WRITES_AHEAD.replace("PROGRAMS", &programs.display().to_string());
    let script = script.replace("AHEAD", &disk.join("ahead").display().to_string());
    let initdb = format!("#!/bin/sh\nexec {}/initdb \"$@\"\n", programs.display());
    for (name, script) in [("postgres", script), ("initdb", initdb)] {
        std::fs::write(apart.join(name), script)?;
        std::fs::set_permissions(apart.join(name), Permissions::from_mode(0o755))?;
    }
    Ok(())
}

/// The server ends, and ends again while it recovers, until there is room.
async fn full_ahead_for_a_while(server: &PrivateServer, ahead: &Path) -> Result<()> {
    let ends = || Ok::<_, Error>(server.log()?.matches(ENDS).count());
    let (before, said) = (ends()?, complaints().len());
    let client = connect(server).await?;
    let filler = fill(ahead)?;
    until(async || {
        drop(client.batch_execute("SELECT pg_switch_wal()").await); // it needs the next file
        Ok(ends()? > before)
    })
    .await?;
    tokio::time::sleep(FULL).await; // a rate is under test
    std::fs::remove_file(filler)?;
    few_lines_since(said)?;
    // PostgreSQL 18 can miss that its recovery has ended for want of room, and waits for it for ever.
    match tokio::time::timeout(RECOVERS, until(async || Ok(connect(server).await.is_ok()))).await {
        Ok(recovered) => recovered,
        Err(_) => Ok(server.restart(Mode::Immediate).await?),
    }
}

/// Makes room ahead for what is written ahead, so that the server does not end without it.
async fn write_ahead_elsewhere(server: &PrivateServer) -> Result<()> {
    let client = connect(server).await?;
    for _ in 0..4 {
        client.batch_execute("SELECT pg_switch_wal()").await?;
        client.batch_execute("CREATE TABLE written (n int); DROP TABLE written").await?;
    }
    Ok(client.batch_execute("CHECKPOINT").await?)
}

/// Takes all the room that is left on a disk.
fn fill(disk: &Path) -> Result<PathBuf> {
    let path = disk.join("filler");
    let mut file = File::create(&path)?;
    for size in [1 << 20, 4096] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
    Ok(path)
}
