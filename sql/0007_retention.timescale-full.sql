-- Applied each time a retention is asked for: the server drops the chunks that are past it.
SELECT remove_retention_policy('conditions', if_exists => true);
SELECT add_retention_policy('conditions', make_interval(days => current_setting('ingest.retention_days')::integer));
