-- Schema of the flows workflow library, version 1.
--
-- Every key has `shard` (it distributes the tables) and `tenant_id` (ids of different tenants never
-- meet). Most keys start with `shard`. Those of `journal` and `parked` start with `run_id`: their rows
-- come mostly in the order of run ids and stay, and an index that grows at its end has full pages, one
-- that grows in sixteen places half-full ones. Row level security is enabled and forced on every
-- table: the role `flows_tenant` sees the tenant that the setting `flows.tenant_id` names,
-- `flows_worker` sees all.
--
-- Text is compared byte by byte (COLLATE "C"), so that no index depends on the version of a locale.
-- Times are those of a statement: a statement may be part of an application's transaction, which may
-- be hours old.

-- ---- roles ------------------------------------------------------------------------------------

-- Roles belong to the cluster, so another database may create them at the same moment. On 16 and
-- later the migrating role may become them but does not inherit what they see; on 15 it inherits,
-- which is why the policies below ask for the current role, not for membership.
DO $roles$
DECLARE
    name text;
    modern boolean := current_setting('server_version_num')::int >= 160000;
BEGIN
    FOREACH name IN ARRAY ARRAY['flows_tenant', 'flows_worker'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = name) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', name);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL; -- another database of this cluster was faster
            END;
        END IF;
        IF NOT pg_has_role(current_user, name, CASE WHEN modern THEN 'SET' ELSE 'MEMBER' END) THEN
            EXECUTE format('GRANT %I TO %I', name, current_user)
                || CASE WHEN modern THEN ' WITH INHERIT FALSE, SET TRUE' ELSE '' END;
        END IF;
    END LOOP;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE EXCEPTION USING
        ERRCODE = 'FL002',
        MESSAGE = format('role "%s" may not create the roles flows_tenant and flows_worker', current_user),
        HINT = format('CREATE ROLE flows_tenant NOLOGIN; CREATE ROLE flows_worker NOLOGIN; '
            'GRANT flows_tenant, flows_worker TO %I%s;', current_user,
            CASE WHEN modern THEN ' WITH INHERIT FALSE, SET TRUE' ELSE '' END);
END
$roles$;

-- ---- cold tables ------------------------------------------------------------------------------

-- One row per run, written once, closed by one update. What a run changes that completes within a minute
-- is in no index, so that closing it is a HOT update: half of each page is kept free for it, since a backlog
-- is started together and closed together. (With less, as many pages are written, and the indexes too.)
-- Other ends set `outcome` or `ended_late`, for lists, and write entries of indexes. (Who ends a run sets them:
-- as generated columns they would cost every start and every end.) What the end changes comes last: of an update, the log holds only what is between the parts that stay.
CREATE TABLE flows.runs (
    shard        smallint    NOT NULL,
    tenant_id    uuid        NOT NULL,
    run_id       uuid        NOT NULL,
    priority     smallint    NOT NULL DEFAULT 0,
    attempt      integer     NOT NULL DEFAULT 1,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(), -- hardly two of one time
    starts_at    timestamptz,                          -- the end of its delay, if it has one
    lane         bigint      NOT NULL,                 -- hash of queue, workflow and version
    version      bigint      NOT NULL,
    timeout_us   bigint,                               -- from its start
    parent_op    bigint,                               -- above 32 bits: what becomes of it when its parent ends
    current      boolean     NOT NULL DEFAULT true,    -- false: a later run has its workflow id
    predecessor  uuid,
    parent_run   uuid,
    first_run    uuid,                                 -- of those in whose place it goes on
    workflow_id  text COLLATE "C",
    workflow     text COLLATE "C" NOT NULL,
    queue        text COLLATE "C" NOT NULL,
    input        jsonb       NOT NULL,
    options      jsonb,                                -- what few runs have: a retry policy, headers
    limit_at     timestamptz,                          -- when it is timed out, while it is open
    status       smallint    NOT NULL DEFAULT 0,       -- 0 is running
    closed_at    timestamptz,
    outcome      smallint,                             -- its status, unless it is open or completed
    ended_late   timestamptz,                          -- its end, unless that was within a minute
    successor    uuid,
    output       jsonb,
    error        jsonb,
    PRIMARY KEY (shard, tenant_id, run_id)
) WITH (fillfactor = 45);

-- Runs with a time limit, for who looks whether one has passed. (No other run has an entry.)
CREATE INDEX runs_limited ON flows.runs (limit_at) WHERE limit_at IS NOT NULL;

CREATE UNIQUE INDEX runs_workflow_id ON flows.runs (shard, tenant_id, workflow_id)
    WHERE current AND workflow_id IS NOT NULL;

-- Lists, newest first within each version of each workflow. Every run is in it; but only a statement that names
-- the condition is planned with it: the tenant alone must never do for a statement that names a key.
CREATE INDEX runs_listed ON flows.runs (tenant_id, workflow, version, created_at)
    WHERE created_at > '-infinity';

-- The children of a run, for lists, and for its end. (No other run has an entry.)
CREATE INDEX runs_children ON flows.runs (tenant_id, parent_run, created_at, run_id)
    WHERE parent_run IS NOT NULL;

-- Lists by status, and by the time of the end.
CREATE INDEX runs_outcome ON flows.runs (tenant_id, outcome, workflow, version, created_at) WHERE outcome IS NOT NULL;
CREATE INDEX runs_ended_late ON flows.runs (tenant_id, ended_late) WHERE ended_late IS NOT NULL;

-- The journal. Its key is the fence: of two writers at one position, one wins.
CREATE TABLE flows.journal (
    shard      smallint    NOT NULL,
    tenant_id  uuid        NOT NULL,
    run_id     uuid        NOT NULL,
    position   integer     NOT NULL,
    written_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    events     bytea       NOT NULL,
    PRIMARY KEY (run_id, tenant_id, shard, position)
);

-- Failed runs that can be rerun.
CREATE TABLE flows.dead_letters (
    shard     smallint    NOT NULL,
    tenant_id uuid        NOT NULL,
    run_id    uuid        NOT NULL,
    failed_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    dismissed_at timestamptz,                          -- then it is listed only among those
    reason    text COLLATE "C",                        -- why it was dismissed
    PRIMARY KEY (shard, tenant_id, run_id)
);

CREATE INDEX dead_letters_newest ON flows.dead_letters (shard, tenant_id, failed_at) WHERE dismissed_at IS NULL;
CREATE INDEX dead_letters_dismissed ON flows.dead_letters (shard, tenant_id, failed_at)
    WHERE dismissed_at IS NOT NULL;

-- Where runs were forked from.
CREATE TABLE flows.forks (
    shard     smallint NOT NULL,
    tenant_id uuid     NOT NULL,
    run_id    uuid     NOT NULL,
    origin    uuid     NOT NULL,
    kept      bigint   NOT NULL,                       -- how many events of its history
    PRIMARY KEY (shard, tenant_id, run_id)
);

CREATE INDEX forks_of ON flows.forks (origin);

-- Keys of messages that a run has received, or one in whose place it goes on; they outlive the messages.
CREATE TABLE flows.inbox_keys (
    shard     smallint NOT NULL,
    tenant_id uuid     NOT NULL,
    run_id    uuid     NOT NULL,                       -- the first of these runs
    key       text COLLATE "C" NOT NULL,
    PRIMARY KEY (shard, tenant_id, run_id, key)
);

-- The last value of each name that a run has published for queries. `rows`: how many rows its journal had with it.
CREATE TABLE flows.query_values (
    shard     smallint NOT NULL,
    tenant_id uuid     NOT NULL,
    run_id    uuid     NOT NULL,
    name      text COLLATE "C" NOT NULL,
    rows      integer  NOT NULL,
    value     jsonb    NOT NULL,
    PRIMARY KEY (shard, tenant_id, run_id, name)
) WITH (fillfactor = 80);                               -- a value is replaced within its page

-- How far the stream of items of a run is, if it has published any. `bytes`: of all items that were ever added.
-- `published`: the number of the last item of the workflow's own; `before`: the same before the last statement.
CREATE TABLE flows.streams (
    shard     smallint NOT NULL,
    tenant_id uuid     NOT NULL,
    run_id    uuid     NOT NULL,
    next      bigint   NOT NULL,                        -- position of the next item
    bytes     bigint   NOT NULL,
    published bigint   NOT NULL,
    before    bigint   NOT NULL,
    PRIMARY KEY (shard, tenant_id, run_id)
) WITH (fillfactor = 50);                               -- the row is replaced within its page

-- The newest items of each stream. `begins_at`: `bytes` of the stream before this item.
CREATE TABLE flows.stream_items (
    shard     smallint NOT NULL,
    tenant_id uuid     NOT NULL,
    run_id    uuid     NOT NULL,
    begins_at bigint   NOT NULL,
    item_position bigint NOT NULL,
    item      jsonb    NOT NULL,
    PRIMARY KEY (shard, tenant_id, run_id, item_position)
);

-- Search attributes. `encoded`: a byte for its type, and then bytes in the order of the values of that type. `rows`: how
-- many rows the run's journal had with it. `created_at` is the run's, so that one index has the runs of a value in order.
CREATE TABLE flows.attributes (
    shard      smallint    NOT NULL,
    tenant_id  uuid        NOT NULL,
    run_id     uuid        NOT NULL,
    rows       integer     NOT NULL,
    created_at timestamptz NOT NULL,
    name       text COLLATE "C" NOT NULL,
    encoded    bytea       NOT NULL,
    PRIMARY KEY (shard, tenant_id, run_id, name)
);

-- For lists, which name the condition; the tenant alone must never do for a statement that names a key.
CREATE INDEX attributes_listed ON flows.attributes (tenant_id, name, encoded, created_at)
    WHERE created_at > '-infinity';

-- Answers to updates, by the id of each: a reply, or an error. The first answer stays.
CREATE TABLE flows.update_answers (
    shard     smallint NOT NULL,
    tenant_id uuid     NOT NULL,
    run_id    uuid     NOT NULL,                       -- the first of the runs that go on in each other's place
    update_id text COLLATE "C" NOT NULL,
    reply     jsonb,
    error     jsonb,
    PRIMARY KEY (shard, tenant_id, run_id, update_id)
);

-- Schedules. `run_id`: of the run that it starts, for its payloads; with `revision`, it says whether somebody has
-- changed the schedule. `last_id`: the workflow id of the run that it has started last.
CREATE TABLE flows.schedules (
    shard       smallint NOT NULL,
    tenant_id   uuid     NOT NULL,
    schedule_id text COLLATE "C" NOT NULL,
    run_id      uuid     NOT NULL,
    revision    bigint   NOT NULL,
    due_at      timestamptz,                           -- null: paused, or over
    version     bigint   NOT NULL,
    last_shard  smallint,
    workflow    text COLLATE "C" NOT NULL,
    last_id     text COLLATE "C",
    input       jsonb    NOT NULL,
    options     jsonb    NOT NULL,                     -- of its runs
    policy      jsonb    NOT NULL,                     -- its times, and what happens while a run is open
    progress    jsonb    NOT NULL,                     -- how far it is, whether it is paused, and what waits
    PRIMARY KEY (shard, tenant_id, schedule_id)
) WITH (fillfactor = 70);

CREATE INDEX schedules_due ON flows.schedules (due_at) WHERE due_at IS NOT NULL;

-- ---- hot tables: the place of an open run is one row in one of the first three -------------------

-- To be claimed, in the order of the key: oldest first within a lane and a priority. Without
-- `load`, neither journal nor inbox has anything to read. `setbacks`: how often in a row the run has
-- got nowhere: above 0, it was stuck; below 0, the lease of its worker was over. (Here and in the other
-- places it lies where the row had unused bytes.)
CREATE TABLE flows.ready (
    shard     smallint NOT NULL,
    priority  smallint NOT NULL,
    load      boolean  NOT NULL,
    setbacks  smallint NOT NULL DEFAULT 0,
    lane      bigint   NOT NULL,
    run_id    uuid     NOT NULL,
    tenant_id uuid     NOT NULL,
    PRIMARY KEY (shard, lane, priority, run_id, tenant_id)
);

-- In the memory of a worker. `has_messages`: the inbox has grown since the worker collected its messages.
CREATE TABLE flows.owned (
    shard     smallint NOT NULL,
    tenant_id uuid     NOT NULL,
    run_id    uuid     NOT NULL,
    worker_id uuid     NOT NULL,
    priority  smallint NOT NULL,
    has_messages boolean NOT NULL DEFAULT false,
    setbacks  smallint NOT NULL DEFAULT 0,
    claim     bigint   NOT NULL,                       -- the worker's claim it came with
    lane      bigint   NOT NULL,
    sent      bigint   NOT NULL DEFAULT 0,             -- messages since the worker owns it
    PRIMARY KEY (shard, tenant_id, run_id)
);

CREATE INDEX owned_messages ON flows.owned (worker_id) WHERE has_messages;

-- Waiting: for messages, or until `wake_at`. Time alone wakes a run whose start is delayed, and that one is
-- not `waiting_for` anything else. One with setbacks is stuck: `waiting_for` says why, and it is tried
-- again at `wake_at`, if ever; below 0, one at a time by each worker. (There may be millions
-- of these rows. A ninth column would cost each of them eight bytes, for nulls.)
CREATE TABLE flows.parked (
    shard       smallint NOT NULL,
    tenant_id   uuid     NOT NULL,
    run_id      uuid     NOT NULL,
    priority    smallint NOT NULL,
    setbacks    smallint NOT NULL DEFAULT 0,           -- not 0: stuck
    wake_at     timestamptz,
    lane        bigint   NOT NULL,
    waiting_for text COLLATE "C",                      -- null: its start time
    PRIMARY KEY (run_id, tenant_id, shard)
);

CREATE INDEX parked_due ON flows.parked (shard, wake_at)
    WHERE wake_at IS NOT NULL AND setbacks = 0;
CREATE INDEX parked_stuck ON flows.parked (lane, wake_at) WHERE setbacks > 0;
CREATE INDEX parked_suspects ON flows.parked (wake_at, lane) WHERE setbacks < 0;

-- Messages that no record has consumed. `seq` is drawn under the lock of the run's place, so within
-- a run it rises in commit order.
CREATE TABLE flows.inbox (
    shard     smallint    NOT NULL,
    tenant_id uuid        NOT NULL,
    run_id    uuid        NOT NULL,
    seq       bigint      GENERATED ALWAYS AS IDENTITY,
    sent_at   timestamptz NOT NULL DEFAULT statement_timestamp(),
    kind      smallint    NOT NULL,
    codec     smallint    NOT NULL,
    name      text COLLATE "C" NOT NULL,
    payload   bytea       NOT NULL,
    PRIMARY KEY (shard, tenant_id, run_id, seq)
);

-- Attempts of activities for workers of other queues: queued until a worker claims them, and gone when they end.
-- `lost`: the lease of a worker that had claimed it is over, so it may have been invoked.
CREATE TABLE flows.activity_tasks (
    shard      smallint NOT NULL,
    lost       boolean  NOT NULL DEFAULT false,
    tenant_id  uuid     NOT NULL,
    run_id     uuid     NOT NULL,
    op         bigint   NOT NULL,
    attempt    integer  NOT NULL,
    lane       bigint   NOT NULL,                      -- hash of queue and activity
    claim      bigint   NOT NULL DEFAULT 0,            -- the worker's claim it came with
    worker_id  uuid,
    content    bytea    NOT NULL,
    heartbeat  bytea,                                  -- details of the last one, for the next worker
    PRIMARY KEY (shard, tenant_id, run_id, op, attempt)
);

CREATE INDEX activity_tasks_queued ON flows.activity_tasks (lane, run_id, op) WHERE worker_id IS NULL;
CREATE INDEX activity_tasks_claimed ON flows.activity_tasks (worker_id) WHERE worker_id IS NOT NULL;

-- Worker processes and their leases. They belong to no tenant.
CREATE TABLE flows.workers (
    worker_id  uuid        PRIMARY KEY,
    expires_at timestamptz NOT NULL,
    renewed_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    void_up_to bigint      NOT NULL DEFAULT 0,         -- requests up to this number are refused
    name       text COLLATE "C" NOT NULL,
    lanes      bigint[]    NOT NULL
);

-- What is paused, of all tenants: the runs of a queue, of a workflow, of a version of it; without any of them, everything.
-- `pause_id` is random, so that all of them together say whether anything has changed.
CREATE TABLE flows.pauses (
    pause_id  bigint      PRIMARY KEY
                          DEFAULT ('x' || substr(md5(gen_random_uuid()::text), 1, 16))::bit(64)::bigint,
    version   bigint,
    paused_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    queue     text COLLATE "C",
    workflow  text COLLATE "C",
    reason    text COLLATE "C",
    author    text COLLATE "C",
    UNIQUE NULLS NOT DISTINCT (queue, workflow, version),
    CONSTRAINT a_queue_or_a_workflow CHECK (queue IS NULL OR workflow IS NULL),
    CONSTRAINT a_version_of_a_workflow CHECK (version IS NULL OR workflow IS NOT NULL)
);

-- Rows of these come and go: vacuum by number, not by share, and never lock the table to shrink it.
DO $hot$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['ready', 'owned', 'parked', 'inbox', 'activity_tasks', 'workers'] LOOP
        EXECUTE format('ALTER TABLE flows.%I SET (autovacuum_vacuum_scale_factor = 0, '
            'autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0, '
            'vacuum_truncate = off)', name);
    END LOOP;
END
$hot$;

-- ---- who may see what ---------------------------------------------------------------------------

-- `IS TRUE` keeps the planner from searching an index by what the policy compares, and by that alone:
-- every statement names the whole key.
DO $policies$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['runs', 'journal', 'dead_letters', 'forks', 'inbox_keys', 'query_values', 'attributes',
                                'streams', 'stream_items', 'update_answers', 'schedules', 'ready', 'owned', 'parked', 'inbox',
                                'activity_tasks', 'workers', 'pauses'] LOOP
        EXECUTE format('ALTER TABLE flows.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY worker ON flows.%I TO flows_worker '
            'USING (current_user = ''flows_worker'')', name);
        -- Forced row security hides the rows from their owner too; for a backup, he says so.
        EXECUTE format('CREATE POLICY backup ON flows.%I FOR SELECT TO %I '
            'USING (current_setting(''flows.backup'', true) = ''on'')', name, current_user);
        CONTINUE WHEN name IN ('workers', 'pauses');
        EXECUTE format('CREATE POLICY tenant ON flows.%I TO flows_tenant '
            'USING (current_user = ''flows_tenant'' '
            'AND (tenant_id = nullif(current_setting(''flows.tenant_id'', true), '''')::uuid) IS TRUE)', name);
    END LOOP;
END
$policies$;

-- A transactional activity adds its record in its own transaction, as whatever role its body has: any but a
-- tenant's, of a session that may become the role of workers. So it need not become it and the other again.
-- Policies are tried in the order of their names: for workers, `worker` comes first and is cheap.
DO $record$
BEGIN
    EXECUTE format('CREATE POLICY worker_record ON flows.journal FOR INSERT WITH CHECK (current_user <> ''flows_tenant'' '
        'AND pg_has_role(session_user, ''flows_worker'', %L))',
        CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END);
END
$record$;

-- A tenant may know which workers there are: they say whether a run is served, and by whom.
CREATE POLICY tenant ON flows.workers FOR SELECT TO flows_tenant USING (current_user = 'flows_tenant');

-- It may know what is paused: that says why a run waits. Who pauses is the role of workers.
CREATE POLICY tenant ON flows.pauses FOR SELECT TO flows_tenant USING (current_user = 'flows_tenant');

-- ---- functions ----------------------------------------------------------------------------------

-- Ends a batch that was written in the hope that nobody else had touched its runs.
CREATE FUNCTION flows.contended() RETURNS boolean LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'a run of this batch is not owned by this worker any more' USING ERRCODE = 'FL001';
END
$$;

-- Where the record of a transactional activity goes, if anything about it is out of the ordinary; answers the
-- position. The transaction fails, and the activity's writes with it, if it is not the one any more that the
-- activity was given, because its body has ended that; and if the row before is missing, because the server has
-- lost it: where that may be, `doubtful` says so. Makes sure that the commit is durable. Its caller may be any role
-- whose session may become the role of workers, which it is while this reads, and no longer: constraints that are
-- checked at the commit are the application's. It names the schema of everything instead of having a search path
-- of its own, which would be set for each call.
CREATE FUNCTION flows.checked_position(shard smallint, tenant_id uuid, run_id uuid, place integer,
                                       doubtful boolean, begun timestamptz) RETURNS integer LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    before CONSTANT pg_catalog.text := pg_catalog.current_setting('role');
    now pg_catalog.text;
BEGIN
    IF begun OPERATOR(pg_catalog.<>) pg_catalog.transaction_timestamp() THEN
        RAISE EXCEPTION USING
            ERRCODE = 'FL004',
            MESSAGE = 'the body of the activity has ended the transaction that it was given (COMMIT or ROLLBACK), '
                'so what it has written and its result would not be one: use savepoints, or a connection of '
                'its own';
    END IF;
    IF pg_catalog.current_setting('synchronous_commit') OPERATOR(pg_catalog.=) 'off' THEN
        now := pg_catalog.set_config('synchronous_commit', 'on', true);
    END IF;
    IF doubtful AND place OPERATOR(pg_catalog.>) 0 THEN
        now := pg_catalog.set_config('role', 'flows_worker', true);
        PERFORM FROM flows.journal j
        WHERE j.shard OPERATOR(pg_catalog.=) checked_position.shard
          AND j.tenant_id OPERATOR(pg_catalog.=) checked_position.tenant_id
          AND j.run_id OPERATOR(pg_catalog.=) checked_position.run_id
          AND j.position OPERATOR(pg_catalog.=) (place OPERATOR(pg_catalog.-) 1);
        IF NOT found THEN
            PERFORM flows.contended();
        END IF;
        now := pg_catalog.set_config('role', before, true);
    END IF;
    RETURN place;
END
$$;

-- Ends a transaction of the application's that the statements of this schema cannot work in.
CREATE FUNCTION flows.refuse() RETURNS boolean LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION USING
        ERRCODE = 'FL003',
        MESSAGE = format('the transaction is %s: begin it READ COMMITTED, the default, because what is '
            'started or sent in it must see what others have committed meanwhile',
            upper(current_setting('transaction_isolation')));
END
$$;

-- Search attributes, for people: as text, and with the name of their type. Who looks sees what his role may see.
CREATE VIEW flows.run_attributes WITH (security_invoker = true) AS
SELECT a.tenant_id, a.run_id, a.name, t.name AS type, a.created_at AS run_created_at,
       CASE t.name
           WHEN 'boolean' THEN (get_byte(a.encoded, 1) = 1)::text
           WHEN 'integer' THEN n.number::text
           WHEN 'timestamp' THEN (timestamptz 'epoch' + n.number * interval '1 microsecond')::text
           WHEN 'text' THEN convert_from(substring(a.encoded FROM 2), 'UTF8')
       END AS value
FROM flows.attributes a
CROSS JOIN LATERAL (SELECT (ARRAY['boolean', 'integer', 'timestamp', 'text'])[get_byte(a.encoded, 0)] AS name) AS t
CROSS JOIN LATERAL (
    SELECT CASE WHEN t.name IN ('integer', 'timestamp')
           THEN ('x' || encode(substring(a.encoded FROM 2), 'hex'))::bit(64)::bigint # (-9223372036854775808)::bigint
           END AS number
) AS n;

-- Stuck runs, for people: why, and when they are tried again (never, of one that is known to end workers).
-- Who looks sees what his role may see.
CREATE VIEW flows.stuck_runs WITH (security_invoker = true) AS
SELECT r.tenant_id, r.workflow_id, r.run_id, r.workflow, r.version, r.queue, r.created_at,
       p.waiting_for AS reason, p.setbacks < 0 AS ends_workers, p.wake_at AS tried_again_at
FROM flows.parked p
JOIN flows.runs r ON r.shard = p.shard AND r.tenant_id = p.tenant_id AND r.run_id = p.run_id
WHERE p.setbacks < 0 OR p.setbacks > 0;

-- Has a stuck run tried again now; one that ends its workers alone, once more. False: it is not stuck.
CREATE FUNCTION flows.retry_stuck(run uuid) RETURNS boolean LANGUAGE sql
    SET search_path = pg_catalog, pg_temp AS $$
    WITH again AS (
        UPDATE flows.parked SET wake_at = statement_timestamp(), setbacks = greatest(setbacks, -2::smallint)
        WHERE run_id = run AND setbacks <> 0
        RETURNING 1
    )
    SELECT EXISTS (SELECT FROM again)
$$;

-- Pauses the runs of a queue, of a workflow, of a version of it, or (of neither) all. False: that was paused before; it has
-- this reason and author now. Workers hear of it when they look next.
CREATE FUNCTION flows.pause(queue text DEFAULT NULL, workflow text DEFAULT NULL, version bigint DEFAULT NULL,
                            reason text DEFAULT NULL, author text DEFAULT session_user) RETURNS boolean LANGUAGE sql
    SET search_path = pg_catalog, pg_temp AS $$
    -- Idempotent: what is paused is paused.
    INSERT INTO flows.pauses (queue, workflow, version, reason, author)
    VALUES (pause.queue, pause.workflow, pause.version, pause.reason, pause.author)
    ON CONFLICT (queue, workflow, version) DO UPDATE SET reason = excluded.reason, author = excluded.author
    RETURNING xmax = 0
$$;

-- Ends a pause. False: there was none.
CREATE FUNCTION flows.resume(queue text DEFAULT NULL, workflow text DEFAULT NULL, version bigint DEFAULT NULL)
    RETURNS boolean LANGUAGE sql
    SET search_path = pg_catalog, pg_temp AS $$
    WITH ended AS (
        DELETE FROM flows.pauses p
        WHERE p.queue IS NOT DISTINCT FROM resume.queue AND p.workflow IS NOT DISTINCT FROM resume.workflow
          AND p.version IS NOT DISTINCT FROM resume.version
        RETURNING 1
    )
    SELECT EXISTS (SELECT FROM ended)
$$;

-- A new UUIDv7: PostgreSQL 18 has it, earlier versions get an equivalent.
DO $uuid$
BEGIN
    IF current_setting('server_version_num')::int >= 180000 THEN
        CREATE FUNCTION flows.uuidv7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE
            AS 'SELECT pg_catalog.uuidv7()';
    ELSE
        CREATE FUNCTION flows.uuidv7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
            SELECT pg_catalog.encode(pg_catalog.set_bit(pg_catalog.set_bit(
                overlay(pg_catalog.uuid_send(pg_catalog.gen_random_uuid())
                    PLACING substring(pg_catalog.int8send((extract(epoch FROM pg_catalog.clock_timestamp())
                                                           OPERATOR(pg_catalog.*) 1000)::bigint) FROM 3)
                FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::pg_catalog.uuid
        $$;
    END IF;
END
$uuid$;
