namespace Ingest.Schema;

/// <summary>Something that would prevent readings from being stored correctly.</summary>
/// <param name="What">What is wrong.</param>
/// <param name="ToDo">What to do about it.</param>
public sealed record SchemaProblem(string What, string ToDo)
{
    public override string ToString() => $"{What} {ToDo}";
}

/// <summary>What the start-up check found.</summary>
/// <param name="Problems">All that is wrong, at once; none: the pipeline may start.</param>
/// <param name="ServerVersion">PostgreSQL's version.</param>
/// <param name="TimescaleVersion">TimescaleDB's version; null where the extension is not in the database.</param>
/// <param name="TimescaleLicense">TimescaleDB's edition: <c>apache</c> or <c>timescale</c>; null without the extension.</param>
/// <param name="IsHypertable">Whether the table is a hypertable.</param>
/// <param name="Warnings">What may act on readings besides the pipeline: triggers, policies, foreign keys. No reason not to start.</param>
public sealed record SchemaReport(
    IReadOnlyList<SchemaProblem> Problems,
    string ServerVersion,
    string? TimescaleVersion,
    string? TimescaleLicense,
    bool IsHypertable,
    IReadOnlyList<SchemaProblem> Warnings);
