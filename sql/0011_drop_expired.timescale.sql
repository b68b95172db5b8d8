-- For retention that runs by itself, on either edition: whoever writes readings, and may delete none, may have whole chunks dropped that are past it.
-- Drops the chunks that end before the last retention_days, and nothing of a younger one. Returns how many it dropped.
CREATE OR REPLACE FUNCTION drop_expired_conditions(retention_days integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET lock_timeout = '5s' AS $$
BEGIN
    IF retention_days IS NULL OR retention_days < 1 THEN
        RAISE EXCEPTION 'A retention is 1 day or more, not %.', coalesce(retention_days::text, 'nothing') USING ERRCODE = 'invalid_parameter_value';
    END IF;

    RETURN (SELECT count(*) FROM drop_chunks('conditions', older_than => now() - make_interval(days => retention_days)));
END $$;

-- It runs with its owner's rights, so it finds its tables where they are, and never what its caller has put in front of them.
DO $$
BEGIN
    EXECUTE format(
        'ALTER FUNCTION drop_expired_conditions(integer) SET search_path = pg_catalog, %I, %s, pg_temp',
        current_schema(),
        (SELECT extnamespace::regnamespace FROM pg_extension WHERE extname = 'timescaledb'));
END $$;

REVOKE EXECUTE ON FUNCTION drop_expired_conditions(integer) FROM PUBLIC;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'ingest_writer') THEN
        GRANT EXECUTE ON FUNCTION drop_expired_conditions(integer) TO ingest_writer;
    END IF;
END $$;
