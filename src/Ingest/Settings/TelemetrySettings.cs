using System.ComponentModel.DataAnnotations;

namespace Ingest.Settings;

/// <summary>Which of the hub's stamps is the row's time.</summary>
public enum TimeSource
{
    /// <summary><c>iothub-enqueuedtime</c>, and <c>x-opt-enqueued-time</c> where it is absent (a plain event hub).</summary>
    IotHub,

    /// <summary><c>x-opt-enqueued-time</c>, for a table filled by an older writer.</summary>
    EventHub,
}

/// <summary>How values become rows.</summary>
public enum TableShape
{
    /// <summary>A row for each reading, with a column for each value.</summary>
    Wide,

    /// <summary>A row for each value: time, device, metric, value.</summary>
    Narrow,
}

/// <summary>The type of the device's column.</summary>
public enum DeviceType
{
    /// <summary>text, or varchar of 128 characters or more: every device id fits.</summary>
    Text,

    /// <summary>uuid. A device id that is none is dead-lettered.</summary>
    Uuid,
}

/// <summary>The type of a mapped column, as the table declares it.</summary>
public enum ColumnType
{
    /// <summary>double precision.</summary>
    [AlsoCalled("float8", "double precision", "float", "float64", "number", "numeric", "decimal")]
    Double,

    /// <summary>real.</summary>
    [AlsoCalled("float4", "float32", "single")]
    Real,

    /// <summary>bigint.</summary>
    [AlsoCalled("int8", "int64", "long")]
    Bigint,

    /// <summary>integer.</summary>
    [AlsoCalled("int4", "int2", "int32", "int", "smallint")]
    Integer,

    /// <summary>boolean.</summary>
    [AlsoCalled("bool")]
    Boolean,

    /// <summary>text.</summary>
    [AlsoCalled("string", "varchar", "character varying", "char")]
    Text,

    /// <summary>timestamp with time zone.</summary>
    [AlsoCalled("timestamp", "timestamp with time zone", "datetime", "datetimeoffset")]
    Timestamptz,

    /// <summary>jsonb.</summary>
    [AlsoCalled("json", "object")]
    Jsonb,
}

/// <summary>One mapped column.</summary>
public sealed class ColumnSettings
{
    /// <summary>The column's name in the table.</summary>
    [Required(AllowEmptyStrings = false)]
    public string Name { get; set; } = "";

    /// <summary>
    /// Where its value comes from: a place in the reading (<c>a.b</c>, <c>a[0].b</c>, <c>['a.b']</c>) or from the body's root
    /// (<c>$.a.b</c>), an application property <c>property:site</c> in any case of its name, an annotation
    /// <c>annotation:iothub-connection-auth-method</c>, or <c>module</c>. Default: the field with the column's name.
    /// </summary>
    public string? From { get; set; }

    /// <summary>The column's type. Default: double.</summary>
    public ColumnType Type { get; set; } = ColumnType.Double;

    /// <summary>How a Timestamptz column's values are written. Default: null, <see cref="TimeFormat.Iso8601"/>.</summary>
    public TimeFormat? Format { get; set; }

    /// <summary>
    /// Whether values of another JSON type are converted where nothing is lost: text to a number or a truth value, a number or a truth
    /// value to text, 0 and 1 to a truth value. Default: false, they are dead-lettered.
    /// </summary>
    public bool Convert { get; set; }

    /// <summary>Whether a reading without a value is dead-lettered. Default: false (NULL is stored).</summary>
    public bool Required { get; set; }
}

/// <summary>How messages become rows: section <c>Telemetry</c>.</summary>
public sealed class TelemetrySettings
{
    public const string Section = "Telemetry";

    /// <summary>The table, optionally with its schema (<c>schema.table</c>). Default: <c>conditions</c>.</summary>
    [Required(AllowEmptyStrings = false)]
    public string Table { get; set; } = "conditions";

    /// <summary>The column that takes the row's time, a timestamptz. Default: <c>time</c>.</summary>
    public string TimeColumn { get; set; } = "time";

    /// <summary>The column that takes the device. Default: <c>device</c>.</summary>
    public string DeviceColumn { get; set; } = "device";

    /// <summary>
    /// Whether the table has a row for each reading or for each value. In a narrow table each value is counted as a reading, the mapped
    /// columns' names are the metrics, and without <see cref="Columns"/> every number in a reading is one, called by its place
    /// (<c>a.b[0]</c>). Default: <see cref="TableShape.Wide"/>.
    /// </summary>
    public TableShape Shape { get; set; }

    /// <summary>In a narrow table the text column that names the metric. Default: <c>metric</c>.</summary>
    public string MetricColumn { get; set; } = "metric";

    /// <summary>In a narrow table the double precision column of the value. Default: <c>value</c>.</summary>
    public string ValueColumn { get; set; } = "value";

    /// <summary>What type the device's column has. Default: <see cref="DeviceType.Text"/>.</summary>
    public DeviceType DeviceType { get; set; }

    /// <summary>
    /// The mapped columns besides those of time and device. Empty: <c>temperature</c> and <c>humidity</c>, both double.
    /// </summary>
    public IList<ColumnSettings> Columns { get; } = [];

    /// <summary>
    /// What stands around a device's body, and is taken off: what it says of device and stamp counts where the hub gives none. Default:
    /// <see cref="Ingest.Settings.Envelope.None"/>.
    /// </summary>
    public Envelope Envelope { get; set; }

    /// <summary>
    /// Where in the body the readings are, such as <c>metrics[*]</c> or <c>data[*].values[*]</c>. Columns then start at a reading, and at
    /// the outer object with <c>$</c>. Default: null, the body itself, or the elements of its array.
    /// </summary>
    public string? Readings { get; set; }

    /// <summary>Whether names in the body match in any case. Default: false, exactly.</summary>
    public bool IgnoreCase { get; set; }

    /// <summary>A jsonb column that takes the whole reading, or null for none.</summary>
    public string? PayloadColumn { get; set; }

    /// <summary>
    /// Whether a reading in which not one mapped place occurs is a row of NULLs. Default: false, it is dead-lettered
    /// (<c>nothing_mapped</c>). A place occurs also where its value is null, and with <see cref="PayloadColumn"/> something always does.
    /// </summary>
    public bool AllowEmpty { get; set; }

    /// <summary>
    /// The row's time: a stamp of the hub's (<see cref="Ingest.Settings.TimeSource"/>), or the device's own, where it is in the message:
    /// <c>body:ts</c>, <c>property:ts</c> or <c>annotation:…</c>. Default: <c>IotHub</c>.
    /// </summary>
    public string TimeSource { get; set; } = nameof(Ingest.Settings.TimeSource.IotHub);

    /// <summary>How the device's own time is written. Default: <see cref="TimeFormat.Iso8601"/>.</summary>
    public TimeFormat TimeFormat { get; set; }

    /// <summary>
    /// The offset from UTC of ISO 8601 times that name none, here and in Timestamptz columns: <c>Z</c> or <c>+02:00</c>. A zone with summer
    /// time is none: one hour a year would be two. Default: null, a time without its offset cannot be read.
    /// </summary>
    public string? TimeZone { get; set; }

    /// <summary>
    /// What becomes of a reading whose own time is missing or cannot be read. Default:
    /// <see cref="Ingest.Settings.WithoutTime.DeadLetter"/>.
    /// </summary>
    public WithoutTime WithoutTime { get; set; }

    /// <summary>Readings stamped before this are dead-lettered (a device or hub clock gone wrong). Default: 2015-01-01 UTC.</summary>
    public DateTimeOffset EarliestAccepted { get; set; } = new(2015, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>
    /// Readings older than this, counted back from the earlier of the local clock and the highest hub stamp seen, are ignored
    /// (<c>expired</c>): the table's retention. Default: null (none).
    /// </summary>
    public TimeSpan? OldestAccepted { get; set; }

    /// <summary>
    /// Days that readings are kept in the default table: older chunks or partitions are dropped hourly, whole ones alone, and older
    /// readings are ignored as if <see cref="OldestAccepted"/> said so. Default: 0, all are kept.
    /// </summary>
    [Range(0, 36_500)]
    public int RetentionDays { get; set; }

    /// <summary>The age from which readings are ignored: what is dropped must not come back by a replay.</summary>
    internal TimeSpan? OldestKept => OldestAccepted ?? (RetentionDays > 0 ? TimeSpan.FromDays(RetentionDays) : null);

    /// <summary>
    /// Where a message names its device, for <see cref="AllowBodyDevice"/>, <see cref="Gateways"/> and the check that it names no other: a
    /// place, such as <c>deviceId</c> or <c>property:device</c>. Default: <c>device</c>.
    /// </summary>
    public string DeviceFrom { get; set; } = "device";

    /// <summary>
    /// Whether what the message says of its device is a label and no identity, and so not looked at. Default: false.
    /// </summary>
    public bool IgnoreBodyDevice { get; set; }

    /// <summary>Whether the message names the device (<see cref="DeviceFrom"/>) where the hub names none. Default: false.</summary>
    public bool AllowBodyDevice { get; set; }

    /// <summary>
    /// Devices that may speak for others: their messages may name another <c>device</c> in the body, and are stored under that name.
    /// </summary>
    public IList<string> Gateways { get; } = [];
}
