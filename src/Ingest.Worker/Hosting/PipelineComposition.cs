using Ingest.Checkpoints;
using Ingest.Decode;
using Ingest.Diagnostics;
using Ingest.Schema;
using Ingest.Settings;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Ingest.Worker.Hosting;

/// <summary>What a pipeline is for: it decides which way is written first.</summary>
public enum Purpose
{
    /// <summary>Events are new, save for redeliveries.</summary>
    Worker,

    /// <summary>Events are expected to be stored already.</summary>
    Replay,
}

/// <summary>The pipeline and what stands around it, put together from the settings.</summary>
public sealed class PipelineComposition : IAsyncDisposable
{
    // A replay is small beside a running worker: fewer contradictions are enough to see that the mapping has changed.
    private const int DifferencesToRefuseInReplay = 100;

    private readonly NpgsqlDataSource? _ownDataSource;

    private PipelineComposition(
        PipelineSettings settings,
        TelemetryMapping mapping,
        NpgsqlDataSource dataSource,
        NpgsqlDataSource? ownDataSource,
        Purpose purpose,
        ILoggerFactory loggers)
    {
        Settings = settings;
        Mapping = mapping;
        DataSource = dataSource;
        _ownDataSource = ownDataSource;
        Checkpoints = new CheckpointTable(dataSource);
        Store = new StoreReader(dataSource, TargetTable.Of(mapping));
        Pipeline = new IngestPipeline(
            dataSource,
            new IngestSettings
            {
                Telemetry = settings.Telemetry,
                Commit = purpose == Purpose.Replay ? OfReplay(settings.Commit) : settings.Commit,
                DeadLetters = settings.DeadLetters,
                Database = settings.Database,
            },
            loggers: loggers);
    }

    public PipelineSettings Settings { get; }

    public TelemetryMapping Mapping { get; }

    public NpgsqlDataSource DataSource { get; }

    public CheckpointTable Checkpoints { get; }

    public StoreReader Store { get; }

    public IngestPipeline Pipeline { get; }

    public static PipelineComposition Create(PipelineSettings settings, TelemetryMapping mapping, Purpose purpose, ILoggerFactory loggers)
    {
        var dataSource = DatabaseLogin.Connect(settings.Database, loggers);
        return new PipelineComposition(settings, mapping, dataSource, dataSource, purpose, loggers);
    }

    /// <summary>A second pipeline on the connections of this one.</summary>
    public PipelineComposition With(PipelineSettings settings, Purpose purpose, ILoggerFactory loggers) =>
        new(settings, Mapping, DataSource, ownDataSource: null, purpose, loggers);

    public async ValueTask DisposeAsync()
    {
        await Pipeline.DisposeAsync();
        if (_ownDataSource is not null)
        {
            await _ownDataSource.DisposeAsync();
        }
    }

    private static CommitSettings OfReplay(CommitSettings settings) => new()
    {
        MaxRows = settings.MaxRows,
        MaxBytes = settings.MaxBytes,
        MaxDelayMilliseconds = settings.MaxDelayMilliseconds,
        GiveUpAfterSeconds = settings.GiveUpAfterSeconds,
        AcceptDifferences = settings.AcceptDifferences,
        DifferencesToRefuse = Math.Min(settings.DifferencesToRefuse, DifferencesToRefuseInReplay),
        Writers = settings.Writers,
        ExpectDuplicates = true,
    };
}
