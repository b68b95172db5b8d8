namespace Ingest.Schema;

/// <summary>
/// The operator's own triggers, policies and foreign keys that act on readings. They are allowed and do not prevent a start; they are
/// reported so that nobody has to guess why a reading is missing.
/// </summary>
internal static class SchemaWarnings
{
    public static async Task<IReadOnlyList<SchemaProblem>> FindAsync(Catalog catalog, TableRow table, string name, string user)
    {
        var oid = new { oid = table.Oid };
        var triggers = await catalog.ListAsync<TriggerRow>(CatalogSql.OtherTriggers, oid);
        var policies = await catalog.ListAsync<string>(CatalogSql.Policies, oid);
        var keys = await catalog.ListAsync<ForeignKeyRow>(CatalogSql.ForeignKeys, oid);
        return
        [
            .. triggers.Select(trigger => Of(trigger, name)),
            // Where they bind this login, the check refuses to start.
            .. policies.Count > 0 && !table.RowSecurity ? [OfPolicies(policies, name, user)] : Array.Empty<SchemaProblem>(),
            .. keys.Select(key => Of(key, name)),
        ];
    }

    private static SchemaProblem Of(TriggerRow trigger, string table) => new(
        trigger.EachRow
            ? $"Trigger {trigger.Name} on {table} runs after each new row: a reading it raises for is dead-lettered, and where it raises "
                + "for all, everything waits. It does not run for duplicates, and writing is as slow as it is."
            : $"Trigger {trigger.Name} on {table} runs at each statement that writes rows, thousands at a time or one: what it raises for "
                + "is tried again row by row, and everything waits where it raises for all.",
        "What it writes itself is committed with the readings.");

    private static SchemaProblem OfPolicies(IReadOnlyList<string> policies, string table, string user) => new(
        $"{table} has row-level policies ({string.Join(", ", policies)}), which do not bind the login {user} now: a login that they bind "
            + "would not see stored rows and store them again, and readings that they refuse would be dead-lettered.",
        "Leave this login the owner's rights or BYPASSRLS.");

    private static SchemaProblem Of(ForeignKeyRow key, string table) => key.IsOwn
        ? new(
            $"Foreign key {key.Name} lets {table} hold only what {key.Other} has: a reading of anything else is dead-lettered."
                + key.OnDelete switch
                {
                    "c" => $" What is deleted in {key.Other} takes its readings with it (ON DELETE CASCADE).",
                    "n" or "d" =>
                        $" What is deleted in {key.Other} changes stored readings (ON DELETE SET …), which a replay then stores again.",
                    _ => "",
                },
            $"Fill {key.Other} before a device sends, or drop the constraint.")
        : new(
            $"{key.Other} references {table} (foreign key {key.Name}): what it references cannot be dropped by a retention.",
            "Drop the constraint where readings are to expire.");
}
