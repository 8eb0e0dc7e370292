-- Fails whoever takes its functions, operators and types for those of PostgreSQL.
CREATE SCHEMA evil;
GRANT USAGE ON SCHEMA evil TO PUBLIC;

DO $evil$
DECLARE
    of record;
    made integer := 0;
BEGIN
    FOR of IN
        SELECT format('FUNCTION evil.%I(%s) RETURNS %s', proname, pg_get_function_identity_arguments(oid),
                      pg_get_function_result(oid)) AS head, proname AS name
        FROM pg_catalog.pg_proc
        WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind IN ('f', 'a')
    LOOP
        BEGIN
            EXECUTE format('CREATE %s LANGUAGE plpgsql AS $f$BEGIN RAISE EXCEPTION %L; END$f$', of.head,
                           'evil.' || of.name);
            made := made + 1;
        EXCEPTION WHEN OTHERS THEN
            NULL; -- it takes what only the server can give
        END;
    END LOOP;
    FOR of IN
        SELECT oprname AS name, oprleft::regtype AS lhs, oprright::regtype AS rhs, oprresult::regtype AS result, oid
        FROM pg_catalog.pg_operator
        WHERE oprnamespace = 'pg_catalog'::regnamespace AND oprleft > 0 AND oprright > 0 AND oprresult > 0
    LOOP
        BEGIN
            EXECUTE format('CREATE FUNCTION evil.op_%s(%s, %s) RETURNS %s LANGUAGE plpgsql AS '
                           '$f$BEGIN RAISE EXCEPTION %L; END$f$', of.oid, of.lhs, of.rhs, of.result,
                           'operator evil.' || of.name);
            EXECUTE format('CREATE OPERATOR evil.%s (FUNCTION = evil.op_%s, LEFTARG = %s, RIGHTARG = %s)',
                           of.name, of.oid, of.lhs, of.rhs);
            made := made + 1;
        EXCEPTION WHEN OTHERS THEN
            NULL;
        END;
    END LOOP;
    IF made < 2000 THEN
        RAISE EXCEPTION 'only % could be made', made;
    END IF;
END
$evil$;

DROP FUNCTION evil.count();
CREATE FUNCTION evil.step(bigint) RETURNS bigint LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'evil.count'; END$$;
CREATE AGGREGATE evil.count (*) (SFUNC = evil.step, STYPE = bigint, INITCOND = '0');
CREATE DOMAIN evil.uuid AS text CHECK (false);
CREATE DOMAIN evil.interval AS text CHECK (false);
CREATE DOMAIN evil.text AS pg_catalog.text CHECK (false);
