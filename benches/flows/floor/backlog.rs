//! The floor of draining a backlog: claims of 200 runs, and their ends, without an engine.
//!
//! Two drainers share the shards. Each has a connection that claims (ready becomes owned; that need
//! not be durable) while its other one ends the runs of the claim before.

use std::time::Instant;

use flows::pg::dev::Database;
use flows::pg::tokio_postgres::types::ToSql;
use flows::pg::tokio_postgres::{Client, Statement};
use flows::prelude::*;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::prepare;
use super::protocol::{END, Keys, SETTINGS};
use crate::lab;

const DRAINERS: i16 = 2;
const SHARDS: i16 = 16;
const CLAIM: i64 = 200;

/// Runs that are ready, and their rows; ids in the order of time, as the library's are.
const FILL: &str = "
    WITH given AS MATERIALIZED (
        SELECT (n % 16)::smallint AS shard, flows.uuidv7() AS run_id
        FROM generate_series(0, $1::bigint - 1) AS n
    ), created AS (
        INSERT INTO flows.runs (shard, tenant_id, run_id, workflow, version, queue, lane, input)
        SELECT shard, '00000000-0000-0000-0000-000000000000', run_id, 'floor', 1, 'default', 1, '{}'
        FROM given
    )
    INSERT INTO flows.ready (shard, lane, priority, run_id, tenant_id, load)
    SELECT shard, 1, 0, run_id, '00000000-0000-0000-0000-000000000000', false FROM given";

const TAKE: &str = "
    WITH head AS MATERIALIZED (
        SELECT ctid AS place FROM flows.ready WHERE shard = $1 AND lane = 1
        ORDER BY priority, run_id LIMIT $2 FOR UPDATE SKIP LOCKED
    ), taken AS (
        DELETE FROM flows.ready WHERE ctid = ANY (ARRAY(SELECT place FROM head))
        RETURNING shard, tenant_id, run_id
    ), owned AS (
        INSERT INTO flows.owned (shard, tenant_id, run_id, worker_id, priority, claim, lane)
        SELECT shard, tenant_id, run_id, '00000000-0000-0000-0000-000000000001', 0, 1, 1 FROM taken
    )
    SELECT r.run_id, r.input::text, r.workflow, r.queue, r.created_at::text
    FROM taken t JOIN flows.runs r
      ON r.shard = ANY (ARRAY[t.shard]) AND r.tenant_id = t.tenant_id AND r.run_id = t.run_id";

/// Runs drained a second.
pub(crate) async fn rate(runs: u64) -> Result<f64> {
    let (database, _) = lab::migrated().await?;
    let client = lab::connect(database.url()).await?;
    client.batch_execute("SET ROLE flows_worker").await?;
    client.execute(FILL, &[&i64::try_from(runs)?]).await?;
    lab::checkpoint(&database).await?;
    let mut drainers = Vec::new();
    for number in 0..DRAINERS {
        drainers.push(Drainer::new(&database, number).await?);
    }
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    drainers.into_iter().for_each(|drainer| drop(tasks.spawn(drainer.drain())));
    let done = tasks.join_all().await.into_iter().sum::<Result<u64>>()?;
    let rate = done as f64 / began.elapsed().as_secs_f64();
    lab::check(&database, runs).await?;
    Ok(rate)
}

struct Drainer {
    number: i16,
    claimer: Client,
    take: Statement,
    writer: Client,
    end: Statement,
}

impl Drainer {
    async fn new(database: &Database, number: i16) -> Result<Self> {
        let claimer = lab::connect(database.url()).await?;
        claimer.batch_execute(SETTINGS).await?;
        claimer.batch_execute("SET synchronous_commit = off").await?;
        let writer = lab::connect(database.url()).await?;
        writer.batch_execute(SETTINGS).await?;
        let (take, end) = (prepare(&claimer, TAKE).await?, prepare(&writer, END).await?);
        Ok(Self { number, claimer, take, writer, end })
    }

    async fn drain(self) -> Result<u64> {
        let mut done = 0;
        for shard in (self.number..SHARDS).step_by(DRAINERS as usize) {
            let mut runs = self.claim(shard).await?;
            while !runs.is_empty() {
                done += runs.len() as u64;
                let (next, ended) = tokio::join!(self.claim(shard), self.finish(shard, &runs));
                ended?;
                runs = next?;
            }
        }
        Ok(done)
    }

    async fn claim(&self, shard: i16) -> Result<Vec<Uuid>> {
        let rows = self.claimer.query(&self.take, &[&shard, &CLAIM]).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    async fn finish(&self, shard: i16, runs: &[Uuid]) -> Result<()> {
        let (shards, tenants) = (vec![shard; runs.len()], vec![Uuid::nil(); runs.len()]);
        let outputs = vec!["1"; runs.len()];
        let (none, nothing) = (Keys::default(), (Vec::<i32>::new(), Vec::<&[u8]>::new()));
        let no_journal: [&(dyn ToSql + Sync); 5] =
            [&none.shards, &none.tenants, &none.runs, &nothing.0, &nothing.1];
        let ends: [&(dyn ToSql + Sync); 4] = [&shards, &tenants, &runs, &outputs];
        self.writer.execute(&self.end, &[&no_journal[..], &ends].concat()).await?;
        Ok(())
    }
}
