//! Our floor: the rows of this library's storage protocol, as its worker role, in its tables.
//!
//! An eager start is the run's row and the row that says who owns it; a step is a journal row; the
//! end is the last journal row, the update that closes the run and the delete that releases it, in
//! one record. A run without steps has no journal. Written by hand: the library's own statements can do more.

use flows::pg::tokio_postgres::types::ToSql;
use flows::pg::tokio_postgres::{Client, Statement};
use flows::prelude::*;
use uuid::Uuid;

use super::{Kind, Row, Write, events, prepare};
use crate::definitions::noise;

/// The settings of the library's writers.
pub(super) const SETTINGS: &str = "SET ROLE flows_worker;
    SET plan_cache_mode = force_generic_plan;
    SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
    SET jit = off";

const START: &str = "
    WITH given AS (
        SELECT * FROM unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::text[])
            AS g (shard, tenant_id, run_id, input)
    ), created AS (
        INSERT INTO flows.runs (shard, tenant_id, run_id, workflow, version, queue, lane, input)
        SELECT shard, tenant_id, run_id, 'floor', 1, 'default', 1, input::jsonb FROM given
    )
    INSERT INTO flows.owned (shard, tenant_id, run_id, worker_id, priority, claim, lane)
    SELECT shard, tenant_id, run_id, '00000000-0000-0000-0000-000000000001', 0, 1, 1 FROM given";

const APPEND: &str = "
    INSERT INTO flows.journal (shard, tenant_id, run_id, position, events)
    SELECT * FROM unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::integer[], $5::bytea[])";

pub(super) const END: &str = "
    WITH journal AS (
        INSERT INTO flows.journal (shard, tenant_id, run_id, position, events)
        SELECT * FROM unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::integer[], $5::bytea[])
    ), ended AS (
        SELECT * FROM unnest($6::smallint[], $7::uuid[], $8::uuid[], $9::text[])
            AS e (shard, tenant_id, run_id, output)
    ), closed AS (
        UPDATE flows.runs r SET status = 1, closed_at = now(), output = e.output::jsonb
        FROM ended e
        WHERE r.shard = ANY (ARRAY[e.shard]) AND r.tenant_id = e.tenant_id AND r.run_id = e.run_id
          AND r.status = 0
    )
    DELETE FROM flows.owned o USING ended e
    WHERE o.shard = ANY (ARRAY[e.shard]) AND o.tenant_id = e.tenant_id AND o.run_id = e.run_id";

pub(super) struct Writer {
    client: Client,
    start: Statement,
    append: Statement,
    end: Statement,
    payload: String,
    events: Vec<u8>,
}

impl Writer {
    pub(super) async fn new(client: Client, payload: usize) -> Result<Self> {
        client.batch_execute(SETTINGS).await?;
        let start = prepare(&client, START).await?;
        let append = prepare(&client, APPEND).await?;
        let end = prepare(&client, END).await?;
        let payload = format!("\"{}\"", noise(payload));
        let events = events(payload.len());
        Ok(Self { client, start, append, end, payload, events })
    }
}

/// The three columns of a key.
#[derive(Default)]
pub(super) struct Keys {
    pub(super) shards: Vec<i16>,
    pub(super) tenants: Vec<Uuid>,
    pub(super) runs: Vec<Uuid>,
}

impl Keys {
    pub(super) fn of<'a>(rows: impl Iterator<Item = &'a Row>) -> Self {
        let mut keys = Self::default();
        for row in rows {
            keys.shards.push(row.shard);
            keys.tenants.push(Uuid::nil());
            keys.runs.push(row.run);
        }
        keys
    }
}

/// A batch as columns.
struct Batch {
    starts: Keys,
    rows: Keys,
    positions: Vec<i32>,
    ends: Keys,
}

impl Batch {
    fn of(batch: &[Row]) -> Self {
        let rows = batch.iter().filter(|row| matches!(row.kind, Kind::Step | Kind::End));
        let is_end = |row: &&Row| matches!(row.kind, Kind::End | Kind::OnlyEnd);
        Self {
            starts: Keys::of(batch.iter().filter(|row| row.kind == Kind::Start)),
            positions: rows.clone().map(|row| row.position).collect(),
            rows: Keys::of(rows),
            ends: Keys::of(batch.iter().filter(is_end)),
        }
    }
}

impl Batch {
    fn has_turns(&self) -> bool {
        !self.rows.runs.is_empty() || !self.ends.runs.is_empty()
    }
}

impl Writer {
    async fn start(&self, batch: &Batch) -> Result<()> {
        let Keys { shards, tenants, runs } = &batch.starts;
        if !runs.is_empty() {
            let inputs = vec![self.payload.as_str(); runs.len()];
            self.client.execute(&self.start, &[shards, tenants, runs, &inputs]).await?;
        }
        Ok(())
    }

    async fn turn(&self, batch: &Batch) -> Result<()> {
        let Keys { shards, tenants, runs } = &batch.rows;
        let events = vec![self.events.as_slice(); runs.len()];
        let mut values: Vec<&(dyn ToSql + Sync)> =
            vec![shards, tenants, runs, &batch.positions, &events];
        if !batch.has_turns() {
            return Ok(());
        }
        let Keys { shards, tenants, runs } = &batch.ends;
        if runs.is_empty() {
            self.client.execute(&self.append, &values).await?;
            return Ok(());
        }
        let outputs = vec!["1"; runs.len()];
        let ends: [&(dyn ToSql + Sync); 4] = [shards, tenants, runs, &outputs];
        values.extend(ends);
        self.client.execute(&self.end, &values).await?;
        Ok(())
    }
}

impl Write for Writer {
    async fn write(&mut self, batch: &[Row]) -> Result<()> {
        let batch = Batch::of(batch);
        if batch.starts.runs.is_empty() || !batch.has_turns() {
            self.start(&batch).await?;
            return self.turn(&batch).await;
        }
        // Polled in order, so on the wire in order, without waiting for answers in between.
        let (begun, started, turned, committed) = tokio::join!(
            biased;
            self.client.batch_execute("BEGIN"),
            self.start(&batch),
            self.turn(&batch),
            self.client.batch_execute("COMMIT"),
        );
        begun?;
        started.and(turned)?;
        Ok(committed?)
    }
}
