-- Which worker reads which partition: who renews a row in time keeps it, and the others leave it alone. It decides who works, not what is
-- true: two workers on one partition for a moment do no harm, as the checkpoint moves for one of them alone.
CREATE TABLE IF NOT EXISTS partition_owners (
    hub            text,
    consumer_group text,
    partition      text,
    owner          text        NOT NULL,    -- the worker's name for this run; empty: given up
    owned_since    timestamptz NOT NULL,
    last_modified  timestamptz NOT NULL,    -- by this server's clock: workers' clocks are never compared
    version        bigint      NOT NULL,    -- a claim names the version it has seen
    PRIMARY KEY (hub, consumer_group, partition)
);

-- 0008 has run before this table was there.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'ingest_writer') THEN
        GRANT SELECT, INSERT, UPDATE ON partition_owners TO ingest_writer;
    END IF;
END $$;
