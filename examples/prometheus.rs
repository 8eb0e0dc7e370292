//! Metrics for Prometheus: a worker whose program answers `GET /metrics`. It starts some orders, of which some fail, and
//! prints what Prometheus would read.
//!
//! Run it with `cargo run --example prometheus --features metrics`. The dashboard and the alerts for what it serves are
//! in `docs/monitoring/`.

use axum::Router;
use axum::routing::get;
use flows::prelude::*;
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[activity(retry(max_attempts = 2, initial_interval = "10ms"))]
async fn charge(cents: u64) -> Result<u64> {
    if cents.is_multiple_of(3) { Err(Error::retryable("the bank is busy")) } else { Ok(cents) }
}

#[workflow]
async fn order(ctx: &WorkflowContext, cents: u64) -> Result<u64> {
    charge(ctx, cents).await
}

#[tokio::main]
async fn main() -> Result<()> {
    // Durations as histograms with these buckets; without them, they are summaries.
    let buckets = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0];
    let builder = PrometheusBuilder::new().set_buckets(&buckets).map_err(Error::terminal)?;
    let prometheus = builder.install_recorder().map_err(Error::terminal)?;
    flows::metrics::describe();

    let app = Router::new().route("/metrics", get(move || async move { prometheus.render() }));
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(Error::terminal)?;
    let address = listener.local_addr().map_err(Error::terminal)?;
    tokio::spawn(async move { axum::serve(listener, app).await });

    let engine = Engine::in_memory();
    let worker = Worker::builder(&engine, register_all![order, charge]).build()?;
    tokio::spawn(async move { worker.run().await });
    for cents in 1..=9 {
        drop(engine.start(order::Input { cents }).await?.result().await); // some fail
    }

    let mut connection = TcpStream::connect(address).await.map_err(Error::terminal)?;
    let request = b"GET /metrics HTTP/1.0\r\n\r\n";
    connection.write_all(request).await.map_err(Error::terminal)?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.map_err(Error::terminal)?;
    println!("{answer}");
    Ok(())
}
