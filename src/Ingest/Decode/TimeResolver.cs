using System.Text;
using Ingest.Columns;
using Ingest.Decode.Places;
using Ingest.Settings;

namespace Ingest.Decode;

/// <summary>Resolves the settings of times.</summary>
internal sealed class TimeResolver(TelemetrySettings settings, List<string> problems)
{
    private const string Section = TelemetrySettings.Section;

    /// <summary>The offset of times that name none; null where there is none.</summary>
    public TimeSpan? Zone { get; } = ZoneOf(settings.TimeZone, problems);

    /// <summary>The device's own time; null where the hub's stamp is the row's.</summary>
    public DeviceTime? Resolve()
    {
        if (Enum.GetNames<TimeSource>().Contains(settings.TimeSource, StringComparer.OrdinalIgnoreCase))
        {
            return null;
        }

        const string Setting = $"{Section}:TimeSource";
        string? fault = null;
        if (!settings.TimeSource.Contains(':', StringComparison.Ordinal)
            || !Place.TryParse(settings.TimeSource, takesEvery: false, out var place, out fault))
        {
            var meant = NearestName.Find(settings.TimeSource, Enum.GetNames<TimeSource>());
            problems.Add(
                $"{Setting}: \"{settings.TimeSource}\" {fault ?? "is no stamp and no place."} It takes {nameof(TimeSource.IotHub)}, "
                    + $"{nameof(TimeSource.EventHub)}, or where the device's time is: body:ts, property:ts or annotation:name."
                    + (meant is null ? "" : $" Did you mean {meant}?"));
            return null;
        }

        return new DeviceTime(place, new TimeReader(settings.TimeFormat, Zone), settings.WithoutTime);
    }

    private static TimeSpan? ZoneOf(string? zone, List<string> problems)
    {
        if (zone is null)
        {
            return null;
        }

        if (IsoTime.TryOffset(Encoding.UTF8.GetBytes(zone), zone: null, out var minutes))
        {
            return TimeSpan.FromMinutes(minutes);
        }

        problems.Add(
            $"{Section}:TimeZone: \"{zone}\" is no offset. Write Z or one like +02:00; in a zone with summer time one hour a year would be "
                + "two.");
        return null;
    }
}
