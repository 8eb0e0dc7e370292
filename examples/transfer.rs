//! A start that is part of the application's own transaction: the transfer's row and its run exist
//! both or neither.
//!
//! Run it with `cargo run --example transfer`.

use flows::pg::deadpool_postgres::{Manager, Pool};
use flows::pg::tokio_postgres::{Config, NoTls};
use flows::prelude::*;
use uuid::Uuid;

/// Moves money once, however often it is attempted: the ledger's key is the idempotency key.
#[activity]
async fn book(ctx: &ActivityContext, account: String, cents: i64) -> Result<()> {
    let mut client = ctx.state::<Pool>()?.get().await?;
    let tx = client.transaction().await?;
    let entry = "INSERT INTO transfer_ledger (key, account, cents) VALUES ($1, $2, $3)
                 ON CONFLICT (key) DO NOTHING";
    let new = tx.execute(entry, &[&ctx.idempotency_key(), &account, &cents]).await?;
    if new == 1 {
        let update = "UPDATE transfer_accounts SET cents = cents + $2 WHERE name = $1";
        tx.execute(update, &[&account, &cents]).await?;
    }
    tx.commit().await?;
    println!("  book: {cents:+} on {account}");
    Ok(())
}

#[workflow]
async fn transfer(ctx: &WorkflowContext, from: String, to: String, cents: i64) -> Result<()> {
    book(ctx, from, -cents).await?;
    book(ctx, to, cents).await
}

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS transfer_accounts (name text PRIMARY KEY, cents bigint NOT NULL);
    CREATE TABLE IF NOT EXISTS transfer_ledger (
        key text PRIMARY KEY, account text NOT NULL, cents bigint NOT NULL);
    CREATE TABLE IF NOT EXISTS transfers (id text PRIMARY KEY, cents bigint NOT NULL);
    INSERT INTO transfer_accounts VALUES ('ada', 10000), ('bob', 0) ON CONFLICT DO NOTHING;
";

/// Writes the application's row and starts the run in one transaction, which the caller ends.
async fn request(
    engine: &Engine,
    tx: &flows::pg::Transaction<'_>,
    id: &str,
    cents: i64,
) -> Result<Execution<transfer::Workflow>> {
    tx.execute("INSERT INTO transfers (id, cents) VALUES ($1, $2)", &[&id, &cents]).await?;
    let input = transfer::Input { from: "ada".into(), to: "bob".into(), cents };
    engine.start(input).id(id).with_tx(tx).await
}

async fn balances(pool: &Pool) -> Result<()> {
    let client = pool.get().await?;
    for row in client.query("SELECT name, cents FROM transfer_accounts ORDER BY name", &[]).await? {
        println!("  {}: {} cents", row.get::<_, String>(0), row.get::<_, i64>(1));
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    let database = flows::pg::dev::database().await?;
    println!("database: {}", database.describe());
    let pool = Pool::builder(Manager::new(database.url().parse::<Config>()?, NoTls)).build()?;
    let engine = Engine::connect(database.url()).await?;
    engine.migrate().await?;
    let mut client = pool.get().await?;
    client.batch_execute(TABLES).await?;

    let worker = Worker::builder(&engine, flows::register_all!()).state(pool.clone()).build()?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let working = tokio::spawn(async move { worker.run_until(stopped).await });

    let suffix = Uuid::now_v7().simple().to_string();
    println!("a transfer whose transaction rolls back");
    let tx = client.transaction().await?;
    let never = request(&engine, &tx, &format!("transfer-{suffix}-1"), 5_000).await?;
    tx.rollback().await?;
    match never.describe().await {
        Err(error) => println!("  nothing was started: {error}"),
        Ok(info) => return Err(Error::terminal(format!("it was started: {info:?}"))),
    }

    println!("a transfer whose transaction commits");
    let tx = client.transaction().await?;
    let exec = request(&engine, &tx, &format!("transfer-{suffix}-2"), 100).await?;
    tx.commit().await?;
    exec.result().await?;
    balances(&pool).await?;

    drop(stop);
    working.await?
}
