using System.Text;
using Ingest.Columns;
using Ingest.Columns.Types;
using Ingest.Decode.Places;
using Ingest.Settings;

namespace Ingest.Decode;

/// <summary>Turns settings into a mapping, and collects all that is wrong with them.</summary>
internal sealed class MappingResolver(TelemetrySettings settings)
{
    private const int LongestIdentifier = 63;

    // Stands for a place that cannot be read, until the failure about it is thrown.
    private static readonly Place Nowhere = new(PlaceKind.Body, "", FromRoot: false, [new PlaceStep("", 0)]);

    /// <summary>What is wrong, each by the setting's full name and with what to do.</summary>
    public List<string> Problems { get; } = [];

    /// <summary>The mapping; of no use where anything is wrong.</summary>
    public TelemetryMapping Resolve()
    {
        var (schema, table) = ResolveTable(settings.Table);
        var columns = new List<(ColumnDefinition Definition, Place? From)>();
        var names = new Dictionary<string, string>(StringComparer.Ordinal);
        CheckColumnName(settings.TimeColumn, $"{TelemetrySettings.Section}:TimeColumn", names);
        CheckColumnName(settings.DeviceColumn, $"{TelemetrySettings.Section}:DeviceColumn", names);
        var isNarrow = settings.Shape == TableShape.Narrow;
        if (isNarrow)
        {
            CheckNarrow(names);
        }

        IList<ColumnSettings> given = settings.Columns.Count > 0 || isNarrow
            ? settings.Columns
            : [new ColumnSettings { Name = "temperature" }, new ColumnSettings { Name = "humidity" }];
        for (var i = 0; i < given.Count; i++)
        {
            var setting = $"{TelemetrySettings.Section}:Columns:{i}";
            CheckColumnName(given[i].Name, $"{setting}:Name", names);
            columns.Add(ResolveColumn(given[i], setting));
        }

        if (settings.PayloadColumn is { } payload)
        {
            CheckColumnName(payload, $"{TelemetrySettings.Section}:PayloadColumn", names);
            columns.Add((new ColumnDefinition(payload, ColumnType.Jsonb, Required: false), null));
        }

        CheckTheRest();
        var times = new TimeResolver(settings, Problems);
        var mapped = columns.ConvertAll(column => (column.Definition with { Zone = times.Zone }, column.From));
        return new TelemetryMapping(mapped, ResolveDevice(), times.Resolve(), settings)
        {
            Schema = schema,
            Table = table,
            Readings = ResolveReadings(),
        };
    }

    private void CheckNarrow(Dictionary<string, string> names)
    {
        CheckColumnName(settings.MetricColumn, $"{TelemetrySettings.Section}:MetricColumn", names);
        CheckColumnName(settings.ValueColumn, $"{TelemetrySettings.Section}:ValueColumn", names);
        if (settings.PayloadColumn is not null)
        {
            Problems.Add(
                $"{TelemetrySettings.Section}:PayloadColumn: a narrow table has a row for each value and none for the whole body. Leave it "
                    + "out.");
        }

        if (settings.AllowEmpty)
        {
            Problems.Add(
                $"{TelemetrySettings.Section}:AllowEmpty: a reading without a value has no row in a narrow table. Leave it out.");
        }

        foreach (var (index, column) in settings.Columns.Index().Where(column => column.Item.Type != ColumnType.Double))
        {
            Problems.Add(
                $"{TelemetrySettings.Section}:Columns:{index}:Type: the values of a narrow table are Double, and not {column.Type}. "
                    + "Leave it out.");
        }
    }

    private (string? Schema, string Table) ResolveTable(string? name)
    {
        const string Setting = $"{TelemetrySettings.Section}:Table";
        var parts = (name ?? "").Split('.');
        if (parts.Length > 2)
        {
            Problems.Add(
                $"{Setting}: \"{name}\" has more than one dot. Write table or schema.table; a name with a dot in it cannot be used.");
        }

        foreach (var part in parts)
        {
            CheckIdentifier(part, Setting);
        }

        return parts.Length == 2 ? (parts[0], parts[1]) : (null, parts[^1]);
    }

    private (ColumnDefinition Definition, Place? From) ResolveColumn(ColumnSettings column, string setting)
    {
        if (!Enum.IsDefined(column.Type))
        {
            Problems.Add(
                $"{setting}:Type: {column.Type} is no column type. Write one of {string.Join(", ", Enum.GetNames<ColumnType>())}.");
        }

        var place = column.From is null && column.Name is { Length: > 0 } name && name != "module"
            ? new Place(PlaceKind.Body, "", FromRoot: false, [new PlaceStep(name, 0)])
            : ResolvePlace(column.From ?? column.Name, $"{setting}:From");
        switch (place.Kind)
        {
            case PlaceKind.Module when column.Type != ColumnType.Text:
                Problems.Add($"{setting}:Type: the module id is text, and {column.Type} cannot hold it. Write Text.");
                break;
            case PlaceKind.Property or PlaceKind.Annotation
                when Enum.IsDefined(column.Type) && !SqlTypes.Of(column.Type).TakesProperties:
                Problems.Add(
                    $"{setting}:Type: a property or an annotation is one value and no JSON. Write Text, or the type that the sender gives "
                        + "it.");
                break;
        }

        if (column.Format is not null && column.Type != ColumnType.Timestamptz)
        {
            Problems.Add($"{setting}:Format: the column is {column.Type} and holds no time. Leave it out, or write the type Timestamptz.");
        }

        if (column.Convert && !SqlTypes.Converts(column.Type))
        {
            Problems.Add($"{setting}:Convert: nothing is converted to {column.Type}. Leave it out.");
        }

        return (
            new ColumnDefinition(column.Name, column.Type, column.Required)
            {
                Convert = column.Convert,
                Format = column.Format ?? TimeFormat.Iso8601,
            },
            place);
    }

    private Place? ResolveDevice()
    {
        const string Section = TelemetrySettings.Section;
        var device = ResolvePlace(settings.DeviceFrom, $"{Section}:DeviceFrom");
        if (!settings.IgnoreBodyDevice)
        {
            return device;
        }

        if (settings.AllowBodyDevice || settings.Gateways.Count > 0)
        {
            Problems.Add(
                $"{Section}:IgnoreBodyDevice: with it no message names a device, and "
                    + $"{(settings.AllowBodyDevice ? "Telemetry:AllowBodyDevice" : "Telemetry:Gateways")} needs one. Leave one out.");
        }

        return null;
    }

    private Place? ResolveReadings()
    {
        const string Setting = $"{TelemetrySettings.Section}:Readings";
        if (settings.Readings is not { } text)
        {
            return null;
        }

        var place = ResolvePlace(text, Setting, takesEvery: true);
        if (place.Kind != PlaceKind.Body)
        {
            Problems.Add($"{Setting}: \"{text}\" is not in the body. Write where its readings are, such as metrics[*].");
        }

        return place;
    }

    private Place ResolvePlace(string text, string setting, bool takesEvery = false)
    {
        if (Place.TryParse(text, takesEvery, out var place, out var fault))
        {
            return place;
        }

        Problems.Add($"{setting}: \"{text}\" {fault}");
        return Nowhere;
    }

    private void CheckColumnName(string? name, string setting, Dictionary<string, string> names)
    {
        CheckIdentifier(name, setting);
        if (!string.IsNullOrEmpty(name) && !names.TryAdd(name, setting))
        {
            Problems.Add($"{setting}: \"{name}\" is already mapped by {names[name]}. Remove one of them or give it another column.");
        }
    }

    private void CheckIdentifier(string? name, string setting)
    {
        if (string.IsNullOrWhiteSpace(name))
        {
            Problems.Add($"{setting}: a name is missing. Write the name as the table has it.");
        }
        else if (name.Contains('\0', StringComparison.Ordinal))
        {
            Problems.Add($"{setting}: the name holds a NUL character, which PostgreSQL does not allow. Remove it.");
        }
        else if (Encoding.UTF8.GetByteCount(name) > LongestIdentifier)
        {
            Problems.Add(
                $"{setting}: \"{name}\" is longer than PostgreSQL's {LongestIdentifier} bytes. Write the name as the table has it.");
        }
    }

    private void CheckTheRest()
    {
        if (settings.RetentionDays > 0 && settings.OldestAccepted > TimeSpan.FromDays(settings.RetentionDays))
        {
            Problems.Add(
                $"{TelemetrySettings.Section}:OldestAccepted: {settings.OldestAccepted} is longer than Telemetry:RetentionDays "
                    + $"({settings.RetentionDays}), "
                + "so that a replay would store again what was dropped. Leave it out, or make it no longer than the retention.");
        }

        if (settings.RetentionDays > 0 && settings.Table != new TelemetrySettings().Table)
        {
            Problems.Add(
                $"{TelemetrySettings.Section}:RetentionDays: it drops from the default table alone, and Telemetry:Table is "
                    + $"\"{settings.Table}\". "
                + "Set it to 0, and drop from your own table by a policy or job of the database.");
        }

        if (settings.OldestAccepted <= TimeSpan.Zero)
        {
            Problems.Add(
                $"{TelemetrySettings.Section}:OldestAccepted: {settings.OldestAccepted} would ignore every reading. Write the table's "
                    + $"retention, such as 30.00:00:00, or leave it out.");
        }

        for (var i = 0; i < settings.Gateways.Count; i++)
        {
            if (DeviceNames.Check(settings.Gateways[i]) is not null)
            {
                Problems.Add(
                    $"{TelemetrySettings.Section}:Gateways:{i}: \"{settings.Gateways[i]}\" cannot be a device's id. Write the gateway's "
                        + $"device id, 1 to {DeviceNames.Longest} characters.");
            }
        }
    }
}
