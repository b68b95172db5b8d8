using System.Diagnostics;
using System.Diagnostics.Metrics;
using Ingest.Decode;
using Ingest.Events;

namespace Ingest.Diagnostics;

/// <summary>The pipeline's metrics (meter <c>Ingest</c>) and traces (source <c>Ingest</c>).</summary>
public sealed class PipelineMetrics : IDisposable
{
    /// <summary>The name of the meter and of the activity source.</summary>
    public const string SourceName = "Ingest";

    internal static readonly ActivitySource Activities = new(SourceName);

    private readonly Meter _meter;
    private readonly Counter<long> _received;
    private readonly Counter<long> _stored;
    private readonly Counter<long> _duplicate;
    private readonly Counter<long> _indistinct;
    private readonly Counter<long> _deadLettered;
    private readonly Counter<long> _notKept;
    private readonly Counter<long> _ignored;
    private readonly Counter<long> _collisions;
    private readonly Counter<long> _missed;
    private readonly Counter<long> _retries;
    private readonly Histogram<long> _flushRows;
    private readonly Histogram<double> _commitDuration;
    private readonly Histogram<double> _latency;

    /// <param name="factory">Makes the meter; null for one of its own.</param>
    public PipelineMetrics(IMeterFactory? factory = null)
    {
        _meter = factory?.Create(SourceName) ?? new Meter(SourceName);
        _received = _meter.CreateCounter<long>("ingest.readings.received", "{reading}", "Readings taken from the source");
        _stored = _meter.CreateCounter<long>("ingest.readings.stored", "{reading}", "New rows");
        _duplicate = _meter.CreateCounter<long>("ingest.readings.duplicate", "{reading}", "Readings that were already there");
        _indistinct = _meter.CreateCounter<long>(
            "ingest.readings.indistinct",
            "{reading}",
            "Of the duplicates: from another message of the same flush, which differs only in what is not mapped");
        _deadLettered = _meter.CreateCounter<long>("ingest.readings.dead_lettered", "{reading}", "Readings rejected, by reason");
        _notKept = _meter.CreateCounter<long>(
            "ingest.readings.not_kept",
            "{reading}",
            "Of the dead-lettered: past what is kept of a message or a device's day, counted only");
        _ignored = _meter.CreateCounter<long>("ingest.readings.ignored", "{reading}", "Not telemetry, or older than the table keeps");
        _collisions = _meter.CreateCounter<long>("ingest.readings.collisions", "{reading}", "Of the stored: moved to a free microsecond");
        _missed = _meter.CreateCounter<long>("ingest.messages.missed", "{message}", "Messages the hub dropped before they were read");
        _retries = _meter.CreateCounter<long>("ingest.flush.retries", "{retry}", "Flushes tried again");
        _flushRows = _meter.CreateHistogram<long>("ingest.flush.rows", "{reading}", "Readings in one transaction");
        _commitDuration = _meter.CreateHistogram<double>(
            "ingest.flush.duration", "s", "From a flush's first statement to its commit, retries included");
        _latency = _meter.CreateHistogram<double>("ingest.latency", "s", "From a message's stamp at the hub to its commit");
    }

    public void Dispose() => _meter.Dispose();

    /// <summary>Shows how the write path is, beside what it has done.</summary>
    internal void Watch(PipelineHealth health)
    {
        _meter.CreateObservableGauge(
            "ingest.retry.state",
            () => (int)health.Read().Retry,
            description: "0: no flush has failed; 1: one has failed and waits; 2: it is being tried again");
        _meter.CreateObservableGauge(
            "ingest.queue.batches",
            () => health.Read().QueuedBatches,
            "{batch}",
            "Batches taken and not yet durable");
        _meter.CreateObservableGauge("ingest.queue.messages", () => health.Read().QueuedMessages, "{message}", "Their messages");
    }

    internal void Count(ReadingCounts counts, IEnumerable<KeyValuePair<string, long>> deadLetteredByReason, long indistinct)
    {
        _received.Add(counts.Received);
        _stored.Add(counts.Stored);
        _duplicate.Add(counts.Duplicate);
        _indistinct.Add(indistinct);
        _notKept.Add(counts.NotKept);
        _ignored.Add(counts.Ignored);
        _collisions.Add(counts.Collisions);
        _missed.Add(counts.Missed);
        foreach (var (reason, count) in deadLetteredByReason)
        {
            _deadLettered.Add(count, new KeyValuePair<string, object?>("reason", reason));
        }
    }

    internal void Retried() => _retries.Add(1);

    internal void Flushed(long rows, TimeSpan duration)
    {
        _flushRows.Record(rows);
        _commitDuration.Record(duration.TotalSeconds);
    }

    internal void Committed(DecodedBatch batch, DateTimeOffset at)
    {
        if (!_latency.Enabled)
        {
            return;
        }

        for (var index = batch.FirstIndex; index < batch.EndIndex; index++)
        {
            var message = batch.Events[index];
            if ((message.EnqueuedTime ?? message.RowTime) is { } enqueued)
            {
                _latency.Record(Math.Max(0, (at.UtcDateTime - enqueued).TotalSeconds));
            }
        }
    }
}
