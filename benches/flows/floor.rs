//! The floor: a bare program that only does the durable writes of the steps workload, in batches.

use std::time::Instant;

use flows::Result;
use flows::pg::tokio_postgres::{self, Client, NoTls};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

/// Writer connections, as many as the library has.
const WRITERS: usize = 2;
/// Rows of one batch.
const BATCH: usize = 1_000;
/// Bytes of a row's payload: about what a step's event takes.
const PAYLOAD: usize = 60;

type Row = (Uuid, i32, oneshot::Sender<()>);

pub(crate) async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Rows a second: each of `in_flight` tasks waits until its row is durable before it writes the
/// next one.
pub(crate) async fn steps(url: &str, rows: u64, in_flight: u64) -> Result<f64> {
    let client = connect(url).await?;
    let table = "DROP TABLE IF EXISTS flows_bench_floor;
                 CREATE TABLE flows_bench_floor (
                     shard smallint, tenant_id uuid, run_id uuid, position integer,
                     written_at timestamptz NOT NULL DEFAULT now(), events bytea NOT NULL,
                     PRIMARY KEY (shard, tenant_id, run_id, position))";
    client.batch_execute(table).await?;
    let mut writers = Vec::new();
    for _ in 0..WRITERS {
        let (sender, receiver) = mpsc::unbounded_channel();
        tokio::spawn(write(connect(url).await?, receiver));
        writers.push(sender);
    }
    let began = Instant::now();
    let each = rows / in_flight;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..in_flight {
        let writer = writers[number as usize % WRITERS].clone();
        tasks.spawn(one_run(writer, each));
    }
    tasks.join_all().await;
    let rate = (each * in_flight) as f64 / began.elapsed().as_secs_f64();
    client.batch_execute("DROP TABLE flows_bench_floor").await?;
    Ok(rate)
}

async fn one_run(writer: mpsc::UnboundedSender<Row>, rows: u64) {
    let mut run = Uuid::nil();
    for position in 0..rows {
        if position % 10 == 0 {
            run = Uuid::now_v7();
        }
        let (done, written) = oneshot::channel();
        let sent = writer.send((run, (position % 10) as i32, done));
        if sent.is_err() || written.await.is_err() {
            return; // the writer has said why
        }
    }
}

async fn write(client: Client, mut rows: mpsc::UnboundedReceiver<Row>) -> Result<()> {
    let insert = "INSERT INTO flows_bench_floor (shard, tenant_id, run_id, position, events)
                  SELECT 0, '00000000-0000-0000-0000-000000000000', * FROM
                  unnest($1::uuid[], $2::integer[], $3::bytea[])";
    let insert = client.prepare(insert).await?;
    let mut batch = Vec::new();
    while rows.recv_many(&mut batch, BATCH).await > 0 {
        let runs: Vec<_> = batch.iter().map(|row: &Row| row.0).collect();
        let positions: Vec<_> = batch.iter().map(|row| row.1).collect();
        let payloads = vec![[7_u8; PAYLOAD].as_slice(); batch.len()];
        if let Err(error) = client.execute(&insert, &[&runs, &positions, &payloads]).await {
            eprintln!("floor: {error}");
            return Err(error.into());
        }
        for (.., done) in batch.drain(..) {
            let _ = done.send(()); // a run that has gone does not wait
        }
    }
    Ok(())
}
