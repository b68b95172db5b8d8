-- Readings on a server without TimescaleDB: the same table and key, with a declarative partition a UTC day (0006) in place of chunks.
CREATE TABLE IF NOT EXISTS conditions (
    time        timestamptz      NOT NULL,
    device      text             NOT NULL,
    temperature double precision,
    humidity    double precision
) PARTITION BY RANGE (time);

CREATE UNIQUE INDEX IF NOT EXISTS conditions_time_device_idx ON conditions (time, device);

-- For the days that have no partition yet: the ingest role owns nothing and so can make none, and no reading is refused for want of one.
CREATE TABLE IF NOT EXISTS conditions_default PARTITION OF conditions DEFAULT;
