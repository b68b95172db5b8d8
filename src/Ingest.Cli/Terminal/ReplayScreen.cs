using System.Globalization;
using Ingest.Sources.Archives;
using Ingest.Sources.EventHubs;
using Spectre.Console;

namespace Ingest.Cli.Terminal;

/// <summary>A replay's progress: a bar with rate and time left on a terminal, a line every two seconds elsewhere.</summary>
/// <typeparam name="T">What tells how far it is.</typeparam>
internal abstract class ReplayScreen<T>(Output output, TimeProvider clock) : IProgress<T>
    where T : class
{
    private static readonly TimeSpan LineEvery = TimeSpan.FromSeconds(2);

    private readonly Lock _lock = new();
    private readonly long _started = clock.GetTimestamp();
    private long _lastLine = clock.GetTimestamp();
    private ProgressTask? _bar;

    /// <summary>How far it is; null before the first report.</summary>
    public T? Last { get; private set; }

    public Task<TResult> ShowAsync<TResult>(Func<IProgress<T>, Task<TResult>> replay)
    {
        if (!output.Live)
        {
            return replay(this);
        }

        return output.Console.Progress()
            .Columns(
                new TaskDescriptionColumn { Alignment = Justify.Left },
                new ProgressBarColumn(),
                new PercentageColumn(),
                new RemainingTimeColumn())
            .StartAsync(async context =>
            {
                _bar = context.AddTask("replay", autoStart: true, maxValue: 1);
                var result = await replay(this);
                _bar.Value = _bar.MaxValue;
                return result;
            });
    }

    public void Report(T value)
    {
        lock (_lock)
        {
            Last = value;
            var (done, inAll) = Measure(value);
            if (_bar is { } bar)
            {
                bar.MaxValue = Math.Max(1, inAll);
                bar.Value = done;
                bar.Description = Line(value, Seconds);
            }
            else if (clock.GetElapsedTime(_lastLine) >= LineEvery)
            {
                _lastLine = clock.GetTimestamp();
                var left = done == 0 ? TimeSpan.MaxValue : TimeSpan.FromSeconds(Math.Ceiling(Seconds * (inAll - done) / done));
                output.Line(Line(value, Seconds) + (left < TimeSpan.FromDays(100) ? $", {left:c} left" : ""));
            }
        }
    }

    private double Seconds => Math.Max(0.001, clock.GetElapsedTime(_started).TotalSeconds);

    /// <summary>How much is done, and how much there is.</summary>
    protected abstract (long Done, long InAll) Measure(T value);

    /// <summary>How far it is, in words.</summary>
    protected abstract string Line(T value, double seconds);
}

/// <summary>The progress of a replay from the hub, by events.</summary>
internal sealed class HubReplayScreen(Output output, TimeProvider clock) : ReplayScreen<ReplayProgress>(output, clock)
{
    protected override (long Done, long InAll) Measure(ReplayProgress value) => (value.EventsRead, value.EventsInAll);

    protected override string Line(ReplayProgress value, double seconds) => string.Create(
        CultureInfo.InvariantCulture,
        $"{value.EventsRead:#,0} of {value.EventsInAll:#,0} events, {value.EventsRead / seconds:#,0}/s: stored {value.Counts.Stored:#,0}, "
            + $"duplicate {value.Counts.Duplicate:#,0}");
}

/// <summary>The progress of a replay from an archive, by bytes.</summary>
internal sealed class ArchiveReplayScreen(Output output, TimeProvider clock) : ReplayScreen<ArchiveProgress>(output, clock)
{
    private const double MegaByte = 1_000_000;

    protected override (long Done, long InAll) Measure(ArchiveProgress value) => (value.Bytes, value.BytesInAll);

    protected override string Line(ArchiveProgress value, double seconds) => string.Create(
        CultureInfo.InvariantCulture,
        $"{value.Bytes / MegaByte:#,0.0} of {value.BytesInAll / MegaByte:#,0.0} MB in {value.Files:#,0} files, "
            + $"{value.Messages / seconds:#,0} messages/s: stored {value.Counts.Stored:#,0}, duplicate {value.Counts.Duplicate:#,0}");
}
