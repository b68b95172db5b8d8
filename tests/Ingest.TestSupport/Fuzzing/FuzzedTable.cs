using Ingest.Settings;

namespace Ingest.TestSupport.Fuzzing;

/// <summary>Mappings that bodies are fuzzed through, and the table of the wide one.</summary>
public static class FuzzedTable
{
    /// <summary>A column of every type.</summary>
    public const string Create =
        """
        CREATE TABLE IF NOT EXISTS fuzzed (
            time timestamptz NOT NULL, device text NOT NULL,
            temperature double precision, real real, count bigint, small integer, "on" boolean, site text, at timestamptz,
            "place.floor" integer, "place.room.name" text, data jsonb, payload jsonb);
        CREATE UNIQUE INDEX IF NOT EXISTS fuzzed_time_device_idx ON fuzzed (time, device)
        """;

    /// <summary>Two numbers, as in the default table.</summary>
    public static TelemetrySettings Narrow() => Settings(("temperature", ColumnType.Double), ("humidity", ColumnType.Double));

    /// <summary>A column of every type, some of them from within the body, and the body itself.</summary>
    public static TelemetrySettings Wide()
    {
        var settings = Settings(
            ("temperature", ColumnType.Double),
            ("real", ColumnType.Real),
            ("count", ColumnType.Bigint),
            ("small", ColumnType.Integer),
            ("on", ColumnType.Boolean),
            ("site", ColumnType.Text),
            ("at", ColumnType.Timestamptz),
            ("place.floor", ColumnType.Integer),
            ("place.room.name", ColumnType.Text),
            ("data", ColumnType.Jsonb));
        settings.Table = "fuzzed";
        settings.PayloadColumn = "payload";
        return settings;
    }

    /// <summary>
    /// Mappings of everything else that settings can say of a body: places in arrays and from the root, readings inside, other cases, the
    /// device's own time and name, conversions, and each envelope.
    /// </summary>
    public static IReadOnlyList<TelemetrySettings> Others()
    {
        var places = Settings(
            ("temperature", ColumnType.Double),
            ("list[1].v", ColumnType.Double),
            ("list[0]", ColumnType.Integer),
            ("['sensor.temperature']", ColumnType.Double),
            ("$.site", ColumnType.Text),
            ("on", ColumnType.Boolean),
            ("count", ColumnType.Bigint));
        foreach (var column in places.Columns)
        {
            column.Convert = true;
        }

        places.IgnoreCase = true;
        var inside = Settings(("temperature", ColumnType.Double), ("$.site", ColumnType.Text), ("$.data", ColumnType.Jsonb));
        inside.Readings = "metrics[*]";
        inside.DeviceFrom = "$.deviceId";
        inside.AllowBodyDevice = true;
        (inside.TimeSource, inside.TimeFormat, inside.WithoutTime) = ("body:$.ts", TimeFormat.EpochSeconds, WithoutTime.Stamp);
        return
        [
            places,
            inside,
            .. new[] { Envelope.EventGrid, Envelope.CloudEvents, Envelope.IoTHubRouting }.Select(envelope =>
            {
                var settings = Settings(("temperature", ColumnType.Double), ("humidity", ColumnType.Double));
                settings.Envelope = envelope;
                settings.AllowEmpty = true;
                return settings;
            }),
        ];
    }

    private static TelemetrySettings Settings(params (string From, ColumnType Type)[] columns)
    {
        var settings = new TelemetrySettings();
        foreach (var (from, type) in columns)
        {
            settings.Columns.Add(new ColumnSettings { Name = from, From = from, Type = type });
        }

        return settings;
    }
}
