using System.Globalization;
using System.Text;
using Ingest.Events;

namespace Ingest.Benchmarks;

/// <summary>Readings of some days that are old enough for their chunks to be compressed: each device once a minute, at a millisecond of its own.</summary>
internal sealed class CompressedMonth(int days, int devices)
{
    private const int MinutesADay = 24 * 60;
    private const int OneInNew = 100;

    // Past the week after which chunks are compressed.
    private readonly DateTime _start = DateTime.SpecifyKind(TimeProvider.System.GetUtcNow().UtcDateTime.Date.AddDays(-8 - days), DateTimeKind.Utc);

    public long Readings { get; } = (long)days * MinutesADay * devices;

    /// <summary>How many late readings there are besides, where they are asked for.</summary>
    public long New => Readings / OneInNew;

    /// <summary>A noon in the middle, where a chunk has its full batches of a thousand rows.</summary>
    public DateTime Middle => _start.AddDays(days / 2).AddHours(12);

    /// <summary>How much time so many readings take.</summary>
    public TimeSpan SpanOf(int readings) => TimeSpan.FromMinutes((double)readings / devices);

    /// <summary>In the order of their stamps.</summary>
    public IEnumerable<RawEvent> Events(bool withNew)
    {
        for (var number = 0L; number < Readings; number++)
        {
            yield return Event(number, TimeSpan.Zero);
            if (withNew && number % OneInNew == OneInNew - 1)
            {
                yield return Event(number, TimeSpan.FromSeconds(30));
            }
        }
    }

    private RawEvent Event(long number, TimeSpan late)
    {
        var device = (int)(number % devices);
        var name = string.Create(CultureInfo.InvariantCulture, $"device-{device:d4}");
        var stamp = _start.AddMinutes(number / devices).AddMilliseconds(device * 10) + late;
        return new RawEvent
        {
            Hub = "benchmark/hub",
            Partition = "0",
            SequenceNumber = number,
            RowTime = stamp,
            EnqueuedTime = stamp,
            DeviceId = name,
            MessageSource = "Telemetry",
            Body = Encoding.UTF8.GetBytes(string.Create(
                CultureInfo.InvariantCulture,
                $$"""{"device":"{{name}}","temperature":{{(15_000 + (number * 31 % 10_000)) / 1_000.0}},"humidity":{{(4_000 + (number * 17 % 2_000)) / 100.0}}}""")),
        };
    }
}
