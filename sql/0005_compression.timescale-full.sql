-- Chunks are compressed a week after their day: the longest that IoT Hub keeps events, so that neither late devices nor a replay from the hub
-- meet a compressed chunk. Segmented by device and ordered by time, so that an upsert into one decompresses only the batch that holds its key.
-- Applied once: what an operator changes afterwards stays changed.
ALTER TABLE conditions SET (
    timescaledb.compress,
    timescaledb.compress_segmentby = 'device',
    timescaledb.compress_orderby = 'time DESC');

SELECT add_compression_policy('conditions', INTERVAL '7 days', if_not_exists => true);
