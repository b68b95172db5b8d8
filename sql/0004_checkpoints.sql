-- How far each consumer group has read each partition, with the accounts up to there. Moved only in the transaction that stores the rows, and
-- only by the owner of the epoch.
CREATE TABLE IF NOT EXISTS checkpoints (
    hub             text,
    consumer_group  text,
    partition       text,
    epoch           bigint      NOT NULL,
    "offset"        text,                        -- null: claimed, nothing read yet
    sequence_number bigint,
    enqueued_time   timestamptz,                 -- the hub's own stamp, where the hub no longer knows the offset
    received        bigint      NOT NULL DEFAULT 0,
    stored          bigint      NOT NULL DEFAULT 0,
    duplicate       bigint      NOT NULL DEFAULT 0,
    dead_lettered   bigint      NOT NULL DEFAULT 0,
    ignored         bigint      NOT NULL DEFAULT 0,
    collisions      bigint      NOT NULL DEFAULT 0,
    not_kept        bigint      NOT NULL DEFAULT 0,
    missed          bigint      NOT NULL DEFAULT 0,
    updated_at      timestamptz NOT NULL,
    PRIMARY KEY (hub, consumer_group, partition)
);
