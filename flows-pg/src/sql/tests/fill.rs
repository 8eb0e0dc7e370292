//! Tables as after years, made by the server.
//!
//! Runs are numbered; everything about one follows from its number. Runs 1 to `rows` have a row, and
//! places have three times as many: of each three, the first is ready, the second owned, the third
//! parked. So whoever needs runs that are in some place takes them from the first third.

use tokio_postgres::Client;
use uuid::Uuid;

use crate::PgStore;
use crate::dev::{Database, PrivateServer};

/// Tenants that the runs belong to, in turn.
pub(super) const TENANTS: u64 = 1_000;
/// One more, of half as many runs as all others together. All of them have ended. The oldest were created
/// in 2020: a hundred each of another workflow, of another version, terminated, and ended a year later.
pub(super) const BULK: u64 = 5_000;
/// Workers that own runs, in turn. Their table is tiny: it has a row for each process.
const WORKERS: u64 = 100;
/// The lane of every second ready run, but for one shard.
pub(super) const LANE: i64 = 0;
/// The shard whose ready runs are in so many lanes: 10, 12, 14, …
pub(super) const CROWDED: u64 = 7;
pub(super) const LANES: u64 = 300;

/// Losing data does not matter here, and nothing else may happen meanwhile.
const QUICK: [(&str, &str); 7] = [
    ("fsync", "off"),
    ("full_page_writes", "off"),
    ("wal_level", "minimal"),
    ("max_wal_senders", "0"),
    ("max_wal_size", "8GB"),
    ("shared_buffers", "512MB"),
    ("autovacuum", "off"),
];

/// Functions of a run's number.
const NAMES: &str = "
    CREATE FUNCTION pg_temp.shard(n bigint) RETURNS smallint IMMUTABLE LANGUAGE sql
        AS $$ SELECT (n % 16)::smallint $$;
    CREATE FUNCTION pg_temp.id(n bigint) RETURNS uuid IMMUTABLE LANGUAGE sql
        AS $$ SELECT lpad(to_hex(n), 32, '0')::uuid $$;
    CREATE FUNCTION pg_temp.tenant(n bigint) RETURNS uuid IMMUTABLE LANGUAGE sql
        AS $$ SELECT lpad(to_hex(n % TENANTS), 32, '0')::uuid $$;
    CREATE FUNCTION pg_temp.run(n bigint) RETURNS uuid IMMUTABLE LANGUAGE sql
        AS $$ SELECT lpad(to_hex(n * 256 + n % 16), 32, '0')::uuid $$;
    CREATE FUNCTION pg_temp.lane(n bigint) RETURNS bigint IMMUTABLE LANGUAGE sql
        AS $$ SELECT CASE n % 16 WHEN CROWDED THEN 10 + 2 * (n / 48 % LANES) ELSE n / 16 % 2 END $$;
    SET synchronous_commit = off;
    SET maintenance_work_mem = '256MB';
    SET work_mem = '256MB'";

const FILLS: [&str; 21] = [
    "INSERT INTO flows.workers (worker_id, expires_at, name, lanes)
     SELECT pg_temp.id(n), now() + interval '1 day', 'worker ' || n, '{0}'
     FROM generate_series(0, WORKERS - 1) AS n",
    "INSERT INTO flows.runs (shard, tenant_id, run_id, lane, version, workflow_id, workflow, queue, input)
     SELECT pg_temp.shard(n), pg_temp.tenant(n), pg_temp.run(n), pg_temp.lane(n), 1,
            CASE WHEN n % 2 = 0 THEN 'order ' || n END, 'order', 'default', '1'
     FROM generate_series(1::bigint, ROWS) AS n ORDER BY 1, 2, 3",
    "INSERT INTO flows.runs (shard, tenant_id, run_id, lane, version, workflow, queue, input, status,
                             closed_at, output)
     SELECT pg_temp.shard(n), pg_temp.id(BULK), pg_temp.run(n), 0, 1, 'bulk', 'default', '1', 1, now(), '1'
     FROM generate_series(ROWS * 4::bigint, ROWS * 9 / 2) AS n",
    "INSERT INTO flows.runs (shard, tenant_id, run_id, lane, version, workflow, queue, input, status,
                             created_at, closed_at, outcome, ended_late)
     SELECT pg_temp.shard(n), pg_temp.id(BULK), pg_temp.run(n), 0, CASE WHEN k = 1 THEN 7 ELSE 1 END,
            CASE WHEN k = 0 THEN 'oldest' ELSE 'bulk' END, 'default', '1', CASE WHEN k = 2 THEN 4 ELSE 1 END,
            at, at + CASE WHEN k = 3 THEN interval '1 year' ELSE interval '1 s' END,
            CASE WHEN k = 2 THEN 4 END, CASE WHEN k = 3 THEN at + interval '1 year' END
     FROM generate_series(0, 3) AS k, generate_series(1, 100) AS i,
          LATERAL (SELECT ROWS * 5::bigint + k * 100 + i AS n,
                          '2020-01-01'::timestamptz + i * interval '1 s' AS at) AS r",
    "INSERT INTO flows.runs (shard, tenant_id, run_id, lane, version, workflow, queue, input, status,
                             closed_at, output, parent_run, parent_op)
     SELECT pg_temp.shard(n), pg_temp.id(BULK), pg_temp.run(n), 0, 1, 'bulk', 'default', '1', 1, now(), '1',
            pg_temp.id(7), 0
     FROM generate_series(ROWS * 6::bigint, ROWS * 6 + 99) AS n",
    "INSERT INTO flows.journal (shard, tenant_id, run_id, position, events)
     SELECT pg_temp.shard(n), pg_temp.tenant(n), pg_temp.run(n), p, '\\x00'
     FROM generate_series(1::bigint, ROWS / 10) AS n, generate_series(0, 9) AS p ORDER BY 1, 2, 3, 4",
    "INSERT INTO flows.ready (shard, lane, priority, run_id, tenant_id, load)
     SELECT pg_temp.shard(n), pg_temp.lane(n), 0, pg_temp.run(n), pg_temp.tenant(n), false
     FROM generate_series(1::bigint, ROWS * 3, 3) AS n ORDER BY 1, 2, 3, 4",
    "INSERT INTO flows.owned (shard, tenant_id, run_id, worker_id, priority, claim, lane, has_messages)
     SELECT pg_temp.shard(n), pg_temp.tenant(n), pg_temp.run(n), pg_temp.id(n % WORKERS), 0, 1,
            pg_temp.lane(n), n / 3 % 50 = 0
     FROM generate_series(2::bigint, ROWS * 3, 3) AS n ORDER BY 1, 2, 3",
    "INSERT INTO flows.parked (shard, tenant_id, run_id, wake_at, lane, priority, waiting_for, setbacks)
     SELECT pg_temp.shard(n), pg_temp.tenant(n), pg_temp.run(n),
            CASE WHEN n < 3000 THEN now() - interval '1 hour'
                 WHEN n % 2 = 0 THEN now() + n * interval '1 minute' END,
            pg_temp.lane(n), 0, 'signal `go`', CASE WHEN n % 1000 = 999 THEN 1 ELSE 0 END
     FROM generate_series(3::bigint, ROWS * 3, 3) AS n ORDER BY 1, 2, 3",
    "INSERT INTO flows.inbox (shard, tenant_id, run_id, kind, codec, name, payload)
     SELECT pg_temp.shard(n), pg_temp.tenant(n), pg_temp.run(n), 0, 0, 'go', '1'
     FROM generate_series(1::bigint, ROWS) AS n ORDER BY 1, 2, 3",
    "INSERT INTO flows.activity_tasks (shard, tenant_id, run_id, op, attempt, lane, worker_id, content)
     SELECT pg_temp.shard(n), pg_temp.tenant(n), pg_temp.run(n), 1, 1, pg_temp.lane(n),
            CASE WHEN n % 2 = 0 THEN pg_temp.id(n % WORKERS) END, '\\x00'
     FROM generate_series(1::bigint, ROWS) AS n ORDER BY 1, 2, 3",
    "INSERT INTO flows.inbox_keys (shard, tenant_id, run_id, key)
     SELECT pg_temp.shard(n), pg_temp.tenant(n), pg_temp.run(n), 'key'
     FROM generate_series(1::bigint, ROWS) AS n ORDER BY 1, 2, 3",
    "INSERT INTO flows.query_values (shard, tenant_id, run_id, name, rows, value)
     SELECT pg_temp.shard(n), pg_temp.tenant(n), pg_temp.run(n), 'stage', 1, '1'
     FROM generate_series(1::bigint, ROWS) AS n ORDER BY 1, 2, 3",
    "INSERT INTO flows.forks (shard, tenant_id, run_id, origin, kept)
     SELECT pg_temp.shard(n), pg_temp.tenant(n), pg_temp.run(n), pg_temp.run(n + TENANTS), 1
     FROM generate_series(1::bigint, ROWS) AS n ORDER BY 1, 2, 3",
    "INSERT INTO flows.streams (shard, tenant_id, run_id, next, bytes, published, before)
     SELECT pg_temp.shard(n), pg_temp.tenant(n), pg_temp.run(n), 1, 1, 0, -1
     FROM generate_series(1::bigint, ROWS) AS n ORDER BY 1, 2, 3",
    "INSERT INTO flows.stream_items (shard, tenant_id, run_id, item_position, begins_at, item)
     SELECT pg_temp.shard(n), pg_temp.tenant(n), pg_temp.run(n), 0, 0, '1'
     FROM generate_series(1::bigint, ROWS) AS n ORDER BY 1, 2, 3",
    "INSERT INTO flows.attributes (shard, tenant_id, run_id, name, rows, encoded, created_at)
     SELECT shard, tenant_id, run_id, 'customer', 0, '\\x04'::bytea || convert_to('c-' || lane % 7, 'UTF8'), created_at
     FROM flows.runs WHERE tenant_id <> pg_temp.id(BULK) ORDER BY created_at",
    "INSERT INTO flows.attributes (shard, tenant_id, run_id, name, rows, encoded, created_at)
     SELECT shard, tenant_id, run_id, 'region', 0, '\\x046575'::bytea, created_at
     FROM flows.runs WHERE tenant_id = pg_temp.id(BULK) ORDER BY created_at",
    "INSERT INTO flows.attributes (shard, tenant_id, run_id, name, rows, encoded, created_at)
     SELECT shard, tenant_id, run_id, 'number', 0,
            '\\x02'::bytea || int8send((row_number() OVER (ORDER BY run_id)) # (-9223372036854775808)::bigint), created_at
     FROM flows.runs WHERE tenant_id = pg_temp.id(BULK) ORDER BY created_at",
    "INSERT INTO flows.update_answers (shard, tenant_id, run_id, update_id, reply)
     SELECT pg_temp.shard(n), pg_temp.tenant(n), pg_temp.run(n), 'update', '1'
     FROM generate_series(1::bigint, ROWS) AS n ORDER BY 1, 2, 3",
    "INSERT INTO flows.dead_letters (shard, tenant_id, run_id, failed_at)
     SELECT pg_temp.shard(n), pg_temp.tenant(n), pg_temp.run(n), now() - n * interval '1 second'
     FROM generate_series(1::bigint, ROWS) AS n ORDER BY 1, 2, 3",
];

/// A migrated database on a server that loses data in a crash.
pub(super) async fn quick_database() -> (PrivateServer, Database) {
    let server = PrivateServer::start_with(&QUICK).await.expect("a server");
    let database = server.fresh_database().await.expect("a database");
    let store = PgStore::connect(database.url()).await.expect("a connection");
    store.migrate().await.expect("a schema");
    (server, database)
}

/// Makes ready to fill. (A session's first function of its own makes all sessions plan anew.)
pub(super) async fn prepare(admin: &Client) {
    let names = NAMES.replace("TENANTS", &TENANTS.to_string());
    let names = names.replace("LANES", &LANES.to_string());
    let names = names.replace("CROWDED", &CROWDED.to_string());
    admin.batch_execute(&names).await.expect("functions");
}

/// Fills all tables, as a superuser. Nobody is told: no statistics are made.
pub(super) async fn fill(admin: &Client, rows: u64) {
    for text in FILLS {
        let text = text
            .replace("BULK", &BULK.to_string())
            .replace("TENANTS", &TENANTS.to_string())
            .replace("ROWS", &rows.to_string())
            .replace("WORKERS", &WORKERS.to_string());
        admin.batch_execute(&text).await.unwrap_or_else(|error| panic!("{text}: {error:?}"));
    }
}

/// The key of a run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) shard: u64,
    pub(super) tenant: Uuid,
    pub(super) run: Uuid,
    pub(super) number: u64,
}

pub(super) fn key(number: u64) -> Key {
    let shard = number % 16;
    let (tenant, run) = (id(number % TENANTS), id(number * 256 + shard));
    Key { shard, tenant, run, number }
}

pub(super) fn id(number: u64) -> Uuid {
    Uuid::from_u128(number.into())
}
