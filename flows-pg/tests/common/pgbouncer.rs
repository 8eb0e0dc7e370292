//! A PgBouncer of one's own in front of a database.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use flows_pg::tokio_postgres::{Client, SimpleQueryMessage};

use super::plain;

/// Sessions that it has on the server at most.
pub(crate) const SESSIONS: usize = 3;

/// What on a session is not as it was: its role, settings, prepared statements, locks. (What the pooler
/// itself passes on is left out.)
const CHANGED: &str = "\
    SELECT 'role ' || current_user WHERE current_user <> session_user \
    UNION ALL SELECT name || ' = ' || setting FROM pg_settings \
        WHERE source = 'session' AND setting IS DISTINCT FROM reset_val AND name NOT IN ( \
            'application_name', 'client_encoding', 'DateStyle', 'TimeZone', \
            'standard_conforming_strings') \
    UNION ALL SELECT 'statement ' || name FROM pg_prepared_statements \
    UNION ALL SELECT 'lock ' || objid FROM pg_locks \
        WHERE locktype = 'advisory' AND pid = pg_backend_pid()";

pub(crate) struct PgBouncer {
    child: Child,
    directory: PathBuf,
    url: String,
}

impl PgBouncer {
    /// In front of the database of this URL; none, with a note, where PgBouncer is not installed. On the
    /// machine that tests every change, it must be.
    pub(crate) async fn start(url: &str, mode: &str, more: &str) -> Option<Self> {
        let installed = Command::new("pgbouncer").arg("--version").stdout(Stdio::null()).status();
        if installed.is_err() {
            assert!(std::env::var_os("CI").is_none(), "pgbouncer is not installed");
            eprintln!("SKIPPED: pgbouncer is not installed");
            return None;
        }
        let id = flows_core::clock::uuid_v7().simple().to_string();
        let directory = std::env::temp_dir().join(format!("flows-pgbouncer-{id}"));
        std::fs::create_dir_all(&directory).expect("a directory");
        let file = directory.join("pgbouncer.ini");
        let port = free_port();
        std::fs::write(&file, settings(url, mode, port, more)).expect("a file");
        let child = command(&file).spawn().expect("pgbouncer");
        let url = format!("postgres://anybody@127.0.0.1:{port}/app");
        let started = Self { child, directory, url };
        started.answers().await;
        Some(started)
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    async fn answers(&self) {
        for round in 0.. {
            let socket = self.url.rsplit_once('@').expect("a URL").1.trim_end_matches("/app");
            if tokio::net::TcpStream::connect(socket).await.is_ok() {
                return;
            }
            assert!(round < 200, "pgbouncer does not listen");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What is left on the sessions that it has on the server, all of which are held at once.
    pub(crate) async fn left_behind(&self) -> Vec<String> {
        let mut left = Vec::new();
        for client in self.hold(SESSIONS).await {
            left.extend(first_column(&client, CHANGED).await);
        }
        left
    }

    /// Holds so many sessions at once, as long as these live: it has as many on the server then.
    pub(crate) async fn hold(&self, sessions: usize) -> Vec<Client> {
        let mut held = Vec::new();
        for _ in 0..sessions {
            let client = plain(&self.url).await;
            client.batch_execute("BEGIN").await.expect("a session of its own");
            held.push(client);
        }
        held
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

async fn first_column(client: &Client, sql: &str) -> Vec<String> {
    let answer = client.simple_query(sql).await.expect("an answer");
    let rows = answer.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    });
    rows.collect()
}

fn settings(url: &str, mode: &str, port: u16, more: &str) -> String {
    let (_, rest) = url.split_once("://").expect("a URL");
    let (login, place) = rest.split_once('@').expect("a login");
    let (user, password) = login.split_once(':').expect("a password");
    let (address, database) = place.split_once('/').expect("a database");
    let (host, server_port) = address.split_once(':').expect("a port");
    format!(
        "[databases]\n\
         app = host={host} port={server_port} dbname={database} user={user} password={password}\n\
         [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
         auth_type = any\npool_mode = {mode}\ndefault_pool_size = {SESSIONS}\n\
         server_reset_query =\nquery_wait_timeout = 20\n{more}\n"
    )
}

/// It refuses to run as root, and reads its file as the account that it becomes.
fn command(file: &std::path::Path) -> Command {
    let mut command = Command::new("pgbouncer");
    let root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    if root {
        command.args(["-u", "postgres"]);
    }
    command.arg(file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}
