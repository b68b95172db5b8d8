using Ingest.Checkpoints;
using Ingest.DeadLetters;
using Ingest.Decode;
using Ingest.Diagnostics;
using Ingest.Events;
using Ingest.Failures;
using Ingest.GroupCommit;
using Ingest.Schema;
using Ingest.Settings;
using Ingest.Write;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Ingest;

/// <summary>What a pipeline is made with.</summary>
public sealed class IngestSettings
{
    public TelemetrySettings Telemetry { get; init; } = new();

    public CommitSettings Commit { get; init; } = new();

    public DeadLetterSettings DeadLetters { get; init; } = new();

    public DatabaseSettings Database { get; init; } = new();
}

/// <summary>
/// The path of an event, the same for every head: a call takes messages and returns when each of their readings is durable as a row, a
/// duplicate, a dead letter or ignored. Thread-safe. Calls for one partition are made in its order; the next may begin before the last
/// one has returned.
/// </summary>
public sealed class IngestPipeline : IAsyncDisposable
{
    private readonly BatchDecoder _decoder;
    private readonly PartLimits _limits;
    private readonly GroupCommitter _commits;
    private readonly PipelineMetrics? _ownMetrics;

    /// <param name="dataSource">From <see cref="DatabaseConnections"/>; stays the caller's.</param>
    /// <param name="options">The settings, validated.</param>
    /// <param name="health">Told how the database is; null for one of its own.</param>
    /// <param name="metrics">Told what was committed; null for one of its own.</param>
    /// <param name="clock">Null: the system's.</param>
    /// <param name="loggers">Null: no log.</param>
    public IngestPipeline(
        NpgsqlDataSource dataSource,
        IngestSettings options,
        PipelineHealth? health = null,
        PipelineMetrics? metrics = null,
        TimeProvider? clock = null,
        ILoggerFactory? loggers = null)
    {
        ArgumentNullException.ThrowIfNull(dataSource);
        ArgumentNullException.ThrowIfNull(options);
        clock ??= TimeProvider.System;
        var logger = (loggers ?? NullLoggerFactory.Instance).CreateLogger<IngestPipeline>();
        var mapping = TelemetryMapping.Create(options.Telemetry);
        Fields = mapping.Fields;
        var table = TargetTable.Of(mapping);
        Health = health ?? new PipelineHealth(clock);
        _ownMetrics = metrics is null ? new PipelineMetrics() : null;
        Metrics = metrics ?? _ownMetrics!;
        _decoder = new BatchDecoder(mapping, options.Telemetry, clock);
        _limits = new PartLimits(options.Commit.MaxRows, options.Commit.MaxBytes);
        _commits = Commits(dataSource, table, Fields, options, Health, Metrics, clock, logger);
        Metrics.Watch(Health);
        PipelineLog.Started(logger, table.Name, string.Join(", ", table.Columns.Select(column => column.Name)));
    }

    /// <summary>How the write path is, for probes and status.</summary>
    public PipelineHealth Health { get; }

    public PipelineMetrics Metrics { get; }

    /// <summary>What the source has to read of each message.</summary>
    public EventFields Fields { get; }

    /// <summary>
    /// Takes a batch of one partition through every stage. One that holds more readings or bytes than a transaction takes is divided
    /// between messages: its parts are stored one after the other, each with the checkpoint at its end, so that an exception can leave the
    /// first of them stored.
    /// </summary>
    /// <param name="events">The messages; none is legal with a checkpoint.</param>
    /// <param name="checkpoint">The move to store with them; null for heads that keep their checkpoints elsewhere.</param>
    /// <param name="cancellationToken">
    /// Abandons the batch. The call returns when nothing touches the messages any more: with the result where it was committed all the
    /// same.
    /// </param>
    /// <returns>Where its readings ended; everything is durable.</returns>
    /// <exception cref="CheckpointFencedException">The checkpoint is no longer this owner's. Nothing past it was stored.</exception>
    /// <exception cref="StoredValuesMismatchException">The batch contradicts what is stored. Nothing that does was stored.</exception>
    /// <exception cref="DatabaseUnavailableException">The time set in <see cref="CommitSettings.GiveUpAfterSeconds"/> is over.</exception>
    /// <exception cref="OperationCanceledException">Cancelled: not stored, or nobody knows. Trying again is safe.</exception>
    public async Task<BatchResult> ProcessAsync(IReadOnlyList<RawEvent> events, Checkpoint? checkpoint, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(events);
        await using var place = _commits.Reserve(events, checkpoint, cancellationToken);
        while (place.HasMore)
        {
            await place.RoomAsync();
            using var decoded = _decoder.Decode(events, place.FirstIndex, _limits with { AtPosition = checkpoint is not null });
            await place.CommitAsync(decoded);
        }

        return place.Result;
    }

    /// <summary>Abandons what is under way; its callers see a cancellation.</summary>
    public async ValueTask DisposeAsync()
    {
        await _commits.DisposeAsync();
        _ownMetrics?.Dispose();
    }

    /// <summary>Group commit with a writer of its own for each of its queues.</summary>
    internal static GroupCommitter Commits(
        NpgsqlDataSource dataSource,
        TargetTable table,
        EventFields fields,
        IngestSettings options,
        PipelineHealth health,
        PipelineMetrics metrics,
        TimeProvider clock,
        ILogger logger) => new(
        options.Commit,
        writer => new FlushRunner(
            new FlushTransaction(
                dataSource,
                table,
                options.Commit,
                new DeadLetterTable(options.DeadLetters, DeadLetterFrame.Of(options.Telemetry, fields)),
                options.Database.Copy,
                clock),
            new WriteModeSelector(options.Commit.ExpectDuplicates),
            new FlushReports(health, metrics, clock, logger, writer),
            clock),
        new ExpiryCleaner(
            new DeadLetterRetention(dataSource, options.DeadLetters.RetentionDays, clock),
            new ReadingRetention(dataSource, options.Telemetry.RetentionDays),
            logger),
        health,
        clock,
        logger);
}
