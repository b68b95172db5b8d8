-- Devices that were forgotten on request (ingest forget): what they sent before a time is not stored again, by no worker, replay or import. A device is
-- kept as the SHA-256 of the salt and its name. The salt keeps anyone who has only the hashes from trying names.
CREATE TABLE IF NOT EXISTS forgotten_devices (
    device       bytea       PRIMARY KEY,
    until        timestamptz NOT NULL,
    forgotten_at timestamptz NOT NULL DEFAULT now()
);

-- One row. The version changes with the devices; a writer's transaction fails at its end unless it knows the current one.
CREATE TABLE IF NOT EXISTS forgotten_state (
    one     boolean PRIMARY KEY DEFAULT true CHECK (one),
    version bigint  NOT NULL DEFAULT 0,
    salt    bytea   NOT NULL DEFAULT decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex')
);

INSERT INTO forgotten_state DEFAULT VALUES ON CONFLICT DO NOTHING;

-- 0008 has run before these were there.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'ingest_writer') THEN
        GRANT SELECT ON forgotten_devices, forgotten_state TO ingest_writer;
    END IF;
END $$;
