//! Costs as the server counts them: at one moment, or between two.

use std::ops::Sub;

use flows::pg::tokio_postgres::Client;
use flows::prelude::*;

/// Everything that is counted. Commits include the few of whoever asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Costs {
    /// Statements that were sent, BEGIN and COMMIT among them.
    pub(crate) statements: i64,
    pub(crate) commits: i64,
    /// Rows inserted, updated and deleted, in all tables but that of workers: leases are renewed as time passes,
    /// whatever is done meanwhile.
    pub(crate) rows: i64,
    pub(crate) journal_rows: i64,
    /// Reads of the journal, by index or whole.
    pub(crate) journal_reads: i64,
    /// Rows of all tables that were read, those among them that are changed then.
    pub(crate) reads: i64,
    /// Pages of all tables and indexes that were looked at.
    pub(crate) pages: i64,
    /// Bytes of the write-ahead log: how far its end has moved.
    pub(crate) wal: i64,
    /// Bytes of all tables with their indexes.
    pub(crate) bytes: i64,
    /// Where the last checkpoint began: behind one, the log holds whole pages.
    checkpoint: i64,
}

const TABLES: &str = "
    SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FILTER (WHERE relname <> 'workers')::bigint,
           sum(n_tup_ins) FILTER (WHERE relname = 'journal')::bigint,
           sum(seq_scan + idx_scan) FILTER (WHERE relname = 'journal')::bigint,
           sum(seq_tup_read + idx_tup_fetch)::bigint,
           sum(pg_total_relation_size(relid))::bigint,
           (SELECT sum(heap_blks_hit + heap_blks_read + idx_blks_hit + idx_blks_read)::bigint
            FROM pg_statio_user_tables WHERE schemaname = 'flows')
    FROM pg_stat_user_tables WHERE schemaname = 'flows'";

const SERVER: &str = "
    SELECT (SELECT coalesce(sum(calls), 0)::bigint FROM pg_stat_statements
            WHERE dbid = d.oid AND query !~ 'pg_stat'),
           pg_stat_get_db_xact_commit(d.oid),
           (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint,
           (SELECT (checkpoint_lsn - '0/0'::pg_lsn)::bigint FROM pg_control_checkpoint())
    FROM pg_database d WHERE d.datname = current_database()";

impl Costs {
    /// What has been spent on this database so far. Asked by a superuser, on a server that nobody
    /// else writes to.
    pub(crate) async fn now(client: &Client) -> Result<Self> {
        let tables = client.query_one(TABLES, &[]).await?;
        let server = client.query_one(SERVER, &[]).await?;
        Ok(Self {
            statements: server.get(0),
            commits: server.get(1),
            wal: server.get(2),
            checkpoint: server.get(3),
            rows: tables.get(0),
            journal_rows: tables.get(1),
            journal_reads: tables.get(2),
            reads: tables.get(3),
            bytes: tables.get(4),
            pages: tables.get(5),
        })
    }

    /// The share of one of so many.
    pub(crate) fn each(&self, count: u64) -> Each {
        let share = |total: i64| total as f64 / count as f64;
        Each {
            statements: share(self.statements),
            commits: share(self.commits),
            rows: share(self.rows),
            journal_rows: share(self.journal_rows),
            journal_reads: share(self.journal_reads),
            reads: share(self.reads),
            wal: share(self.wal),
            bytes: share(self.bytes),
            pages: share(self.pages),
        }
    }
}

impl Sub for Costs {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        assert_eq!(self.checkpoint, before.checkpoint, "a checkpoint in between distorts the log");
        Self {
            statements: self.statements - before.statements,
            commits: self.commits - before.commits,
            rows: self.rows - before.rows,
            journal_rows: self.journal_rows - before.journal_rows,
            journal_reads: self.journal_reads - before.journal_reads,
            reads: self.reads - before.reads,
            wal: self.wal - before.wal,
            bytes: self.bytes - before.bytes,
            pages: self.pages - before.pages,
            checkpoint: 0,
        }
    }
}

/// What one step or one run costs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Each {
    pub(crate) statements: f64,
    pub(crate) commits: f64,
    pub(crate) rows: f64,
    pub(crate) journal_rows: f64,
    pub(crate) journal_reads: f64,
    pub(crate) reads: f64,
    pub(crate) wal: f64,
    pub(crate) bytes: f64,
    pub(crate) pages: f64,
}

/// A busy machine adds to a cost (what is late is looked for again, batches overlap otherwise), and takes nothing
/// away: what is too high is measured again, a few times.
pub(crate) async fn on_a_calm_machine(
    fits: impl Fn(&Each) -> bool,
    measure: impl AsyncFn() -> Result<Each>,
) -> Result<Each> {
    for _ in 0..4 {
        let each = measure().await?;
        if fits(&each) {
            return Ok(each);
        }
        eprintln!("measured again: {each:?}");
    }
    measure().await
}

/// Fails with the name and the figure if a cost is higher than it may be.
#[track_caller]
pub(crate) fn at_most(limit: f64, what: &str, cost: f64) {
    assert!(cost <= limit, "{what}: {cost}, and at most {limit} are allowed");
}
