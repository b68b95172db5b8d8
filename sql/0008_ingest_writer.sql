-- Applied each time, where the role exists or may be made: what a login needs to run the pipeline. Make it a member:
--   CREATE ROLE my_worker LOGIN PASSWORD '…' IN ROLE ingest_writer;
-- It owns nothing, changes no reading and deletes none.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'ingest_writer') THEN
        CREATE ROLE ingest_writer NOLOGIN;
    END IF;
EXCEPTION
    -- Roles belong to the whole server: another database's migration may have made it, even this moment.
    WHEN duplicate_object OR unique_violation THEN NULL;
END $$;

DO $$
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO ingest_writer', current_schema());
END $$;

GRANT SELECT, INSERT ON conditions TO ingest_writer;
GRANT SELECT, INSERT, UPDATE ON checkpoints TO ingest_writer;
GRANT SELECT, INSERT, UPDATE, DELETE ON dead_letters TO ingest_writer;
GRANT SELECT, INSERT, UPDATE, DELETE ON dead_letter_quotas TO ingest_writer;

-- Made by later scripts, which grant them where this role is there already.
DO $$
BEGIN
    IF to_regclass('partition_owners') IS NOT NULL THEN
        GRANT SELECT, INSERT, UPDATE ON partition_owners TO ingest_writer;
    END IF;

    IF to_regclass('dead_letter_totals') IS NOT NULL THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON dead_letter_totals TO ingest_writer;
    END IF;

    IF to_regclass('dead_letter_accounts') IS NOT NULL THEN
        GRANT SELECT ON dead_letter_accounts TO ingest_writer;
    END IF;

    IF to_regclass('forgotten_state') IS NOT NULL THEN
        GRANT SELECT ON forgotten_devices, forgotten_state TO ingest_writer;
    END IF;
END $$;
