using System.Globalization;
using CsCheck;
using Ingest.Decode;
using Ingest.Settings;
using Xunit;
using static Ingest.Tests.Decode.DecoderDriver;

namespace Ingest.Tests.Decode;

public sealed class ValueTests
{
    private static readonly DateTime Instant = new(2026, 3, 4, 5, 6, 7, DateTimeKind.Utc);

    public static TheoryData<ColumnType, string, object> Accepted { get; } = new()
    {
        { ColumnType.Double, "1.5", 1.5 },
        { ColumnType.Double, "-0", -0.0 },
        { ColumnType.Double, "1e308", 1e308 },
        { ColumnType.Double, "1E-400", 0.0 },
        { ColumnType.Double, "4.9e-324", double.Epsilon },
        { ColumnType.Double, "9007199254740993", 9007199254740992.0 },
        { ColumnType.Double, "0.1000000000000000055511151231257827021181583404541015625", 0.1 },
        { ColumnType.Real, "0.1", 0.1f },
        { ColumnType.Real, "16777217", 16777216f },
        { ColumnType.Real, "3.4028235e38", float.MaxValue },
        { ColumnType.Real, "1e-60", 0f },
        { ColumnType.Bigint, "9223372036854775807", long.MaxValue },
        { ColumnType.Bigint, "-9223372036854775808", long.MinValue },
        { ColumnType.Bigint, "-9223372036854775808.000", long.MinValue },
        { ColumnType.Bigint, "922337203685477580.7e1", long.MaxValue },
        { ColumnType.Bigint, "1e3", 1000L },
        { ColumnType.Bigint, "1E+3", 1000L },
        { ColumnType.Bigint, "1.0", 1L },
        { ColumnType.Bigint, "1000e-3", 1L },
        { ColumnType.Bigint, "-0.0", 0L },
        { ColumnType.Bigint, "0e999999999999999999999", 0L },
        { ColumnType.Integer, "2147483647", int.MaxValue },
        { ColumnType.Integer, "-2147483648", int.MinValue },
        { ColumnType.Integer, "2.1474836470e9", int.MaxValue },
        { ColumnType.Boolean, "true", true },
        { ColumnType.Boolean, "false", false },
        { ColumnType.Text, "\"\"", "" },
        { ColumnType.Text, "\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00z\"", "a\"\\/\b\f\n\r\té😀z" },
        { ColumnType.Text, "\"5\"", "5" },
        { ColumnType.Timestamptz, "\"2026-03-04T05:06:07Z\"", Instant },
        { ColumnType.Timestamptz, "\"2026-03-04T05:06:07.1234567Z\"", Instant.AddMicroseconds(123_456) },
        { ColumnType.Timestamptz, "\"2026-03-04T05:06:07.9999999999Z\"", Instant.AddMicroseconds(999_999) },
        { ColumnType.Timestamptz, "\"2026-03-04T05:06:07.5+02:00\"", Instant.AddHours(-2).AddMilliseconds(500) },
        { ColumnType.Timestamptz, "\"2026-03-04 05:06:07-0530\"", Instant.AddHours(5).AddMinutes(30) },
        { ColumnType.Timestamptz, "\"2026-03-04t05:06+00\"", Instant.AddSeconds(-7) },
        { ColumnType.Timestamptz, "\"2026-03-04T05:06:07\\u005A\"", Instant },
        { ColumnType.Timestamptz, "\"2024-02-29T00:00:00Z\"", new DateTime(2024, 2, 29, 0, 0, 0, DateTimeKind.Utc) },
        { ColumnType.Timestamptz, "\"0001-01-01T00:00:00.000001Z\"", new DateTime(10, DateTimeKind.Utc) },
        { ColumnType.Timestamptz, "\"9999-12-31T23:59:59.9999999Z\"", new DateTime(DateTime.MaxValue.Ticks - 9, DateTimeKind.Utc) },
        { ColumnType.Jsonb, "[1.50, {\"b\":null,\"a\":\"\\u0009\"}]", "[1.5,{\"a\":\"\\u0009\",\"b\":null}]" },
        { ColumnType.Jsonb, "false", "false" },
    };

    [Theory, MemberData(nameof(Accepted))]
    public void A_value_that_fits_its_column_is_taken(ColumnType type, string json, object expected)
    {
        var value = DecoderDriver.Mapping(("v", type)).Row($$"""{"v":{{json}}}""")[0];

        Assert.Equal(expected, value);
        Assert.IsType(expected.GetType(), value);
        if (value is DateTime time)
        {
            Assert.Equal(DateTimeKind.Utc, time.Kind);
        }
    }

    [Theory]
    [InlineData(ColumnType.Double, "1e309", RejectReason.OutOfRange)]
    [InlineData(ColumnType.Double, "-1e400", RejectReason.OutOfRange)]
    [InlineData(ColumnType.Double, "\"1\"", RejectReason.WrongType)]
    [InlineData(ColumnType.Double, "\"NaN\"", RejectReason.WrongType)]
    [InlineData(ColumnType.Double, "true", RejectReason.WrongType)]
    [InlineData(ColumnType.Double, "{}", RejectReason.WrongType)]
    [InlineData(ColumnType.Double, "[]", RejectReason.WrongType)]
    [InlineData(ColumnType.Real, "3.5e38", RejectReason.OutOfRange)]
    [InlineData(ColumnType.Real, "-1e39", RejectReason.OutOfRange)]
    [InlineData(ColumnType.Bigint, "9223372036854775808", RejectReason.OutOfRange)]
    [InlineData(ColumnType.Bigint, "-9223372036854775809", RejectReason.OutOfRange)]
    [InlineData(ColumnType.Bigint, "1e19", RejectReason.OutOfRange)]
    [InlineData(ColumnType.Bigint, "1e99999999999999999999", RejectReason.OutOfRange)]
    [InlineData(ColumnType.Bigint, "1.5", RejectReason.WrongType)]
    [InlineData(ColumnType.Bigint, "1e-1", RejectReason.WrongType)]
    [InlineData(ColumnType.Bigint, "1e-99999999999999999999", RejectReason.WrongType)]
    [InlineData(ColumnType.Bigint, "\"5\"", RejectReason.WrongType)]
    [InlineData(ColumnType.Integer, "2147483648", RejectReason.OutOfRange)]
    [InlineData(ColumnType.Integer, "-2147483649", RejectReason.OutOfRange)]
    [InlineData(ColumnType.Integer, "0.1", RejectReason.WrongType)]
    [InlineData(ColumnType.Boolean, "1", RejectReason.WrongType)]
    [InlineData(ColumnType.Boolean, "\"true\"", RejectReason.WrongType)]
    [InlineData(ColumnType.Text, "5", RejectReason.WrongType)]
    [InlineData(ColumnType.Text, "false", RejectReason.WrongType)]
    [InlineData(ColumnType.Text, "{\"a\":1}", RejectReason.WrongType)]
    [InlineData(ColumnType.Text, "\"a\\u0000b\"", RejectReason.NulInText)]
    [InlineData(ColumnType.Text, "\"\\ud800\"", RejectReason.InvalidText)]
    [InlineData(ColumnType.Text, "\"\\udc00\\ud800\"", RejectReason.InvalidText)]
    [InlineData(ColumnType.Text, "\"\\ud83dx\"", RejectReason.InvalidText)]
    [InlineData(ColumnType.Timestamptz, "1772600767", RejectReason.WrongType)]
    [InlineData(ColumnType.Timestamptz, "\"2026-03-04T05:06:07\"", RejectReason.WrongType)]
    [InlineData(ColumnType.Timestamptz, "\"2026-03-04\"", RejectReason.WrongType)]
    [InlineData(ColumnType.Timestamptz, "\"2026-02-29T00:00:00Z\"", RejectReason.WrongType)]
    [InlineData(ColumnType.Timestamptz, "\"2026-13-01T00:00:00Z\"", RejectReason.WrongType)]
    [InlineData(ColumnType.Timestamptz, "\"2026-03-04T24:00:00Z\"", RejectReason.WrongType)]
    [InlineData(ColumnType.Timestamptz, "\"2026-03-04T05:06:60Z\"", RejectReason.WrongType)]
    [InlineData(ColumnType.Timestamptz, "\"2026-03-04T05:06:07.Z\"", RejectReason.WrongType)]
    [InlineData(ColumnType.Timestamptz, "\"2026-03-04T05:06:07Z \"", RejectReason.WrongType)]
    [InlineData(ColumnType.Timestamptz, "\"2026-03-04T05:06:07+16:00\"", RejectReason.WrongType)]
    [InlineData(ColumnType.Timestamptz, "\"0001-01-01T00:00:00+01:00\"", RejectReason.WrongType)]
    [InlineData(ColumnType.Timestamptz, "\"9999-12-31T23:59:59-01:00\"", RejectReason.WrongType)]
    [InlineData(ColumnType.Timestamptz, "\"infinity\"", RejectReason.WrongType)]
    [InlineData(ColumnType.Timestamptz, "\"0001-01-01T00:00:00Z\"", RejectReason.OutOfRange)]
    [InlineData(ColumnType.Timestamptz, "\"0001-01-01T01:00:00.0000009+01:00\"", RejectReason.OutOfRange)]
    [InlineData(ColumnType.Timestamptz, "\"\"", RejectReason.WrongType)]
    [InlineData(ColumnType.Timestamptz, "\"\\ud800\"", RejectReason.WrongType)]
    [InlineData(ColumnType.Jsonb, "[\"\\u0000\"]", RejectReason.NulInText)]
    [InlineData(ColumnType.Jsonb, "{\"a\\u0000\":1}", RejectReason.NulInText)]
    [InlineData(ColumnType.Jsonb, "\"\\ud800\"", RejectReason.InvalidText)]
    [InlineData(ColumnType.Jsonb, "1e131072", RejectReason.OutOfRange)]
    [InlineData(ColumnType.Jsonb, "1e-16384", RejectReason.OutOfRange)]
    public void A_value_that_does_not_fit_is_rejected_and_named(ColumnType type, string json, RejectReason reason)
    {
        var rejection = DecoderDriver.Mapping(("place.v", type)).Rejection("{\"place\":{\"v\":" + json + "}}");

        Assert.Equal(reason, rejection.Reason);
        Assert.Contains("place.v", rejection.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"place\":5}")]
    [InlineData("{\"place\":\"x\"}")]
    [InlineData("{\"place\":[{\"v\":1}]}")]
    public void A_path_through_something_that_is_no_object_is_a_wrong_type(string body)
    {
        var rejection = DecoderDriver.Mapping(("place.v", ColumnType.Double)).Rejection(body);

        Assert.Equal(RejectReason.WrongType, rejection.Reason);
        Assert.StartsWith("place is ", rejection.Detail, StringComparison.Ordinal);
        Assert.Equal([null], DecoderDriver.Mapping(("place.v", ColumnType.Double)).Row("""{"place":null}"""));
    }

    [Fact]
    public void A_double_is_the_nearest_one_to_what_was_written()
    {
        var driver = DecoderDriver.Mapping(("v", ColumnType.Double), ("v", ColumnType.Real));
        var digits = Gen.String[Gen.Char['0', '9'], 1, 40];
        Gen.Select(Gen.Bool, digits, digits, Gen.Int[-330, 300]).Sample(
            (negative, whole, fraction, exponent) =>
            {
                var trimmed = whole.TrimStart('0');
                var text = $"{(negative ? "-" : "")}{(trimmed.Length == 0 ? "0" : trimmed)}.{fraction}e{exponent}";
                var expected = double.Parse(text, CultureInfo.InvariantCulture);
                var single = float.Parse(text, CultureInfo.InvariantCulture);
                using var batch = driver.Decode($$"""{"v":{{text}}}""");
                return float.IsInfinity(single)
                    ? batch.Rejections[0].Reason == RejectReason.OutOfRange
                    : Rows(batch)[0] is [double value, float real]
                        && BitConverter.DoubleToInt64Bits(value) == BitConverter.DoubleToInt64Bits(expected)
                        && BitConverter.SingleToInt32Bits(real) == BitConverter.SingleToInt32Bits(single);
            },
            iter: 20_000);
    }

    [Fact]
    public void An_ordinary_double_is_the_nearest_one_to_what_was_written()
    {
        var driver = DecoderDriver.Mapping(("v", ColumnType.Double));
        Gen.Select(Gen.Long[-9_999_999_999_999_999, 9_999_999_999_999_999], Gen.Int[0, 25], Gen.Int[-30, 30]).Sample(
            (mantissa, places, exponent) =>
            {
                var digits = Math.Abs(mantissa).ToString(CultureInfo.InvariantCulture).PadLeft(places + 1, '0');
                var plain = (mantissa < 0 ? "-" : "") + digits[..^places] + (places > 0 ? "." + digits[^places..] : "");
                foreach (var text in new[] { plain, plain + "e" + exponent })
                {
                    var expected = double.Parse(text, CultureInfo.InvariantCulture);
                    if (driver.Row($$"""{"v":{{text}}}""")[0] is not double value
                        || BitConverter.DoubleToInt64Bits(value) != BitConverter.DoubleToInt64Bits(expected))
                    {
                        return false;
                    }
                }

                return true;
            },
            iter: 20_000);
    }

    public static TheoryData<ColumnType, object?, object?> Properties { get; } = new()
    {
        { ColumnType.Double, 1.5, 1.5 },
        { ColumnType.Double, double.NaN, double.NaN },
        { ColumnType.Double, double.PositiveInfinity, double.PositiveInfinity },
        { ColumnType.Double, 1.5f, 1.5 },
        { ColumnType.Double, 7, 7.0 },
        { ColumnType.Double, 1.25m, 1.25 },
        { ColumnType.Double, (1L << 53) + 1, RejectReason.OutOfRange },
        { ColumnType.Double, long.MaxValue, RejectReason.OutOfRange },
        { ColumnType.Double, ulong.MaxValue, RejectReason.OutOfRange },
        { ColumnType.Double, 1UL << 63, 9_223_372_036_854_775_808.0 },
        { ColumnType.Double, "1.5", RejectReason.WrongType },
        { ColumnType.Double, decimal.MaxValue, RejectReason.WrongType },
        { ColumnType.Real, 1.5, 1.5f },
        { ColumnType.Real, float.NaN, float.NaN },
        { ColumnType.Real, 0.1, RejectReason.WrongType },
        { ColumnType.Real, 1e300, RejectReason.OutOfRange },
        { ColumnType.Real, 16_777_217, RejectReason.WrongType },
        { ColumnType.Bigint, (byte)7, 7L },
        { ColumnType.Bigint, (sbyte)-7, -7L },
        { ColumnType.Bigint, ulong.MaxValue, RejectReason.OutOfRange },
        { ColumnType.Bigint, 7.0, 7L },
        { ColumnType.Bigint, 7.5, RejectReason.WrongType },
        { ColumnType.Bigint, double.NaN, RejectReason.WrongType },
        { ColumnType.Bigint, 1e300, RejectReason.OutOfRange },
        { ColumnType.Bigint, 9_223_372_036_854_775_808.0, RejectReason.OutOfRange },
        { ColumnType.Bigint, 7.0m, 7L },
        { ColumnType.Bigint, "7", RejectReason.WrongType },
        { ColumnType.Integer, 7L, 7 },
        { ColumnType.Integer, 1L << 31, RejectReason.OutOfRange },
        { ColumnType.Boolean, true, true },
        { ColumnType.Boolean, 1, RejectReason.WrongType },
        { ColumnType.Text, "north", "north" },
        { ColumnType.Text, 'n', "n" },
        { ColumnType.Text, Guid.Parse("0F8FAD5B-D9CB-469F-A165-70867728950E"), "0f8fad5b-d9cb-469f-a165-70867728950e" },
        { ColumnType.Text, "a\0b", RejectReason.NulInText },
        { ColumnType.Text, "a\ud800", RejectReason.InvalidText },
        { ColumnType.Text, 5, RejectReason.WrongType },
        { ColumnType.Text, new byte[] { 1 }, RejectReason.WrongType },
        { ColumnType.Timestamptz, Instant.AddTicks(19), Instant.AddMicroseconds(1) },
        { ColumnType.Timestamptz, Instant.ToLocalTime(), Instant },
        { ColumnType.Timestamptz, new DateTimeOffset(Instant).ToOffset(TimeSpan.FromHours(3)), Instant },
        { ColumnType.Timestamptz, "2026-03-04T05:06:07Z", Instant },
        { ColumnType.Timestamptz, 5L, RejectReason.WrongType },
        { ColumnType.Timestamptz, DateTime.MinValue, RejectReason.OutOfRange },
        { ColumnType.Timestamptz, DateTimeOffset.MinValue, RejectReason.OutOfRange },
        { ColumnType.Timestamptz, "0001-01-01T00:00:00Z", RejectReason.OutOfRange },
        { ColumnType.Timestamptz, DateTime.MaxValue, new DateTime(DateTime.MaxValue.Ticks - 9, DateTimeKind.Utc) },
        { ColumnType.Double, null, null },
    };

    [Theory, MemberData(nameof(Properties))]
    public void An_application_property_is_converted_only_where_nothing_is_lost(ColumnType type, object? value, object? expected)
    {
        var driver = DecoderDriver.Mapping(("property:p", type));
        var message = Message("{\"p\":true}", properties: new() { ["p"] = value });

        if (expected is RejectReason reason)
        {
            Assert.Equal(reason, driver.Rejection(message).Reason);
            Assert.StartsWith("property:p is ", driver.Rejection(message).Detail, StringComparison.Ordinal);
        }
        else
        {
            Assert.Equal(expected, driver.Row(message)[0]);
        }
    }

    [Fact]
    public void Properties_and_the_module_are_the_same_for_every_element_and_NULL_where_absent()
    {
        var driver = DecoderDriver.Mapping(("property:site", ColumnType.Text), ("module", ColumnType.Text), ("v", ColumnType.Integer));
        using var batch = driver.Decode(
            Message("""[{"v":1},{"v":2}]""", properties: new() { ["site"] = "north" }, module: "filter"),
            Message("""{"v":3,"module":"forged","site":"forged"}"""));

        Assert.Equal([["north", "filter", 1], ["north", "filter", 2], [null, null, 3]], Rows(batch));
    }
}
