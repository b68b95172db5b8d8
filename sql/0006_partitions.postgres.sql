-- Applied each time: partitions for the coming days. A scheduler inside the database may call the functions too.

-- Makes the missing partitions from days_back before today to days_ahead after it (UTC), and one for each other day that has rows in the
-- default partition; moves those rows to where they belong. Returns how many it made. Writers wait while rows are moved; readers do not.
-- A bound becomes text on its way into DDL, so it is written and read in one form, whatever the caller's.
CREATE OR REPLACE FUNCTION extend_conditions_partitions(days_back integer, days_ahead integer) RETURNS integer
LANGUAGE plpgsql SET search_path FROM CURRENT SET DateStyle = 'ISO, YMD' SET TimeZone = 'UTC' AS $$
DECLARE
    today   date := (now() AT TIME ZONE 'UTC')::date;
    missing date[];
    day     date;
    name    text;
    lower   timestamptz;
    upper   timestamptz;
BEGIN
    SELECT array_agg(wanted ORDER BY wanted) INTO missing
    FROM (SELECT today + n AS wanted FROM generate_series(-days_back, days_ahead) AS n
          UNION
          SELECT (time AT TIME ZONE 'UTC')::date FROM conditions_default) AS days
    WHERE to_regclass(format('%I.%I', current_schema(), 'conditions_' || to_char(wanted, 'YYYYMMDD'))) IS NULL;

    IF missing IS NULL THEN
        RETURN 0;
    END IF;

    -- A row written to the default partition while its day's partition is made would make that fail.
    LOCK TABLE conditions IN SHARE ROW EXCLUSIVE MODE;
    FOREACH day IN ARRAY missing LOOP
        name := 'conditions_' || to_char(day, 'YYYYMMDD');
        lower := day::timestamp AT TIME ZONE 'UTC';
        upper := (day + 1)::timestamp AT TIME ZONE 'UTC';
        EXECUTE format('CREATE TABLE %I (LIKE conditions INCLUDING ALL)', name);
        EXECUTE format(
            'WITH moved AS (DELETE FROM conditions_default WHERE time >= %L AND time < %L RETURNING *) INSERT INTO %I SELECT * FROM moved',
            lower, upper, name);
        EXECUTE format('ALTER TABLE conditions ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name, lower, upper);
    END LOOP;

    RETURN cardinality(missing);
END $$;

-- Drops the partitions of the days before the last days_kept, and such rows of the default partition. Returns how many it dropped.
CREATE OR REPLACE FUNCTION drop_conditions_partitions(days_kept integer) RETURNS integer
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    oldest  date := (now() AT TIME ZONE 'UTC')::date - days_kept;
    expired regclass;
    dropped integer := 0;
BEGIN
    FOR expired IN
        SELECT c.oid::regclass
        FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'conditions'::regclass
          AND c.relname ~ '^conditions_\d{8}$' AND c.relname < 'conditions_' || to_char(oldest, 'YYYYMMDD')
    LOOP
        EXECUTE format('DROP TABLE %s', expired);
        dropped := dropped + 1;
    END LOOP;

    DELETE FROM conditions_default WHERE time < oldest::timestamp AT TIME ZONE 'UTC';
    RETURN dropped;
END $$;

SELECT extend_conditions_partitions(7, current_setting('ingest.days_ahead')::integer);
