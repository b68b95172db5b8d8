using System.Globalization;
using System.Text;

namespace Ingest.Cli.Simulation;

/// <summary>
/// Devices whose temperature and humidity vary slowly. It makes messages and stamps them as IoT Hub would: a device's stamps rise strictly,
/// except where a fault says otherwise, so that what must be stored is known beforehand. Not safe for two threads.
/// </summary>
internal sealed class DeviceFleet
{
    private const string Telemetry = "Telemetry";

    private readonly string[] _names;
    private readonly long[] _lastStamps;
    private readonly bool _faults;
    private readonly TimeProvider _clock;
    private SimulatedMessage? _previous;

    public DeviceFleet(int devices, bool faults, TimeProvider clock)
    {
        _names = [.. Names(devices)];
        _lastStamps = new long[devices];
        _faults = faults;
        _clock = clock;
    }

    /// <summary>Messages made so far.</summary>
    public long Made { get; private set; }

    /// <summary>The names of a fleet's devices.</summary>
    public static IReadOnlyList<string> Names(int devices) =>
        [.. Enumerable.Range(0, devices).Select(number => string.Create(CultureInfo.InvariantCulture, $"sim-{number:0000}"))];

    /// <summary>Makes the next message.</summary>
    public SimulatedMessage Next()
    {
        var fault = _faults && _previous is not null ? FaultPlan.Of(Made) : null;
        var message = fault switch
        {
            Fault.Retransmitted => _previous! with { Fault = fault },
            Fault.SameMillisecond => SameMillisecondAs(_previous!),
            _ => Make(fault),
        };
        Made++;
        return _previous = message;
    }

    private SimulatedMessage Make(Fault? fault)
    {
        var device = (int)(Made % _names.Length);
        var now = _clock.GetUtcNow().ToUnixTimeMilliseconds();
        var stamp = _lastStamps[device] = Math.Max(now, _lastStamps[device] + 1);
        var (temperature, humidity) = Weather(device, stamp);
        var name = _names[device];
        var body = fault switch
        {
            null => Reading(name, temperature, humidity),
            Fault.Malformed => $$"""{"device":"{{name}}","temperature":""",
            Fault.WrongType => $$"""{"device":"{{name}}","temperature":"warm","humidity":{{humidity}}}""",
            Fault.OversizedNumber => $$"""{"device":"{{name}}","temperature":1e999,"humidity":{{humidity}}}""",
            Fault.NulCharacter => $$"""{"device":"{{name}}\u0000","temperature":{{temperature}},"humidity":{{humidity}}}""",
            Fault.AnotherDevice => Reading(_names[(device + 1) % _names.Length] + "-other", temperature, humidity),
            Fault.Array => $$"""[{{Reading(name, temperature, humidity)}},{"temperature":{{temperature}},"humidity":101},{"temperature":{{temperature}},"humidity":true},{"temperature":{{temperature}},"humidity":102}]""",
            Fault.Lifecycle => $$"""{"deviceId":"{{name}}","operation":"createDeviceIdentity"}""",
            _ => throw new InvalidOperationException($"No body is made for the fault {fault}"),
        };
        var source = fault == Fault.Lifecycle ? "deviceLifecycleEvents" : Telemetry;
        return new SimulatedMessage(
            device,
            name,
            DateTimeOffset.FromUnixTimeMilliseconds(stamp).UtcDateTime,
            source,
            Encoding.UTF8.GetBytes(body),
            fault);
    }

    private static SimulatedMessage SameMillisecondAs(SimulatedMessage previous) => previous with
    {
        Body = Encoding.UTF8.GetBytes($$"""{"device":"{{previous.Device}}","temperature":-40,"humidity":0}"""),
        Fault = Fault.SameMillisecond,
    };

    private static string Reading(string device, string temperature, string humidity) =>
        $$"""{"device":"{{device}}","temperature":{{temperature}},"humidity":{{humidity}}}""";

    private static (string Temperature, string Humidity) Weather(int device, long stamp)
    {
        var minutes = stamp / 60_000.0;
        var temperature = 20 + 5 * Math.Sin(minutes / 7 + device) + 0.3 * Math.Sin(stamp / 97.0 + device);
        var humidity = 50 + 15 * Math.Cos(minutes / 11 + device) + 0.5 * Math.Sin(stamp / 131.0);
        return (temperature.ToString("0.00", CultureInfo.InvariantCulture), humidity.ToString("0.0", CultureInfo.InvariantCulture));
    }
}
