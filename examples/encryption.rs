//! Encryption: what the application gives to be stored is encrypted in the database, and read by those who have the
//! key.
//!
//! Run it with `cargo run --example encryption`. It finds a database or starts one by itself.

use flows::codec::{AesGcm, Zstd};
use flows::prelude::*;

#[activity]
async fn diagnose(patient: String) -> Result<String> {
    Ok(format!("{patient} has a cold"))
}

#[workflow]
async fn visit(ctx: &WorkflowContext, patient: String) -> Result<String> {
    ctx.set_query("patient", &patient)?;
    let diagnosis = diagnose(ctx, patient).await?;
    let advice: String = ctx.signal("advice").await?;
    Ok(format!("{diagnosis}: {advice}"))
}

/// A key comes from a vault or a secret of the deployment; this one is for the example.
fn key(of: &str) -> [u8; 32] {
    std::array::from_fn(|at| of.as_bytes()[at % of.len()])
}

/// An engine that compresses what is large, and encrypts everything by the key of this year.
async fn engine(url: &str, codec: AesGcm) -> Result<Engine> {
    Engine::builder().url(url).payload_codec(Zstd::new()).payload_codec(codec).connect().await
}

/// What the database has of a run: in no table is anything readable.
async fn show(url: &str, id: &str) -> Result<()> {
    let without_keys = Engine::connect(url).await?;
    let exec = without_keys.execution::<visit::Workflow>(id);
    let input = exec.describe().await?.input;
    println!(
        "  stored: {:.60}…",
        format!("{:?}", input.ok_or("it has an input").map_err(Error::terminal)?)
    );
    if let Err(error) = exec.query::<String>("patient").await {
        println!("  without the key: {error}");
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    let database = flows::pg::dev::database().await?;
    println!("database: {}", database.describe());
    let url = database.url();
    let old = engine(url, AesGcm::new("2025", key("last year"))?).await?;
    old.migrate().await?;
    let id = format!("visit-{}", uuid::Uuid::now_v7());

    println!("a visit that begins under the key of 2025");
    old.start(visit::Input { patient: "Ada".into() }).id(&id).await?;
    show(url, &id).await?;

    println!("it goes on where the key of 2026 encrypts, and that of 2025 is still read");
    let codec = AesGcm::new("2026", key("this year"))?.or_decrypt("2025", key("last year"))?;
    let new = engine(url, codec).await?;
    let worker = Worker::builder(&new, flows::register_all!()).build()?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let working = tokio::spawn(async move { worker.run_until(stopped).await });
    let exec = new.execution::<visit::Workflow>(&id);
    exec.signal("advice", &"tea").await?;
    println!("  result: {}", exec.result().await?);

    println!("who has the key of 2025 alone cannot read it");
    if let Err(error) = old.execution::<visit::Workflow>(&id).result().await {
        println!("  {error}");
    }
    drop(stop);
    working.await?
}
