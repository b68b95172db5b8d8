using System.Text;
using Ingest.Columns;
using Ingest.Columns.Types;
using Ingest.Settings;
using Microsoft.Extensions.Options;

namespace Ingest.Decode;

/// <summary>
/// Where each column's value comes from: <see cref="TelemetrySettings"/>, resolved and checked. Immutable.
/// </summary>
/// <remarks>
/// <para><b>Names.</b> <c>Table</c> is <c>table</c> or <c>schema.table</c>. Table, schema and columns are used exactly as written (they are
/// quoted in SQL), so upper case counts; each has at most 63 bytes, as PostgreSQL would cut a longer one. <c>time</c> and <c>device</c> are
/// filled by the pipeline and cannot be mapped.</para>
/// <para><b>Sources.</b> <c>From</c> is <c>module</c> (the module id, for a text column), <c>property:name</c> (an application property,
/// for any type but jsonb), or a path into the body: names divided by dots, compared byte by byte after their escapes are resolved. There
/// is no escape for a dot, and no index into an array: a field whose own name has a dot in it, or is <c>module</c> at the top, or an
/// array's element is reached only through a jsonb column. Several columns may read the same place.</para>
/// <para><b>Values.</b> See <see cref="BatchDecoder"/>.</para>
/// </remarks>
public sealed class TelemetryMapping
{
    private const string PropertyPrefix = "property:";
    private const int LongestIdentifier = 63;
    private const int LongestPath = 32;

    private TelemetryMapping(string? schema, string table, IReadOnlyList<Column> columns, int? payloadIndex, bool allowsEmpty)
    {
        AllowsEmpty = allowsEmpty || payloadIndex is not null;
        Schema = schema;
        Table = table;
        Columns = [.. columns.Select(column => column.Definition)];
        Names = [.. columns.Select(column => column.From)];
        ModuleIndexes = [.. Where(columns, column => column.Kind == SourceKind.Module)];
        Properties =
            [.. Where(columns, column => column.Kind == SourceKind.Property).Select(
                index => (index, columns[index].From[PropertyPrefix.Length..]))];
        PayloadIndex = payloadIndex;
        Root = BodyPath.Tree(columns.Select((column, index) => (column, index))
            .Where(pair => pair.column.Kind == SourceKind.Body)
            .Select(pair => (pair.column.From.Split('.'), pair.index)));
    }

    private enum SourceKind
    {
        Body,
        Property,
        Module,
        Payload,
    }

    /// <summary>The table's schema, unquoted; null where the settings name none and the server's search path decides.</summary>
    public string? Schema { get; }

    /// <summary>The table's name, unquoted, without its schema.</summary>
    public string Table { get; }

    /// <summary>
    /// The mapped columns besides <c>time</c> and <c>device</c>, in the order of the settings; the payload column is the last.
    /// </summary>
    public IReadOnlyList<ColumnDefinition> Columns { get; }

    /// <summary>What each column's value is called where it comes from: the path, <c>property:name</c>, or <c>module</c>.</summary>
    internal IReadOnlyList<string> Names { get; }

    /// <summary>Whether a reading in which no mapped place occurs is a row all the same.</summary>
    internal bool AllowsEmpty { get; }

    /// <summary>The columns that take the module id.</summary>
    internal int[] ModuleIndexes { get; }

    /// <summary>The columns that take an application property.</summary>
    internal (int ColumnIndex, string Property)[] Properties { get; }

    /// <summary>The column that takes the whole reading.</summary>
    internal int? PayloadIndex { get; }

    /// <summary>The body paths, as a tree.</summary>
    internal BodyPath Root { get; }

    /// <summary>Resolves the settings.</summary>
    /// <exception cref="OptionsValidationException">
    /// Settings are wrong; every failure names one by its full name and says what to do.
    /// </exception>
    public static TelemetryMapping Create(TelemetrySettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        var failures = new List<string>();
        var mapping = Resolve(settings, failures);
        return failures.Count == 0
            ? mapping
            : throw new OptionsValidationException(TelemetrySettings.Section, typeof(TelemetrySettings), failures);
    }

    /// <summary>
    /// All that is wrong with the settings, each by its full name (<c>Telemetry:Columns:2:From</c>) and with what to do; empty where they
    /// are right.
    /// </summary>
    public static IReadOnlyList<string> Validate(TelemetrySettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        var failures = new List<string>();
        Resolve(settings, failures);
        return failures;
    }

    private static TelemetryMapping Resolve(TelemetrySettings settings, List<string> failures)
    {
        var (schema, table) = ResolveTable(settings.Table, failures);
        var columns = new List<Column>();
        var names = new Dictionary<string, string>(StringComparer.Ordinal);
        IList<ColumnSettings> mapped = settings.Columns.Count > 0
            ? settings.Columns
            : [new ColumnSettings { Name = "temperature" }, new ColumnSettings { Name = "humidity" }];
        for (var i = 0; i < mapped.Count; i++)
        {
            var setting = $"{TelemetrySettings.Section}:Columns:{i}";
            CheckColumnName(mapped[i].Name, $"{setting}:Name", names, failures);
            columns.Add(ResolveColumn(mapped[i], setting, failures));
        }

        if (settings.PayloadColumn is { } payload)
        {
            CheckColumnName(payload, $"{TelemetrySettings.Section}:PayloadColumn", names, failures);
            columns.Add(new Column(new ColumnDefinition(payload, ColumnType.Jsonb, Required: false), "the body", SourceKind.Payload));
        }

        CheckTheRest(settings, failures);
        return new TelemetryMapping(schema, table, columns, settings.PayloadColumn is null ? null : columns.Count - 1, settings.AllowEmpty);
    }

    private static (string? Schema, string Table) ResolveTable(string? name, List<string> failures)
    {
        const string Setting = $"{TelemetrySettings.Section}:Table";
        var parts = (name ?? "").Split('.');
        if (parts.Length > 2)
        {
            failures.Add(
                $"{Setting}: \"{name}\" has more than one dot. Write table or schema.table; a name with a dot in it cannot be used.");
        }

        foreach (var part in parts)
        {
            CheckIdentifier(part, Setting, failures);
        }

        return parts.Length == 2 ? (parts[0], parts[1]) : (null, parts[^1]);
    }

    private static Column ResolveColumn(ColumnSettings settings, string setting, List<string> failures)
    {
        if (!Enum.IsDefined(settings.Type))
        {
            failures.Add(
                $"{setting}:Type: {settings.Type} is no column type. Write one of {string.Join(", ", Enum.GetNames<ColumnType>())}.");
        }

        var definition = new ColumnDefinition(settings.Name, settings.Type, settings.Required);
        var from = settings.From ?? settings.Name;
        if (from == "module")
        {
            if (settings.Type != ColumnType.Text)
            {
                failures.Add($"{setting}:Type: the module id is text, and {settings.Type} cannot hold it. Write Text.");
            }

            return new Column(definition, from, SourceKind.Module);
        }

        if (from.StartsWith(PropertyPrefix, StringComparison.Ordinal))
        {
            if (from.Length == PropertyPrefix.Length)
            {
                failures.Add($"{setting}:From: \"{from}\" names no application property. Write its name after the colon.");
            }

            if (Enum.IsDefined(settings.Type) && !SqlTypes.Of(settings.Type).TakesProperties)
            {
                failures.Add(
                    $"{setting}:Type: an application property is one value and no JSON. Write Text, or the type that the sender gives it.");
            }

            return new Column(definition, from, SourceKind.Property);
        }

        var path = from.Split('.');
        if (path.Any(name => name.Length == 0))
        {
            failures.Add($"{setting}:From: \"{from}\" has an empty name in its path. Write names divided by single dots, such as a.b.c.");
        }
        else if (path.Length > LongestPath)
        {
            failures.Add(
                $"{setting}:From: the path has {path.Length} names, and {LongestPath} are the most. Take an outer object in a Jsonb "
                    + $"column instead.");
        }

        return new Column(definition, from, SourceKind.Body);
    }

    private static void CheckColumnName(string? name, string setting, Dictionary<string, string> names, List<string> failures)
    {
        CheckIdentifier(name, setting, failures);
        if (name is "time" or "device")
        {
            failures.Add(
                $"{setting}: \"{name}\" is filled with the hub's stamp and the authenticated device. Give the mapped column another name.");
        }
        else if (!string.IsNullOrEmpty(name) && !names.TryAdd(name, setting))
        {
            failures.Add($"{setting}: \"{name}\" is already mapped by {names[name]}. Remove one of them or give it another column.");
        }
    }

    private static void CheckIdentifier(string? name, string setting, List<string> failures)
    {
        if (string.IsNullOrWhiteSpace(name))
        {
            failures.Add($"{setting}: a name is missing. Write the name as the table has it.");
        }
        else if (name.Contains('\0', StringComparison.Ordinal))
        {
            failures.Add($"{setting}: the name holds a NUL character, which PostgreSQL does not allow. Remove it.");
        }
        else if (Encoding.UTF8.GetByteCount(name) > LongestIdentifier)
        {
            failures.Add(
                $"{setting}: \"{name}\" is longer than PostgreSQL's {LongestIdentifier} bytes. Write the name as the table has it.");
        }
    }

    private static void CheckTheRest(TelemetrySettings settings, List<string> failures)
    {
        if (!Enum.IsDefined(settings.TimeSource))
        {
            failures.Add(
                $"{TelemetrySettings.Section}:TimeSource: {settings.TimeSource} is no stamp. Write {nameof(TimeSource.IotHub)} or "
                    + $"{nameof(TimeSource.EventHub)}.");
        }

        if (settings.RetentionDays > 0 && settings.OldestAccepted > TimeSpan.FromDays(settings.RetentionDays))
        {
            failures.Add(
                $"{TelemetrySettings.Section}:OldestAccepted: {settings.OldestAccepted} is longer than Telemetry:RetentionDays "
                    + $"({settings.RetentionDays}), "
                + "so that a replay would store again what was dropped. Leave it out, or make it no longer than the retention.");
        }

        if (settings.RetentionDays > 0 && settings.Table != new TelemetrySettings().Table)
        {
            failures.Add(
                $"{TelemetrySettings.Section}:RetentionDays: it drops from the default table alone, and Telemetry:Table is "
                    + $"\"{settings.Table}\". "
                + "Set it to 0, and drop from your own table by a policy or job of the database.");
        }

        if (settings.OldestAccepted <= TimeSpan.Zero)
        {
            failures.Add(
                $"{TelemetrySettings.Section}:OldestAccepted: {settings.OldestAccepted} would ignore every reading. Write the table's "
                    + $"retention, such as 30.00:00:00, or leave it out.");
        }

        for (var i = 0; i < settings.Gateways.Count; i++)
        {
            if (DeviceNames.Check(settings.Gateways[i]) is not null)
            {
                failures.Add(
                    $"{TelemetrySettings.Section}:Gateways:{i}: \"{settings.Gateways[i]}\" cannot be a device's id. Write the gateway's "
                        + $"device id, 1 to {DeviceNames.Longest} characters.");
            }
        }
    }

    private static IEnumerable<int> Where(IReadOnlyList<Column> columns, Func<Column, bool> wanted) =>
        Enumerable.Range(0, columns.Count).Where(index => wanted(columns[index]));

    private sealed record Column(ColumnDefinition Definition, string From, SourceKind Kind);
}
