using Ingest.Columns;
using Ingest.Columns.Types;
using Ingest.Decode;
using Ingest.Settings;
using Ingest.Tests.Decode;
using Ingest.TestSupport.Fuzzing;
using Xunit;
using static Ingest.Tests.Decode.DecoderDriver;

namespace Ingest.Tests.Columns;

/// <summary>
/// That no type of columns lacks anything. What it does in a database walks all types too: OnePlacePropertyTests writes, compares and reads
/// them, and SchemaCheckTests looks for them in the catalog.
/// </summary>
public sealed class ColumnTypeTests
{
    private static readonly DateTime Time = new(2026, 3, 4, 5, 6, 7, DateTimeKind.Utc);

    /// <summary>A value of each type: as JSON, as an application property (none where it takes none), and as it is kept.</summary>
    private static readonly Dictionary<ColumnType, (string Json, object? Property, object Kept)> Examples = new()
    {
        [ColumnType.Double] = ("1.5", 1.5, 1.5),
        [ColumnType.Real] = ("1.5", 1.5f, 1.5f),
        [ColumnType.Bigint] = ("4294967296", 4294967296L, 4294967296L),
        [ColumnType.Integer] = ("7", (byte)7, 7),
        [ColumnType.Boolean] = ("true", true, true),
        [ColumnType.Text] = ("\"north\"", "north", "north"),
        [ColumnType.Timestamptz] = ("\"2026-03-04T05:06:07Z\"", Time, Time),
        [ColumnType.Jsonb] = ("[1.50]", null, "[1.5]"),
    };

    public static TheoryData<ColumnType> Types => [.. Enum.GetValues<ColumnType>()];

    [Theory, MemberData(nameof(Types))]
    public void Each_type_has_a_row_of_its_own_with_names_buffer_and_codec(ColumnType type)
    {
        var row = SqlTypes.Of(type);
        using var column = row.CreateColumn(new ColumnDefinition("v", type, Required: false));
        column.AppendNull();
        var codec = row.CreateCodec();
        codec.BeginArray();
        codec.AddToArray(column, 0);

        Assert.All(Enum.GetValues<ColumnType>(), other => Assert.Equal(other == type, SqlTypes.Of(other).Name == row.Name));
        Assert.Contains(row.Name, row.Expected, StringComparison.Ordinal);
        Assert.NotEmpty(row.Fitting);
        Assert.Same(row, column.Type);
        Assert.NotNull(codec.EndArray().Value);
    }

    [Theory, MemberData(nameof(Types))]
    public void Each_type_takes_its_values_from_JSON_and_refuses_others_in_words(ColumnType type)
    {
        var driver = DecoderDriver.Mapping(("v", type));
        Assert.Equal(Examples[type].Kept, driver.Row($$"""{"v":{{Examples[type].Json}}}""")[0]);
        Assert.Equal([null], driver.Row("""{"v":null}"""));
        if (!SqlTypes.Of(type).TakesWhole)
        {
            var refused = driver.Rejection("""{"v":{}}""");
            Assert.Equal(RejectReason.WrongType, refused.Reason);
            Assert.Contains(SqlTypes.Of(type).Expected, refused.Detail, StringComparison.Ordinal);
        }
    }

    [Theory, MemberData(nameof(Types))]
    public void Each_type_takes_its_values_from_an_application_property_or_cannot_be_mapped_to_one(ColumnType type)
    {
        if (Examples[type].Property is { } property)
        {
            Assert.Equal(
                Examples[type].Kept,
                DecoderDriver.Mapping(("property:p", type)).Row(Message("{}", properties: new() { ["p"] = property }))[0]);
            return;
        }

        var settings = new TelemetrySettings { Columns = { new ColumnSettings { Name = "v", From = "property:p", Type = type } } };
        Assert.False(SqlTypes.Of(type).TakesProperties);
        Assert.StartsWith("Telemetry:Columns:0:Type", Assert.Single(TelemetryMapping.Validate(settings)), StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Types))]
    public void Each_type_is_fuzzed(ColumnType type) => Assert.Contains(FuzzedTable.Wide().Columns, column => column.Type == type);
}
