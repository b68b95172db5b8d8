using System.ComponentModel.DataAnnotations;

namespace Ingest.Database.Migrations;

/// <summary>How the default tables are laid out.</summary>
public sealed class MigrationSettings
{
    /// <summary>Plain tables with a partition a day even where TimescaleDB is available. Default: false.</summary>
    public bool PlainPostgres { get; init; }

    /// <summary>Whether chunks are compressed a week after their day, where the server can. Default: true.</summary>
    public bool Compress { get; init; } = true;

    /// <summary>
    /// Days that readings are kept. Default: null, for ever. Where the server has no policies, each migration drops what is past it, so run it daily.
    /// </summary>
    [Range(1, 36_500)]
    public int? RetentionDays { get; init; }

    /// <summary>Days after today for which a partition is made on plain PostgreSQL. Default: 30.</summary>
    [Range(1, 3_650)]
    public int PartitionDaysAhead { get; init; } = 30;
}
