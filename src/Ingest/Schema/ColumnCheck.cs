using Ingest.Columns.Types;
using Ingest.Settings;

namespace Ingest.Schema;

/// <summary>Checks that a table's columns take what the pipeline writes and return it unchanged.</summary>
internal static class ColumnCheck
{
    private const string LimitedText = "character varying(";

    public static IEnumerable<SchemaProblem> Find(IReadOnlyList<ColumnRow> actual, TargetTable table, bool isPartitioned)
    {
        var wanted = Wanted(table);
        foreach (var column in wanted)
        {
            if (actual.FirstOrDefault(found => found.Name == column.Name) is not { } found)
            {
                yield return Missing(column, actual, table);
                continue;
            }

            if (!column.Fits(found.Type))
            {
                yield return new(
                    $"Column {found.Name} of {table.Name} is {found.Type}, and {column.Type} is mapped to it.",
                    column.Setting == TimeColumn && isPartitioned ? Copy(table) : Convert(column, found.Type, table));
            }

            if (found.Generated || found.Identity == "a")
            {
                yield return new($"Column {found.Name} of {table.Name} is generated.", "Map another column, or drop the generation.");
            }

            if (found.LooseCollation)
            {
                yield return new(
                    $"Column {found.Name} of {table.Name} has a collation under which different texts are equal.",
                    "Give it a deterministic one, such as \"C\".");
            }
        }

        var names = wanted.Select(column => column.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var found in actual.Where(found =>
            found is { NotNull: true, HasDefault: false, Identity: "" } && !names.Contains(found.Name)))
        {
            yield return new(
                $"Column {found.Name} of {table.Name} is NOT NULL, has no default and is not mapped.",
                "Give it a default, drop NOT NULL, or map it in Telemetry:Columns.");
        }
    }

    private const string TimeColumn = "Telemetry:TimeColumn";
    private const string DeviceColumn = "Telemetry:DeviceColumn";

    private static Column[] Wanted(TargetTable table) =>
    [
        new(table.Key.Time, TimeColumn, SqlTypes.Of(ColumnType.Timestamptz).Fitting),
        new(table.Key.Device, DeviceColumn, table.Key.DeviceType == DeviceType.Uuid ? ["uuid"] : SqlTypes.Of(ColumnType.Text).Fitting),
        .. table.Columns.Select(column => new Column(column.Name, "Telemetry:Columns", SqlTypes.Of(column.Type).Fitting)),
    ];

    private static SchemaProblem Missing(Column column, IReadOnlyList<ColumnRow> actual, TargetTable table) => new(
        $"{table.Name} has no column {column.Name}.",
        actual.FirstOrDefault(found => found.Name.Equals(column.Name, StringComparison.OrdinalIgnoreCase)) is { } alike
            ? $"It has {alike.Name}: names are compared exactly, capitals included, so write that one in {column.Setting}."
            : $"ALTER TABLE {table.Quoted} ADD COLUMN {TargetTable.Quote(column.Name)} {column.Type}, or correct {column.Setting}.");

    private static string Convert(Column column, string actual, TargetTable table)
    {
        var name = TargetTable.Quote(column.Name);
        var alter = $"ALTER TABLE {table.Quoted} ALTER COLUMN {name} TYPE {column.Type} USING {name}";
        return column.Setting switch
        {
            TimeColumn => actual == "timestamp without time zone"
                ? $"Where its times are UTC: {alter} AT TIME ZONE 'UTC'."
                : $"Name a column of type {column.Type} in {TimeColumn}.",
            DeviceColumn => (table.Key.DeviceType, actual) switch
            {
                (DeviceType.Text, "uuid") => $"Set Telemetry:DeviceType to Uuid, if every device id is one. Or {alter}::text.",
                (DeviceType.Uuid, _) => $"Set Telemetry:DeviceType to Text, or {alter}::uuid.",
                _ => $"{alter}::text. A device id has up to {Decode.DeviceNames.Longest} characters.",
            },
            _ => $"{alter}::{column.Type}, or give the mapping the column's type. Types that change a value on the way in (numeric, "
                + $"varchar(n), json) cannot be compared and do not fit.",
        };
    }

    private static string Copy(TargetTable table) =>
        $"A partition key cannot change its type: create a table like it with {SqlTypes.Of(ColumnType.Timestamptz).Name} for "
            + $"{table.Key.Time}, copy the rows, and name it in Telemetry:Table.";

    /// <summary>What a column has to be.</summary>
    private sealed record Column(string Name, string Setting, IReadOnlyList<string> Fitting)
    {
        /// <summary>The type to advise.</summary>
        public string Type => Fitting[0];

        public bool Fits(string actual) => Fitting.Contains(actual, StringComparer.Ordinal)
            || (Setting == DeviceColumn && Type == "text" && actual.StartsWith(LimitedText, StringComparison.Ordinal)
                && int.Parse(actual.AsSpan()[LimitedText.Length..^1], System.Globalization.CultureInfo.InvariantCulture)
                    >= Decode.DeviceNames.Longest);
    }
}
