namespace Ingest.Database.Migrations;

/// <summary>What the server is, as far as it matters for the tables.</summary>
public enum DatabaseEdition
{
    /// <summary>PostgreSQL without TimescaleDB in this database.</summary>
    PlainPostgres,

    /// <summary>TimescaleDB's Apache-2 edition: hypertables, but no compression, no continuous aggregates and no policies.</summary>
    TimescaleApache,

    /// <summary>TimescaleDB's full edition (Timescale License).</summary>
    TimescaleFull,
}

/// <summary>How <c>conditions</c> is stored.</summary>
public enum TableLayout
{
    /// <summary>A hypertable with a chunk a day.</summary>
    Hypertable,

    /// <summary>A declarative partition a UTC day, and a default partition.</summary>
    DayPartitions,

    /// <summary>One ordinary table, as it was found.</summary>
    Ordinary,
}

/// <summary>Something that was not applied.</summary>
/// <param name="What">What.</param>
/// <param name="Why">Why, as a sentence.</param>
/// <param name="ToDo">What to do about it, or null where nothing can be done on this server.</param>
public sealed record LeftOut(string What, string Why, string? ToDo = null);

/// <summary>What a migration found and did.</summary>
/// <param name="Edition">What the server is.</param>
/// <param name="PostgresVersion">PostgreSQL's version.</param>
/// <param name="TimescaleVersion">TimescaleDB's version, or null without it.</param>
/// <param name="Schema">The schema the tables are in: the first of the search path.</param>
/// <param name="Layout">How <c>conditions</c> is stored.</param>
/// <param name="Applied">
/// The scripts that were applied, in order; empty when everything was in place (those that are applied each time do not count).
/// </param>
/// <param name="LeftOut">What was not applied, and why.</param>
/// <param name="PartitionsUntil">
/// With <see cref="TableLayout.DayPartitions"/>: the last day that has its partition; later readings go into the default partition until
/// the next migration moves them.
/// </param>
public sealed record MigrationReport(
    DatabaseEdition Edition,
    string PostgresVersion,
    string? TimescaleVersion,
    string Schema,
    TableLayout Layout,
    IReadOnlyList<string> Applied,
    IReadOnlyList<LeftOut> LeftOut,
    DateOnly? PartitionsUntil);
