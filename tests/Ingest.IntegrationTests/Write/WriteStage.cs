using Ingest.Checkpoints;
using Ingest.Columns;
using Ingest.Decode;
using Ingest.Diagnostics;
using Ingest.Events;
using Ingest.GroupCommit;
using Ingest.Schema;
using Ingest.Settings;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Ingest.IntegrationTests.Write;

/// <summary>A reading as a test states it: its stamp in milliseconds after <see cref="WriteStage.Start"/>, and a value a column.</summary>
internal sealed record Reading(int Stamp, string Device, params object?[] Values);

/// <summary>The stages after decoding, fed with readings directly: values that no JSON can carry (NaN) come in too.</summary>
internal sealed class WriteStage : IAsyncDisposable
{
    public static readonly DateTime Start = new(2026, 3, 1, 12, 0, 0, DateTimeKind.Utc);

    public static readonly IReadOnlyList<ColumnDefinition> Conditions =
        [new("temperature", ColumnType.Double, false), new("humidity", ColumnType.Double, false)];

    private readonly IReadOnlyList<ColumnDefinition> _columns;
    private readonly GroupCommitter _commits;
    private readonly PipelineMetrics _metrics = new();

    public WriteStage(
        NpgsqlDataSource dataSource,
        bool copy = true,
        string table = "conditions",
        IReadOnlyList<ColumnDefinition>? columns = null,
        CommitSettings? commit = null,
        DeadLetterSettings? deadLetters = null,
        TimeProvider? clock = null,
        KeyColumns? key = null)
    {
        clock ??= TimeProvider.System;
        _columns = columns ?? Conditions;
        Health = new PipelineHealth(clock);
        _commits = IngestPipeline.Commits(
            dataSource,
            new TargetTable(null, table, _columns, key),
            EventFields.Default,
            new IngestSettings { Commit = commit ?? new(), DeadLetters = deadLetters ?? new(), Database = new() { Copy = copy } },
            Health,
            _metrics,
            clock,
            NullLogger.Instance);
    }

    public PipelineHealth Health { get; }

    public Task<ReadingCounts> ProcessAsync(
        IReadOnlyList<Reading> readings, Checkpoint? checkpoint = null, CancellationToken cancellationToken = default) =>
        CommitAsync([.. readings.Select(Message)], checkpoint, events => Decode(events, readings), cancellationToken);

    /// <summary>Processes messages that are all rejected with one reason.</summary>
    public Task<ReadingCounts> RejectAsync(IReadOnlyList<RawEvent> messages, CancellationToken cancellationToken = default) =>
        CommitAsync(
            messages,
            null,
            events => new DecodedBatch(
                events,
                new ReadingColumns(_columns),
                [.. events.Select((_, index) => new Rejection(index, -1, RejectReason.NotJson, "not JSON"))],
                0),
            cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _commits.DisposeAsync();
        _metrics.Dispose();
    }

    public static RawEvent Message(Reading reading) => new()
    {
        Hub = "test/hub",
        Partition = "0",
        RowTime = Start.AddMilliseconds(reading.Stamp),
        DeviceId = reading.Device,
        Body = System.Text.Encoding.UTF8.GetBytes(reading.ToString() + string.Join('|', reading.Values)),
    };

    private async Task<ReadingCounts> CommitAsync(
        IReadOnlyList<RawEvent> events,
        Checkpoint? checkpoint,
        Func<IReadOnlyList<RawEvent>, DecodedBatch> decode,
        CancellationToken cancellationToken)
    {
        await using var place = _commits.Reserve(events, checkpoint, cancellationToken);
        await place.RoomAsync();
        using var decoded = decode(events);
        await place.CommitAsync(decoded);
        return place.Result.Counts;
    }

    private DecodedBatch Decode(IReadOnlyList<RawEvent> events, IReadOnlyList<Reading> readings)
    {
        var columns = new ReadingColumns(_columns);
        for (var index = 0; index < readings.Count; index++)
        {
            columns.BeginRow();
            for (var column = 0; column < _columns.Count; column++)
            {
                Set(columns.Columns[column], readings[index].Values[column]);
            }

            columns.EndRow(Instant.Of(Start.AddMilliseconds(readings[index].Stamp)), readings[index].Device, index, -1);
        }

        return new DecodedBatch(events, columns, [], 0);
    }

    private static void Set(ValueColumn column, object? value)
    {
        switch (value)
        {
            case null:
                break;
            case double number:
                ((ValueColumn<double>)column).SetLast(number);
                break;
            case float number:
                ((ValueColumn<float>)column).SetLast(number);
                break;
            case long number:
                ((ValueColumn<long>)column).SetLast(number);
                break;
            case int number:
                ((ValueColumn<int>)column).SetLast(number);
                break;
            case bool flag:
                ((ValueColumn<bool>)column).SetLast(flag);
                break;
            case string text:
                ((ValueColumn<string>)column).SetLast(text);
                break;
            case DateTime time:
                ((ValueColumn<DateTime>)column).SetLast(time);
                break;
            case JsonbValue json:
                ((ValueColumn<JsonbValue>)column).SetLast(json);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(value), value, "A value of no column type");
        }
    }
}
