//! The SQL of the guide, on a database.

use flows::pg::dev::{PrivateServer, fresh_database};
use flows::pg::tokio_postgres::{Client, NoTls, connect};
use flows::prelude::*;

async fn client(url: &str) -> Result<Client> {
    let (client, connection) = connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn execute(client: &Client, statement: &str) -> Result<()> {
    let done = client.batch_execute(statement).await;
    done.map_err(|error| {
        Error::terminal(error).with_message(format!("the guide's SQL fails:\n{statement}"))
    })
}

/// Runs statements one after the other, as somebody who may become the workers' role.
pub(crate) async fn runs_on_a_schema(statements: &[String]) -> Result<()> {
    assert!(statements.len() > 5, "{statements:?}");
    let database = fresh_database().await?;
    let engine = Engine::connect(database.url()).await?;
    engine.migrate().await?;
    let client = client(database.url()).await?;
    for statement in statements {
        execute(&client, statement).await?;
    }
    Ok(())
}

/// Runs what an administrator runs on this version of PostgreSQL; then a role that may not create
/// roles migrates and uses the schema.
pub(crate) async fn prepares_a_server(statements: &[String]) -> Result<()> {
    let [for_16, for_15] = statements else { panic!("one for 16 and later, one for 15") };
    let server = PrivateServer::start().await?;
    let admin = client(&server.superuser_url()).await?;
    let version: String = admin.query_one("SHOW server_version_num", &[]).await?.get(0);
    execute(&admin, "ALTER ROLE app NOCREATEROLE; REVOKE CREATE ON DATABASE app FROM app").await?;
    execute(&admin, "ALTER DATABASE app OWNER TO postgres").await?;
    execute(&admin, if version.as_str() < "160000" { for_15 } else { for_16 }).await?;

    let engine = Engine::connect(&server.url()).await?;
    engine.migrate().await?;
    assert!(engine.list().await?.is_empty());
    Ok(())
}
