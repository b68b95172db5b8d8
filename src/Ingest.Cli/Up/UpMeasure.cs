using Ingest.Cli.Hosting;
using Ingest.Cli.Simulation;
using Ingest.Worker;

namespace Ingest.Cli.Up;

/// <summary>Measures a run at successive moments; rates are since the moment before.</summary>
internal sealed class UpMeasure(
    string title, string database, RunMeter meter, SentLedger ledger, HubWorker worker, LastWarning warning, TimeProvider clock)
{
    private readonly long _started = clock.GetTimestamp();
    private long _before = clock.GetTimestamp();
    private long _sentBefore;
    private long _committedBefore;

    public UpMoment Now()
    {
        var now = clock.GetTimestamp();
        var seconds = Math.Max(clock.GetElapsedTime(_before, now).TotalSeconds, 0.001);
        var sent = ledger.Messages;
        var committed = meter.Messages;
        var moment = new UpMoment(
            title,
            database,
            clock.GetElapsedTime(_started, now),
            sent,
            (sent - _sentBefore) / seconds,
            (committed - _committedBefore) / seconds,
            meter.Total,
            meter.Latency.Percentile(0.50),
            meter.Latency.Percentile(0.99),
            [.. worker.Partitions.Select(partition => new PartitionView(
                partition.Partition, partition.LastSequenceNumber, partition.LagEvents, partition.Lag?.TotalSeconds))],
            meter.Last(),
            warning.Text);
        (_before, _sentBefore, _committedBefore) = (now, sent, committed);
        return moment;
    }
}
