using System.Diagnostics.Metrics;
using Ingest.Diagnostics;
using Npgsql;
using Xunit;

namespace Ingest.Tests;

public sealed class IngestPipelineTests
{
    [Fact]
    public async Task A_pipeline_disposes_the_metrics_it_made_and_no_others()
    {
        await using var source = NpgsqlDataSource.Create("Host=127.0.0.1;Port=1");
        PipelineMetrics? given = null;

        Assert.True(await EndsAsync(() => new IngestPipeline(source, new IngestSettings())));
        Assert.False(await EndsAsync(() => new IngestPipeline(source, new IngestSettings(), metrics: given = new PipelineMetrics())));
        given!.Dispose();
    }

    // Whether the meter of the pipeline's metrics ends with it. Others of the same name come and go meanwhile, but not on this thread.
    private static async Task<bool> EndsAsync(Func<IngestPipeline> create)
    {
        var thread = Environment.CurrentManagedThreadId;
        var creating = true;
        var ended = 0;
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (creating && Environment.CurrentManagedThreadId == thread && instrument is { Name: "ingest.readings.stored", Meter.Name: PipelineMetrics.SourceName })
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
            MeasurementsCompleted = (_, _) => Interlocked.Increment(ref ended),
        };
        creating = false;
        listener.Start();
        creating = true;
        var pipeline = create();
        creating = false;
        await pipeline.DisposeAsync();
        return ended > 0;
    }
}
