-- Before all migrations: the schema, and the table that says which of them it has.
CREATE SCHEMA IF NOT EXISTS flows;

CREATE TABLE IF NOT EXISTS flows.schema_version (
    version    integer     PRIMARY KEY,
    name       text        NOT NULL,
    serves     integer     NOT NULL,                   -- builds for this version and later work with it
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- Every table of this schema has forced row security; this one has nothing to hide.
DO $version$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_policy WHERE polrelid = 'flows.schema_version'::regclass) THEN
        ALTER TABLE flows.schema_version ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
        CREATE POLICY everybody ON flows.schema_version USING (true);
    END IF;
END
$version$;
