-- Applied each time a retention is asked for: nothing in the server does it, so what is past it now is dropped now.
SELECT drop_conditions_partitions(current_setting('ingest.retention_days')::integer);
