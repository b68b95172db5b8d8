-- Dead letters that are mended: what became of each, and accounts that stay whole when a letter is resolved, or deleted past its retention.
ALTER TABLE dead_letters
    ADD COLUMN IF NOT EXISTS annotations jsonb,       -- the mapped ones; null: not known, as the letter is older than this column
    ADD COLUMN IF NOT EXISTS numbering   text,        -- the settings by which "element" counts; null: not known
    ADD COLUMN IF NOT EXISTS resolution  text CHECK (resolution IN ('stored', 'duplicate', 'discarded')), -- null: the letter is open
    ADD COLUMN IF NOT EXISTS resolved_at timestamptz,
    ADD COLUMN IF NOT EXISTS resolved_by text,        -- the command and its login
    ADD COLUMN IF NOT EXISTS because     text;        -- why it was discarded

-- What became of the letters that arrived on the day. From now on a day's row stays: the accounts reach over all of history. Letters from before are
-- counted once: a day of which more were kept than are there has lost them to the retention; a day that was not counted (it is older than 0010)
-- begins with what is there.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'dead_letter_totals'::regclass AND attname = 'past_retention') THEN
        RETURN;
    END IF;

    LOCK TABLE dead_letters, dead_letter_quotas, dead_letter_totals IN SHARE ROW EXCLUSIVE MODE;
    ALTER TABLE dead_letter_totals
        ADD COLUMN stored         bigint NOT NULL DEFAULT 0,
        ADD COLUMN duplicate      bigint NOT NULL DEFAULT 0,
        ADD COLUMN discarded      bigint NOT NULL DEFAULT 0,
        ADD COLUMN past_retention bigint NOT NULL DEFAULT 0; -- deleted while they were open
    INSERT INTO dead_letter_totals AS t (day, kept, kept_bytes, not_kept)
    SELECT day, coalesce(l.kept, 0), coalesce(l.bytes, 0), coalesce(q.not_kept, 0)
    FROM (SELECT (received_at AT TIME ZONE 'UTC')::date AS day, count(*) AS kept, sum(length(body)) AS bytes FROM dead_letters GROUP BY 1) AS l
    FULL JOIN (SELECT day, sum(not_kept)::bigint AS not_kept FROM dead_letter_quotas GROUP BY 1) AS q USING (day)
    ON CONFLICT (day) DO UPDATE SET kept = greatest(t.kept, EXCLUDED.kept), not_kept = greatest(t.not_kept, EXCLUDED.not_kept);
    UPDATE dead_letter_totals AS t SET past_retention = t.kept - coalesce(l.n, 0)
    FROM dead_letter_totals AS d
    LEFT JOIN (SELECT (received_at AT TIME ZONE 'UTC')::date AS day, count(*) AS n FROM dead_letters GROUP BY 1) AS l USING (day)
    WHERE t.day = d.day;
END $$;

-- Counts what becomes of letters, whoever resolves or deletes them: this program, its version before, or somebody by hand.
CREATE OR REPLACE FUNCTION count_resolved_dead_letters() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    -- Days in one order, so that two of these do not wait for each other.
    PERFORM FROM dead_letter_totals
    WHERE day IN (SELECT (received_at AT TIME ZONE 'UTC')::date FROM after WHERE resolution IS NOT NULL) ORDER BY day FOR UPDATE;
    UPDATE dead_letter_totals AS t
    SET stored = t.stored + c.stored, duplicate = t.duplicate + c.duplicate, discarded = t.discarded + c.discarded
    FROM (
        SELECT day, sum(n) FILTER (WHERE resolution = 'stored') AS stored, sum(n) FILTER (WHERE resolution = 'duplicate') AS duplicate,
            sum(n) FILTER (WHERE resolution = 'discarded') AS discarded
        FROM (
            SELECT (received_at AT TIME ZONE 'UTC')::date AS day, resolution, 1 AS n FROM after
            UNION ALL
            SELECT (received_at AT TIME ZONE 'UTC')::date, resolution, -1 FROM before) AS changes
        GROUP BY day) AS d
    CROSS JOIN LATERAL (
        SELECT coalesce(d.stored, 0) AS stored, coalesce(d.duplicate, 0) AS duplicate, coalesce(d.discarded, 0) AS discarded) AS c
    WHERE t.day = d.day AND (c.stored <> 0 OR c.duplicate <> 0 OR c.discarded <> 0);
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION count_deleted_dead_letters() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM FROM dead_letter_totals
    WHERE day IN (SELECT (received_at AT TIME ZONE 'UTC')::date FROM before WHERE resolution IS NULL) ORDER BY day FOR UPDATE;
    UPDATE dead_letter_totals AS t SET past_retention = t.past_retention + d.n
    FROM (SELECT (received_at AT TIME ZONE 'UTC')::date AS day, count(*) AS n FROM before WHERE resolution IS NULL GROUP BY 1) AS d
    WHERE t.day = d.day;
    RETURN NULL;
END $$;

-- Made once, as making one locks out whoever writes.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'dead_letters'::regclass AND tgname = 'count_resolved') THEN
        CREATE TRIGGER count_resolved AFTER UPDATE ON dead_letters
            REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION count_resolved_dead_letters();
        CREATE TRIGGER count_deleted AFTER DELETE ON dead_letters
            REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION count_deleted_dead_letters();
    END IF;
END $$;

-- By UTC day of arrival: dead_lettered = open + stored + duplicate + discarded + not_kept + past_retention. "open" is counted from the letters
-- themselves, all else was added up in the transaction in which it happened.
CREATE OR REPLACE VIEW dead_letter_accounts AS
SELECT day, coalesce(t.kept + t.not_kept, 0) AS dead_lettered, coalesce(o.open, 0) AS open, coalesce(t.stored, 0) AS stored,
    coalesce(t.duplicate, 0) AS duplicate, coalesce(t.discarded, 0) AS discarded, coalesce(t.not_kept, 0) AS not_kept,
    coalesce(t.past_retention, 0) AS past_retention
FROM dead_letter_totals AS t
FULL JOIN (
    SELECT (received_at AT TIME ZONE 'UTC')::date AS day, count(*) AS open FROM dead_letters WHERE resolution IS NULL GROUP BY 1) AS o USING (day);

-- 0008 has run before these were there.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'ingest_writer') THEN
        GRANT UPDATE ON dead_letters TO ingest_writer;
        GRANT SELECT ON dead_letter_accounts TO ingest_writer;
    END IF;
END $$;
