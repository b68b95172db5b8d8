using System.Diagnostics;
using System.Globalization;
using System.Text;
using Amqp;
using Amqp.Framing;
using Amqp.Types;
using Ingest.Events;
using Ingest.LocalHub;

namespace Ingest.TestSupport.Faults;

/// <summary>
/// Devices that send at a steady rate whatever happens elsewhere, and remember what they sent: mostly new readings, some sent again, some
/// with another reading's stamp, some that are no JSON, some that are no telemetry.
/// </summary>
public sealed class SteadyDevices : IAsyncDisposable
{
    private const string Prefix = "device-";
    private const int FewestDevices = 20;
    private const int RecentKept = 500;

    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(20);

    private readonly LocalEventHub _hub;
    private readonly int _devices;
    private readonly TimeProvider _clock;
    private readonly Random _random;
    private readonly List<SentMessage> _sent = [];
    private readonly Dictionary<string, DateTime> _lastStamps = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _sending;
    private long _count;

    /// <param name="hub">Who takes the messages.</param>
    /// <param name="seed">The same seed makes the same messages, save for their stamps.</param>
    /// <param name="perSecond">How many a second.</param>
    /// <param name="clock">Stamps them.</param>
    public SteadyDevices(LocalEventHub hub, int seed, int perSecond, TimeProvider clock)
    {
        _hub = hub;
        // Every partition has one, at the least.
        _devices = Math.Max(FewestDevices, hub.Partitions.Count);
        _clock = clock;
        _random = new Random(seed);
        PerSecond = perSecond;
        _sending = Task.Run(SendAsync);
    }

    public int PerSecond { get; }

    /// <summary>Messages sent, and so readings: each has one.</summary>
    public long Count => Interlocked.Read(ref _count);

    /// <summary>The counts that all sent so far must end in. After <see cref="StopAsync"/>.</summary>
    public ReadingCounts Expected()
    {
        var rows = Rows().Count;
        var letters = Letters().Count;
        var ignored = _sent.Count(message => message.Place == Place.Nowhere);
        return new ReadingCounts(_sent.Count, rows, _sent.Count - rows - letters - ignored, letters, ignored);
    }

    /// <summary>Returns when nothing is sent any more.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _sending;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _stop.Dispose();
    }

    /// <summary>Every row that the table must have, as text.</summary>
    internal List<string> Rows() =>
        Distinct(Place.Table, message => RowText(message.Stamp, message.Device, message.Temperature, message.Humidity));

    /// <summary>Every dead letter that must be kept, as text.</summary>
    internal List<string> Letters() => Distinct(Place.DeadLetters, message => LetterText(message.Stamp, message.Device, message.Body));

    internal static string RowText(DateTime stamp, string device, double temperature, double humidity) =>
        string.Create(CultureInfo.InvariantCulture, $"{stamp:O} {device} {temperature:R} {humidity:R}");

    internal static string LetterText(DateTime stamp, string device, string body) =>
        string.Create(CultureInfo.InvariantCulture, $"{stamp:O} {device} {body}");

    private List<string> Distinct(Place place, Func<SentMessage, string> text) =>
        [.. _sent.Where(message => message.Place == place).Select(text).Distinct().Order(StringComparer.Ordinal)];

    private async Task SendAsync()
    {
        var started = Stopwatch.GetTimestamp();
        using var ticks = new PeriodicTimer(Tick);
        try
        {
            while (await ticks.WaitForNextTickAsync(_stop.Token))
            {
                var due = (long)(Stopwatch.GetElapsedTime(started).TotalSeconds * PerSecond);
                while (_count < due)
                {
                    Send(Next());
                }
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Told to stop.
        }
    }

    private void Send(SentMessage sent)
    {
        var message = new Message
        {
            BodySection = new Data { Binary = Encoding.UTF8.GetBytes(sent.Body) },
            MessageAnnotations = new MessageAnnotations
            {
                [new Symbol("iothub-connection-device-id")] = sent.Device,
                [new Symbol("iothub-enqueuedtime")] = sent.Stamp,
                [new Symbol("iothub-message-source")] = sent.Place == Place.Nowhere ? "deviceLifecycleEvents" : "Telemetry",
            },
        };
        var encoded = message.Encode();
        // A device's messages keep their order: they go to one partition.
        var partition = int.Parse(sent.Device.AsSpan(Prefix.Length), CultureInfo.InvariantCulture) % _hub.Partitions.Count;
        _sent.Add(sent);
        _hub.Append(partition.ToString(CultureInfo.InvariantCulture), encoded.Buffer.AsSpan(encoded.Offset, encoded.Length));
        Interlocked.Increment(ref _count);
    }

    private SentMessage Next()
    {
        var chance = _sent.Count == 0 ? 99 : _random.Next(100);
        return chance switch
        {
            0 => Recent(),
            1 => Reading(Recent()),
            2 => Broken(New()),
            3 => New() with { Place = Place.Nowhere },
            _ => New(),
        };
    }

    private static SentMessage Broken(SentMessage message) => message with { Place = Place.DeadLetters, Body = message.Body[..^1] };

    private SentMessage Recent() => _sent[^(_random.Next(Math.Min(RecentKept, _sent.Count)) + 1)];

    private SentMessage New()
    {
        var device = string.Create(CultureInfo.InvariantCulture, $"{Prefix}{_random.Next(_devices):00}");
        var now = new DateTime(_clock.GetUtcNow().UtcTicks / TimeSpan.TicksPerMillisecond * TimeSpan.TicksPerMillisecond, DateTimeKind.Utc);
        // A stamp of its own; but a clock that was set back stays back.
        var stamp = _lastStamps.TryGetValue(device, out var last)
            && last >= now
            && last - now < TimeSpan.FromSeconds(1) ? last.AddMilliseconds(1) : now;
        _lastStamps[device] = stamp;
        return Reading(new SentMessage(stamp, device, "", Place.Table, 0, 0));
    }

    private SentMessage Reading(SentMessage like)
    {
        var (temperature, humidity) = (Math.Round(_random.NextDouble() * 50, 3), Math.Round(_random.NextDouble() * 100, 3));
        return like with
        {
            Place = Place.Table,
            Temperature = temperature,
            Humidity = humidity,
            Body = string.Create(
                CultureInfo.InvariantCulture,
                $$"""{"device":"{{like.Device}}","temperature":{{temperature:R}},"humidity":{{humidity:R}}}"""),
        };
    }
}
