-- Dead letters by UTC day of arrival, all devices together: a quota of bytes for each device (dead_letter_quotas), and one of rows and bytes for all,
-- past which they are counted and not kept.
ALTER TABLE dead_letter_quotas ADD COLUMN IF NOT EXISTS kept_bytes bigint NOT NULL DEFAULT 0;

CREATE TABLE IF NOT EXISTS dead_letter_totals (
    day        date   PRIMARY KEY,
    kept       bigint NOT NULL,
    kept_bytes bigint NOT NULL,
    not_kept   bigint NOT NULL
);

-- 0008 has run before this table was there.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'ingest_writer') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON dead_letter_totals TO ingest_writer;
    END IF;
END $$;
