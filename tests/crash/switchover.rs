//! A primary that is gone, and its standby in its place, behind a network that leads to one of them.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use flows::pg::dev::PrivateServer;
use flows::pg::tokio_postgres::{Client, NoTls};
use flows::prelude::*;

use crate::audit::{Scene, check};
use crate::outages::Load;
use crate::proxy::Proxy;
use crate::waiting::until;

/// A lease that the switchover does not end.
const LEASE: Duration = Duration::from_secs(60);
/// How long starts may take to work again.
const AGAIN: Duration = Duration::from_secs(15);
/// So many orders later each client is at work.
const EACH_AT_WORK: usize = 100;

/// A server that follows another one, until it is promoted.
struct Standby {
    server: Child,
    directory: PathBuf,
    port: u16,
}

impl Standby {
    async fn of(primary: &PrivateServer) -> Result<Self> {
        let client = connect(&primary.superuser_url()).await?;
        let show = async |of: &str| Ok::<String, Error>(client.query_one(of, &[]).await?.get(0));
        let data = PathBuf::from(show("SHOW data_directory").await?);
        let programs = show("SELECT setting FROM pg_config WHERE name = 'BINDIR'").await?;
        let access = fs::read_to_string(data.join("pg_hba.conf"))?;
        let access = format!("{access}\nhost replication all 127.0.0.1/32 scram-sha-256\n");
        fs::write(data.join("pg_hba.conf"), access)?;
        client.batch_execute("SELECT pg_reload_conf()").await?;
        let directory = data.with_file_name("standby");
        let (uid, gid) = (fs::metadata(&data)?.uid(), fs::metadata(&data)?.gid());
        let command = |program: &str| {
            let mut command = Command::new(Path::new(&programs).join(program));
            command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null());
            if fs::metadata("/proc/self").is_ok_and(|own| own.uid() != uid) {
                command.uid(uid).gid(gid);
            }
            command
        };
        let url = primary.superuser_url();
        let mut copy = command("pg_basebackup");
        copy.args(["-R", "-X", "stream", "-c", "fast", "-d", &url, "-D"]).arg(&directory);
        let copied = tokio::task::spawn_blocking(move || copy.output()).await??;
        check(copied.status.success(), || String::from_utf8_lossy(&copied.stderr).into_owned())?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut server = command("postgres");
        server.arg("-D").arg(&directory).args(["-p", &port.to_string()]).stderr(Stdio::null());
        let standby = Self { server: server.spawn()?, directory, port };
        let follows = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'";
        until(async || Ok(client.query_one(follows, &[]).await?.get::<_, i64>(0) > 0)).await?;
        // from now on, what is acknowledged is on both
        client.batch_execute("ALTER SYSTEM SET synchronous_standby_names = '*'").await?;
        client.batch_execute("SELECT pg_reload_conf()").await?;
        let both = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'";
        until(async || Ok(client.query_one(both, &[]).await?.get::<_, i64>(0) > 0)).await?;
        Ok(standby)
    }

    /// The URL of the primary, as one of this server.
    fn url(&self, of_primary: &str, primary: &PrivateServer) -> String {
        of_primary.replace(&format!(":{}/", primary.port()), &format!(":{}/", self.port))
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        let stop = Command::new("kill").args(["-s", "INT", &self.server.id().to_string()]).status();
        if stop.is_ok() {
            drop(self.server.wait());
        }
        drop(fs::remove_dir_all(&self.directory));
    }
}

async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = flows::pg::tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// What was acknowledged is there, done once, and starts work again soon.
pub(crate) async fn switched_over() -> Result<()> {
    let primary = PrivateServer::start().await?;
    let standby = Standby::of(&primary).await?;
    let (proxy, url) = Proxy::before(&primary.url()).await?;
    let mut scene = Scene::at("switchover", &url).await?;
    let load = Arc::new(Load::default());
    let clients = load.begin(&scene.engine);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let administrator = standby.url(&primary.superuser_url(), &primary);
    let switching = async {
        for _ in 0..EACH_AT_WORK {
            load.until_more().await?;
        }
        proxy.lead_to(&standby.url(&primary.url(), &primary));
        let administrator = connect(&administrator).await?;
        load.forget_refusal();
        load.until_refused("standby").await?;
        administrator.query("SELECT pg_promote()", &[]).await?;
        let again = tokio::time::timeout(AGAIN, load.until_more()).await;
        let last = || format!("no start works; last: {:?}", load.last_refusal());
        again.map_err(|_| Error::terminal(last()))??;
        load.is_over.store(true, Ordering::Relaxed);
        drop(stop);
        Ok::<_, Error>(())
    };
    let (served, switched) = tokio::join!(scene.serve(LEASE, stopped), switching);
    served?;
    switched?;
    scene.runs = Load::orders(clients).await?;
    scene.look_again().await?;
    scene.finish().await?;
    scene.audit().await
}
