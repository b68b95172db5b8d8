-- Readings that could not be stored as rows, whole, each with its reason. Of one message at most 100, and 1 MiB of copies of its body, are
-- kept: its further ones are counted, like those past the quota.
CREATE TABLE IF NOT EXISTS dead_letters (
    key              bytea       PRIMARY KEY, -- SHA-256 of (SHA-256 of stamp, device and body) and element: a dead letter seen again is a duplicate
    time             timestamptz,
    device           text,
    module           text,
    reason           text        NOT NULL,    -- a stable code
    detail           text        NOT NULL,    -- a sentence
    element          integer     NOT NULL,    -- the element of the body's array; -1: the whole body
    hub              text        NOT NULL,
    partition        text        NOT NULL,
    sequence_number  bigint,
    "offset"         text,
    message_id       text,
    message_source   text,
    content_type     text,
    content_encoding text,
    properties       jsonb       NOT NULL,
    body             bytea       NOT NULL,
    received_at      timestamptz NOT NULL
);

CREATE INDEX IF NOT EXISTS dead_letters_received_at_idx ON dead_letters (received_at);
CREATE INDEX IF NOT EXISTS dead_letters_reason_received_at_idx ON dead_letters (reason, received_at);
