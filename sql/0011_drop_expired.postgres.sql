-- For retention that runs by itself: whoever writes readings, and may delete none, may have whole days dropped that are past it. Drops the partitions
-- that end before the last retention_days, and what the default partition holds of days as old. Returns how many partitions it dropped.
CREATE OR REPLACE FUNCTION drop_expired_conditions(retention_days integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET lock_timeout = '5s' AS $$
DECLARE
    oldest  date;
    expired regclass;
    dropped integer := 0;
BEGIN
    IF retention_days IS NULL OR retention_days < 1 THEN
        RAISE EXCEPTION 'A retention is 1 day or more, not %.', coalesce(retention_days::text, 'nothing') USING ERRCODE = 'invalid_parameter_value';
    END IF;

    IF (SELECT relkind FROM pg_class WHERE oid = 'conditions'::regclass) <> 'p' THEN
        RAISE EXCEPTION 'conditions has no partitions, so that nothing whole can be dropped.' USING ERRCODE = 'feature_not_supported';
    END IF;

    oldest := ((now() - make_interval(days => retention_days)) AT TIME ZONE 'UTC')::date;
    -- First, as dropping locks out whoever writes until the end.
    DELETE FROM conditions_default WHERE time < oldest::timestamp AT TIME ZONE 'UTC';
    FOR expired IN
        SELECT c.oid::regclass
        FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'conditions'::regclass
          AND c.relname ~ '^conditions_\d{8}$' AND c.relname < 'conditions_' || to_char(oldest, 'YYYYMMDD')
        ORDER BY c.relname
    LOOP
        EXECUTE format('DROP TABLE %s', expired);
        dropped := dropped + 1;
    END LOOP;

    RETURN dropped;
END $$;

-- It runs with its owner's rights, so it finds its tables where they are, and never what its caller has put in front of them.
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION drop_expired_conditions(integer) SET search_path = pg_catalog, %I, pg_temp', current_schema());
END $$;

REVOKE EXECUTE ON FUNCTION drop_expired_conditions(integer) FROM PUBLIC;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'ingest_writer') THEN
        GRANT EXECUTE ON FUNCTION drop_expired_conditions(integer) TO ingest_writer;
    END IF;
END $$;
