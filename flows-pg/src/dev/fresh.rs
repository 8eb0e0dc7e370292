//! New, empty databases for tests, and their removal.
//!
//! Their names hold the time of their making, so that what a killed process left on somebody's
//! server can be told from what is in use. Must never touch a database with another name. Called
//! by `dev` and `server`.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio_postgres::{Client, NoTls};

use super::Database;
use super::error::DevError;
use super::server::PrivateServer;
use super::url::with_database;

/// A name that nobody else gets; the time is the server's.
const NAME: &str = "SELECT format('flows_test_%s_%s', \
     floor(extract(epoch FROM now())), left(replace(gen_random_uuid()::text, '-', ''), 12))";
/// Databases of ours that are older than a day and belong to a role of ours.
const STALE: &str = "SELECT datname FROM pg_database \
     WHERE substring(datname FROM '^flows_test_(\\d+)_[0-9a-f]+$')::bigint \
         < extract(epoch FROM now()) - 86400 \
     AND pg_has_role(datdba, 'MEMBER')";
/// Statistics of statements are wanted by some tests and never needed.
const STATISTICS: &str = "CREATE EXTENSION IF NOT EXISTS pg_stat_statements";

/// Once per process is enough.
static SWEPT: AtomicBool = AtomicBool::new(false);

/// A database on a private server, owned by its role `app`. Extensions come with `template1`.
pub(crate) async fn on_private(server: &PrivateServer) -> Result<Database, DevError> {
    let administration = server.superuser_url();
    let client = connect(&administration).await?;
    let name = create(&client, "OWNER app").await?;
    Ok(Database {
        url: server.url_of(&name),
        superuser_url: Some(server.superuser_url_of(&name)),
        description: format!("{name} on {}", server.describe()),
        _removal: Some(Removal { administration, name, wait: false }),
        server: Some(server.clone()),
    })
}

/// A database on the server of `DATABASE_URL`, owned by the role of that URL.
pub(crate) async fn on_url(administration: &str) -> Result<Database, DevError> {
    let client = connect(administration).await?;
    if !SWEPT.swap(true, Ordering::Relaxed) {
        sweep(&client).await;
    }
    let name = create(&client, "").await?;
    let url = with_database(administration, &name);
    let removal = Removal { administration: administration.to_owned(), name, wait: true };
    if let Err(error) = connect(&url).await?.batch_execute(STATISTICS).await {
        tracing::debug!("{}: no statistics of statements: {error}", removal.name);
    }
    let description = format!("{} on the server of DATABASE_URL", removal.name);
    Ok(Database { url, superuser_url: None, description, _removal: Some(removal), server: None })
}

async fn create(client: &Client, options: &str) -> Result<String, DevError> {
    let doing = "create a database for a test (its role needs CREATEDB)";
    let failed = |error| DevError::caused(doing, &error);
    let name: String = client.query_one(NAME, &[]).await.map_err(failed)?.get(0);
    client.batch_execute(&format!("CREATE DATABASE {name} {options}")).await.map_err(failed)?;
    Ok(name)
}

/// Drops what killed processes left. A database that is in use stays.
pub(crate) async fn sweep(client: &Client) {
    for row in client.query(STALE, &[]).await.unwrap_or_default() {
        let name: String = row.get(0);
        let dropped = client.batch_execute(&format!("DROP DATABASE IF EXISTS {name}")).await;
        tracing::debug!("swept {name}: {dropped:?}");
    }
}

/// Connects without TLS, and lets the current runtime drive the connection.
pub(crate) async fn connect(url: &str) -> Result<Client, DevError> {
    let connected = tokio_postgres::connect(url, NoTls).await;
    let (client, connection) =
        connected.map_err(|error| DevError::caused("connect to the database", &error))?;
    tokio::spawn(connection);
    Ok(client)
}

/// Drops a database when its handle is dropped.
#[derive(Debug)]
pub(crate) struct Removal {
    administration: String,
    name: String,
    /// A private server disappears with the process; on another one the database would stay.
    wait: bool,
}

impl Drop for Removal {
    fn drop(&mut self) {
        let (url, name) = (self.administration.clone(), self.name.clone());
        let removing = std::thread::Builder::new().name("flows-drop-database".into());
        // A thread of its own, because the handle may be dropped inside or outside a runtime.
        let removing = removing.spawn(move || remove(&url, &name));
        if let (true, Ok(thread)) = (self.wait, removing) {
            let _ = thread.join();
        }
    }
}

fn remove(url: &str, name: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else { return };
    let removed = runtime.block_on(async {
        let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        let dropped = connect(url).await?.batch_execute(&drop).await;
        dropped.map_err(|error| DevError::caused(drop, &error))
    });
    if let Err(error) = removed {
        tracing::debug!("a test's database stays: {error}");
    }
}
