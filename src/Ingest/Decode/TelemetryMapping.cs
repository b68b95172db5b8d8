using Ingest.Columns;
using Ingest.Decode.Places;
using Ingest.Events;
using Ingest.Settings;
using Microsoft.Extensions.Options;

namespace Ingest.Decode;

/// <summary>
/// Where each column's value comes from: <see cref="TelemetrySettings"/>, resolved and checked. Immutable.
/// </summary>
/// <remarks>
/// <para><b>Names.</b> <c>Table</c> is <c>table</c> or <c>schema.table</c>. Table, schema and columns are used exactly as written (they are
/// quoted in SQL), so upper case counts; each has at most 63 bytes, as PostgreSQL would cut a longer one. Those of time and device are
/// filled by the pipeline and cannot be mapped.</para>
/// <para><b>Places.</b> <c>From</c> is a place in the message: a path into the reading (<c>a.b</c>, <c>a[0].b</c>, <c>['a.b']</c>) or from
/// the body's root (<c>$.a.b</c>), <c>property:name</c> (an application property, whose name matches in any case),
/// <c>annotation:name</c> (an annotation of the hub's), or <c>module</c> (the module id, for a text column; a field of that name is
/// <c>['module']</c>). Names in the body match exactly, after their escapes are resolved, or in any case with
/// <see cref="TelemetrySettings.IgnoreCase"/>. Several columns may read the same place.</para>
/// <para><b>Values.</b> See <see cref="BatchDecoder"/>.</para>
/// </remarks>
public sealed class TelemetryMapping
{
    private readonly Place?[] _places;

    /// <param name="columns">The columns, each with where its value comes from; null for the payload column, the last one.</param>
    /// <param name="device">Where a message names its device; null where it does not.</param>
    /// <param name="time">The device's own time; null where the hub's stamp is the row's.</param>
    /// <param name="settings">The rest.</param>
    internal TelemetryMapping(
        IReadOnlyList<(ColumnDefinition Definition, Place? From)> columns, Place? device, DeviceTime? time, TelemetrySettings settings)
    {
        Device = device;
        Time = time;
        _places = [.. columns.Select(column => column.From)];
        IsNarrow = settings.Shape == TableShape.Narrow;
        Key = new KeyColumns(
            settings.TimeColumn, settings.DeviceColumn, settings.DeviceType, IsNarrow ? settings.MetricColumn : null);
        Columns = [.. columns.Select(column => column.Definition)];
        TakesEveryNumber = IsNarrow && columns.Count == 0;
        TableColumns = IsNarrow
            ? [new(settings.MetricColumn, ColumnType.Text, Required: true), new(settings.ValueColumn, ColumnType.Double, Required: true)]
            : Columns;
        Names = [.. columns.Select(column => column.From?.ToString() ?? "the body")];
        PayloadIndex = settings.PayloadColumn is null ? null : columns.Count - 1;
        AllowsEmpty = settings.AllowEmpty || PayloadIndex is not null;
        ModuleIndexes = [.. Of(PlaceKind.Module).Select(column => column.ColumnIndex)];
        Properties = [.. Of(PlaceKind.Property).Select(column => (column.ColumnIndex, column.From.Name))];
        Annotations = [.. Of(PlaceKind.Annotation).Select(column => (column.ColumnIndex, column.From.Name))];
        Fields = new EventFields(
            settings.TimeSource.Equals(nameof(TimeSource.EventHub), StringComparison.OrdinalIgnoreCase)
                ? TimeSource.EventHub
                : TimeSource.IotHub,
            new[] { device, time?.From }.Concat(_places)
                .Where(place => place?.Kind == PlaceKind.Annotation)
                .Select(place => place!.Name)
                .ToHashSet(StringComparer.OrdinalIgnoreCase));

        var places = Of(PlaceKind.Body).Select(column => (column.From, new PlaceTarget(column.ColumnIndex)))
            .ToList();
        if (device?.Kind == PlaceKind.Body)
        {
            places.Add((device, PlaceTarget.Device));
        }

        if (time?.From.Kind == PlaceKind.Body)
        {
            places.Add((time.From, PlaceTarget.Time));
        }

        var id = 0;
        Root = BodyPath.Tree(
            places.Where(place => !place.Item1.FromRoot).Select(place => (place.Item1.Steps, place.Item2)),
            settings.IgnoreCase,
            () => id++);
        Whole = places.Exists(place => place.Item1.FromRoot)
            ? BodyPath.Tree(places.Select(place => (place.Item1.Steps, place.Item2)), settings.IgnoreCase, () => id++)
            : Root;
        Paths = id;
        Outer = [.. places.Where(place => place.Item1.FromRoot).Select(place => new OuterPlace(place.Item1, place.Item2))];
        IgnoresCase = settings.IgnoreCase;
        Envelope = settings.Envelope;
    }

    /// <summary>The table's schema, unquoted; null where the settings name none and the server's search path decides.</summary>
    public string? Schema { get; internal init; }

    /// <summary>The table's name, unquoted, without its schema.</summary>
    public required string Table { get; init; }

    /// <summary>The columns of time and device.</summary>
    public KeyColumns Key { get; }

    /// <summary>
    /// The mapped columns besides those of time and device, in the order of the settings; the payload column is the last.
    /// </summary>
    public IReadOnlyList<ColumnDefinition> Columns { get; }

    /// <summary>Whether the table has a row for each value.</summary>
    public bool IsNarrow { get; }

    /// <summary>
    /// The table's columns besides those of time and device: those of <see cref="Columns"/>, or in a narrow table the metric, which is the
    /// name of one of them, and its value.
    /// </summary>
    public IReadOnlyList<ColumnDefinition> TableColumns { get; }

    /// <summary>Whether every number of a reading is a metric, called by its place.</summary>
    internal bool TakesEveryNumber { get; }

    /// <summary>What is asked of the source for each message.</summary>
    public EventFields Fields { get; }

    /// <summary>What each column's value is called where it comes from: its place, written shortest.</summary>
    internal IReadOnlyList<string> Names { get; }

    /// <summary>Whether a reading in which no mapped place occurs is a row all the same.</summary>
    internal bool AllowsEmpty { get; }

    /// <summary>The columns that take the module id.</summary>
    internal int[] ModuleIndexes { get; }

    /// <summary>The columns that take an application property.</summary>
    internal (int ColumnIndex, string Property)[] Properties { get; }

    /// <summary>The columns that take an annotation.</summary>
    internal (int ColumnIndex, string Annotation)[] Annotations { get; }

    /// <summary>The column that takes the whole reading.</summary>
    internal int? PayloadIndex { get; }

    /// <summary>Where a message names its device; null where it does not.</summary>
    internal Place? Device { get; }

    /// <summary>The device's own time; null where the hub's stamp is the row's.</summary>
    internal DeviceTime? Time { get; }

    /// <summary>The places that start at the reading, as a tree.</summary>
    internal BodyPath Root { get; }

    /// <summary>The same with those that start at the body's root: for a body that is a reading itself.</summary>
    internal BodyPath Whole { get; }

    /// <summary>The places that start at the body's root, for readings inside it.</summary>
    internal IReadOnlyList<OuterPlace> Outer { get; }

    /// <summary>Where the readings inside a body are; null where they are the body, or the elements of its array.</summary>
    internal Place? Readings { get; init; }

    /// <summary>What stands around a device's body.</summary>
    internal Envelope Envelope { get; }

    /// <summary>Whether names in a body match in any case.</summary>
    internal bool IgnoresCase { get; }

    /// <summary>How many paths the trees have together.</summary>
    internal int Paths { get; }

    /// <summary>Resolves the settings.</summary>
    /// <exception cref="OptionsValidationException">
    /// Settings are wrong; every failure names one by its full name and says what to do.
    /// </exception>
    public static TelemetryMapping Create(TelemetrySettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        var resolver = new MappingResolver(settings);
        var mapping = resolver.Resolve();
        return resolver.Problems.Count == 0
            ? mapping
            : throw new OptionsValidationException(TelemetrySettings.Section, typeof(TelemetrySettings), resolver.Problems);
    }

    /// <summary>
    /// All that is wrong with the settings, each by its full name (<c>Telemetry:Columns:2:From</c>) and with what to do; empty where they
    /// are right.
    /// </summary>
    public static IReadOnlyList<string> Validate(TelemetrySettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        var resolver = new MappingResolver(settings);
        resolver.Resolve();
        return resolver.Problems;
    }

    private IEnumerable<(int ColumnIndex, Place From)> Of(PlaceKind kind) =>
        _places.Index().Where(column => column.Item?.Kind == kind).Select(column => (column.Index, column.Item!));
}
