-- Readings, as a hypertable. The key is (time, device): time is IoT Hub's stamp, to the millisecond; a second, different reading of a device
-- in the same millisecond lies at the next free microsecond.
CREATE TABLE IF NOT EXISTS conditions (
    time        timestamptz      NOT NULL,
    device      text             NOT NULL,
    temperature double precision,
    humidity    double precision
);

-- A chunk is a day: retention, compression and a replay of "yesterday" then touch whole chunks, and the same table on plain PostgreSQL has the
-- same bounds. Where a day's chunk and its index outgrow a quarter of the memory, make the next ones shorter: set_chunk_time_interval().
-- No index of TimescaleDB's own choosing: the key below serves queries by time, and each further index costs every row that is written.
SELECT create_hypertable('conditions', 'time',
    chunk_time_interval => INTERVAL '1 day', create_default_indexes => false, if_not_exists => true);

CREATE UNIQUE INDEX IF NOT EXISTS conditions_time_device_idx ON conditions (time, device);
