using Ingest.Decode;
using Ingest.Settings;
using Xunit;
using static Ingest.Tests.Decode.DecoderDriver;

namespace Ingest.Tests.Decode;

public sealed class ConversionTests
{
    [Theory]
    [InlineData(ColumnType.Double, "\"21.5\"", 21.5)]
    [InlineData(ColumnType.Double, "\"-2.15e1\"", -21.5)]
    [InlineData(ColumnType.Double, "\"2\\u0031.5\"", 21.5)]
    [InlineData(ColumnType.Double, "21.5", 21.5)]
    [InlineData(ColumnType.Real, "\"21.5\"", 21.5f)]
    [InlineData(ColumnType.Bigint, "\"9007199254740993\"", 9_007_199_254_740_993)]
    [InlineData(ColumnType.Bigint, "\"1e3\"", 1_000L)]
    [InlineData(ColumnType.Integer, "\"-7\"", -7)]
    [InlineData(ColumnType.Boolean, "1", true)]
    [InlineData(ColumnType.Boolean, "0", false)]
    [InlineData(ColumnType.Boolean, "\"true\"", true)]
    [InlineData(ColumnType.Boolean, "\"FALSE\"", false)]
    [InlineData(ColumnType.Boolean, "\"1\"", true)]
    [InlineData(ColumnType.Boolean, "true", true)]
    [InlineData(ColumnType.Text, "21.5", "21.5")]
    [InlineData(ColumnType.Text, "2.150e1", "2.150e1")]
    [InlineData(ColumnType.Text, "9007199254740993", "9007199254740993")]
    [InlineData(ColumnType.Text, "false", "false")]
    [InlineData(ColumnType.Text, "\"a\\u0062\"", "ab")]
    [InlineData(ColumnType.Double, "null", null)]
    public void A_value_of_another_type_is_converted_where_the_column_asks_for_it(ColumnType type, string json, object? value)
    {
        Assert.Equal([value], Converting(type).Row($$"""{"v":{{json}}}"""));
    }

    [Theory]
    [InlineData(ColumnType.Double, "\"21.5\"")]
    [InlineData(ColumnType.Bigint, "\"9007199254740993\"")]
    [InlineData(ColumnType.Boolean, "1")]
    [InlineData(ColumnType.Boolean, "\"true\"")]
    [InlineData(ColumnType.Text, "21.5")]
    public void Nothing_is_converted_where_no_column_asks_for_it(ColumnType type, string json) => Assert.Equal(
        RejectReason.WrongType, DecoderDriver.Mapping(("v", type)).Rejection($$"""{"v":{{json}}}""").Reason);

    [Theory]
    [InlineData(ColumnType.Double, "\"warm\"", "or a string that holds one, is expected")]
    [InlineData(ColumnType.Double, "\"\"", "is expected")]
    [InlineData(ColumnType.Double, "\" 21.5\"", "is expected")]
    [InlineData(ColumnType.Double, "\"0x10\"", "is expected")]
    [InlineData(ColumnType.Double, "\"NaN\"", "is expected")]
    [InlineData(ColumnType.Double, "\"01\"", "is expected")]
    [InlineData(ColumnType.Double, "\"\\ud800\"", "is expected")]
    [InlineData(ColumnType.Double, "true", "is expected")]
    [InlineData(ColumnType.Double, "\"21,5\"", "v is \"21,5\": a decimal comma is not converted")]
    [InlineData(ColumnType.Integer, "\"-1,0\"", "a decimal comma")]
    [InlineData(ColumnType.Double, "\"1,2,3\"", "is expected")]
    [InlineData(ColumnType.Bigint, "\"21.5\"", "is expected")]
    [InlineData(ColumnType.Boolean, "2", "is expected")]
    [InlineData(ColumnType.Boolean, "\"yes\"", "is expected")]
    [InlineData(ColumnType.Text, "{}", "is expected")]
    [InlineData(ColumnType.Text, "[1]", "is expected")]
    public void What_cannot_be_converted_stays_a_wrong_type(ColumnType type, string json, string what)
    {
        var rejection = Converting(type).Rejection($$"""{"v":{{json}}}""");

        Assert.Equal(RejectReason.WrongType, rejection.Reason);
        Assert.Contains(what, rejection.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void A_number_in_text_has_the_columns_bounds()
    {
        Assert.Equal(RejectReason.OutOfRange, Converting(ColumnType.Double).Rejection("""{"v":"1e400"}""").Reason);
        Assert.Equal(RejectReason.OutOfRange, Converting(ColumnType.Bigint).Rejection("""{"v":"9223372036854775808"}""").Reason);
    }

    public static TheoryData<ColumnType, object, object> Properties => new()
    {
        { ColumnType.Double, "21.5", 21.5 },
        { ColumnType.Bigint, "9007199254740993", 9_007_199_254_740_993 },
        { ColumnType.Text, 21.5, "21.5" },
        { ColumnType.Text, true, "true" },
        { ColumnType.Boolean, 1, true },
        { ColumnType.Boolean, "false", false },
    };

    [Theory, MemberData(nameof(Properties))]
    public void Properties_are_converted_alike(ColumnType type, object value, object expected)
    {
        var settings = new TelemetrySettings();
        settings.Columns.Add(new ColumnSettings { Name = "v", From = "property:v", Type = type, Convert = true });

        Assert.Equal([expected], new DecoderDriver(settings).Row(Message("{}", properties: new() { ["v"] = value })));
    }

    [Theory]
    [InlineData("Telemetry:Columns:0:Convert: ", ColumnType.Jsonb, true, null)]
    [InlineData("Telemetry:Columns:0:Convert: ", ColumnType.Timestamptz, true, null)]
    [InlineData("Telemetry:Columns:0:Format: ", ColumnType.Text, false, TimeFormat.EpochSeconds)]
    public void What_a_column_cannot_do_is_refused_at_start(string setting, ColumnType type, bool convert, TimeFormat? format)
    {
        var settings = new TelemetrySettings();
        settings.Columns.Add(new ColumnSettings { Name = "v", Type = type, Convert = convert, Format = format });

        Assert.StartsWith(setting, Assert.Single(TelemetryMapping.Validate(settings)), StringComparison.Ordinal);
    }

    private static DecoderDriver Converting(ColumnType type)
    {
        var settings = new TelemetrySettings();
        settings.Columns.Add(new ColumnSettings { Name = "v", Type = type, Convert = true });
        return new DecoderDriver(settings);
    }
}
