namespace Ingest.Schema;

/// <summary>What the start-up check asks the catalog.</summary>
internal static class CatalogSql
{
    /// <summary>Whether this login may have expired readings dropped; null where the function does not exist.</summary>
    public const string MayDropExpired =
        "SELECT has_function_privilege(to_regprocedure('drop_expired_conditions(integer)')::oid, 'EXECUTE')";

    public const string Server =
        """
        SELECT current_setting('server_version') AS Version, current_setting('server_version_num')::integer AS VersionNumber, current_setting('server_encoding') AS Encoding,
            version() LIKE '%emcc%' OR version() LIKE '%wasm%' OR version() LIKE '%emscripten%' AS Embedded,
            pg_is_in_recovery() AS InRecovery, current_setting('default_transaction_read_only')::boolean AS ReadOnly, current_user::text AS "User",
            (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb') AS TimescaleVersion,
            current_setting('timescaledb.license', true) AS TimescaleLicense
        """;

    /// <summary>A table by its quoted name, as the search path finds it. No row: there is none.</summary>
    public const string Table =
        """
        SELECT c.oid::bigint AS Oid, c.relkind::text AS Kind, n.nspname::text AS "Schema", c.relname::text AS Name, row_security_active(c.oid) AS RowSecurity,
            EXISTS (SELECT FROM pg_rewrite r WHERE r.ev_class = c.oid AND r.ev_type = '3' AND r.ev_enabled <> 'D') AS InsertRule
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass(@name)
        """;

    /// <summary>Tables whose names differ from one in capitals or schema alone, as a setting names them.</summary>
    public const string TablesAlike =
        """
        SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE lower(c.relname) = lower(@name) AND c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
        ORDER BY 1 LIMIT 3
        """;

    public const string Columns =
        """
        SELECT a.attname::text AS Name, format_type(a.atttypid, a.atttypmod) AS Type, a.attnotnull AS NotNull, a.atthasdef AS HasDefault,
            a.attgenerated <> '' AS Generated, a.attidentity::text AS Identity, coalesce(NOT l.collisdeterministic, false) AS LooseCollation
        FROM pg_attribute a LEFT JOIN pg_collation l ON l.oid = a.attcollation
        WHERE a.attrelid = @oid::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
        """;

    /// <summary>Unique indexes that can stand behind ON CONFLICT, with their key columns in order.</summary>
    public const string UniqueKeys =
        """
        SELECT array_agg(a.attname::text ORDER BY k.place) FROM pg_index i
        CROSS JOIN LATERAL unnest(i.indkey[0:i.indnkeyatts - 1]) WITH ORDINALITY AS k(attnum, place)
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
        WHERE i.indrelid = @oid::oid AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL
        GROUP BY i.indexrelid
        """;

    /// <summary>
    /// Row triggers before INSERT (bits 0, 1 and 2 of tgtype), besides the one by which TimescaleDB guards a hypertable's root.
    /// </summary>
    public const string BeforeTriggers =
        """
        SELECT tgname::text FROM pg_trigger
        WHERE tgrelid = @oid::oid AND NOT tgisinternal AND tgenabled <> 'D' AND tgtype & 7 = 7 AND tgname <> 'ts_insert_blocker'
        """;

    /// <summary>The other triggers on INSERT, besides TimescaleDB's own.</summary>
    public const string OtherTriggers =
        """
        SELECT t.tgname::text AS Name, t.tgtype & 1 = 1 AS EachRow
        FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE t.tgrelid = @oid::oid AND NOT t.tgisinternal AND t.tgenabled <> 'D' AND t.tgtype & 4 = 4 AND t.tgtype & 3 <> 3
            AND NOT starts_with(n.nspname, '_timescaledb')
        ORDER BY t.tgname
        """;

    public const string Policies = "SELECT polname::text FROM pg_policy WHERE polrelid = @oid::oid ORDER BY polname";

    /// <summary>Foreign keys of the table and to it.</summary>
    public const string ForeignKeys =
        """
        SELECT conname::text AS Name, conrelid = @oid::oid AS IsOwn, confdeltype::text AS OnDelete,
            (CASE WHEN conrelid = @oid::oid THEN confrelid ELSE conrelid END)::regclass::text AS Other
        FROM pg_constraint WHERE contype = 'f' AND conparentid = 0 AND (conrelid = @oid::oid OR confrelid = @oid::oid) ORDER BY conname
        """;

    public const string MissingPrivileges =
        "SELECT p FROM unnest(@wanted::text[]) AS p WHERE NOT has_table_privilege(@oid::oid, p)";

    /// <summary>Whether a hypertable compresses its chunks. No row: it is no hypertable.</summary>
    public const string Hypertable =
        "SELECT compression_enabled FROM timescaledb_information.hypertables WHERE hypertable_schema = @schema AND hypertable_name = @name";
}
