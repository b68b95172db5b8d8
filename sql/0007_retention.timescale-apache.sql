-- Applied each time a retention is asked for: this edition has no policies, so what is past it now is dropped now.
SELECT drop_chunks('conditions', make_interval(days => current_setting('ingest.retention_days')::integer));
