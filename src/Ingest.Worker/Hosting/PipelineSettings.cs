using Ingest.Settings;
using Ingest.Sources.EventHubs;

namespace Ingest.Worker.Hosting;

/// <summary>The settings of a command that reads a hub through the pipeline.</summary>
public sealed record PipelineSettings
{
    public required HubSettings Hub { get; init; }

    public required DatabaseSettings Database { get; init; }

    public required TelemetrySettings Telemetry { get; init; }

    public required CommitSettings Commit { get; init; }

    public required DeadLetterSettings DeadLetters { get; init; }

    /// <summary>Reads every section, adding what is wrong to the reader.</summary>
    /// <param name="reader">Where from.</param>
    /// <param name="needsHub">Whether a hub must be named.</param>
    /// <param name="needsDatabase">Whether a database must be named.</param>
    public static PipelineSettings Read(SettingsReader reader, bool needsHub = true, bool needsDatabase = true) => new()
    {
        Hub = needsHub ? reader.Read<HubSettings>(HubSettings.Section) : new HubSettings(),
        Database = needsDatabase ? reader.Read<DatabaseSettings>(DatabaseSettings.Section) : new DatabaseSettings(),
        Telemetry = reader.Read<TelemetrySettings>(TelemetrySettings.Section),
        Commit = reader.Read<CommitSettings>(CommitSettings.Section),
        DeadLetters = reader.Read<DeadLetterSettings>(DeadLetterSettings.Section),
    };
}
