using System.Globalization;
using Ingest.Events;
using Ingest.Sources.EventHubs;
using Spectre.Console;

namespace Ingest.Cli.Terminal;

/// <summary>A replay's progress: a bar with rate and time left on a terminal, a line every two seconds elsewhere.</summary>
internal sealed class ReplayScreen(Output output, TimeProvider clock) : IProgress<ReplayProgress>
{
    private static readonly TimeSpan LineEvery = TimeSpan.FromSeconds(2);

    private readonly Lock _lock = new();
    private readonly long _started = clock.GetTimestamp();
    private long _lastLine = clock.GetTimestamp();
    private ProgressTask? _bar;

    /// <summary>How far it is.</summary>
    public ReplayProgress Last { get; private set; } = new(0, 0, 0, default);

    public Task<ReadingCounts> ShowAsync(Func<IProgress<ReplayProgress>, Task<ReadingCounts>> replay)
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
                var counts = await replay(this);
                _bar.Value = _bar.MaxValue;
                return counts;
            });
    }

    public void Report(ReplayProgress value)
    {
        lock (_lock)
        {
            Last = value;
            if (_bar is { } bar)
            {
                bar.MaxValue = Math.Max(1, value.EventsInAll);
                bar.Value = value.EventsRead;
                bar.Description = Line(value);
            }
            else if (clock.GetElapsedTime(_lastLine) >= LineEvery)
            {
                _lastLine = clock.GetTimestamp();
                output.Line(Line(value));
            }
        }
    }

    private string Line(ReplayProgress value)
    {
        var rate = value.EventsRead / Math.Max(0.001, clock.GetElapsedTime(_started).TotalSeconds);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{value.EventsRead:#,0} of {value.EventsInAll:#,0} events, {rate:#,0}/s: stored {value.Counts.Stored:#,0}, duplicate "
                + $"{value.Counts.Duplicate:#,0}");
    }
}
