using Ingest.Columns.Types;
using Ingest.Decode;
using Ingest.Settings;
using Xunit;
using static Ingest.Tests.Decode.DecoderDriver;

namespace Ingest.Tests.Decode;

public sealed class BatchDecoderTests
{
    // Many readings here are empty, as their content does not matter. NothingMappedTests has what becomes of those by default.
    private readonly DecoderDriver _default = new(new TelemetrySettings { AllowEmpty = true });

    [Fact]
    public void The_default_mapping_takes_temperature_and_humidity_of_the_authenticated_device()
    {
        using var batch = _default.Decode(Message("""{"device":"dev-1","temperature":21.5,"humidity":40,"battery":3}"""));

        Assert.Equal([21.5, 40.0], Rows(batch)[0]);
        Assert.Equal("dev-1", batch.Readings.Devices[0]);
        Assert.Equal((long)(Noon - DateTime.UnixEpoch).TotalMicroseconds, batch.Readings.Stamps[0].Microseconds);
        Assert.Equal(0, batch.Readings.EventIndexes[0]);
        Assert.Equal(-1, batch.Readings.ElementIndexes[0]);
        Assert.Equal(1, batch.Received);
    }

    [Fact]
    public void A_missing_value_and_a_null_are_both_NULL_and_an_unknown_field_is_ignored() =>
        Assert.Equal([null, null], _default.Row("""{"temperature":null,"pressure":{"deep":[1,2,{"temperature":5}]}}"""));

    [Fact]
    public void The_elements_of_an_array_are_readings_and_a_bad_one_does_not_disturb_its_neighbours()
    {
        using var batch = _default.Decode(
            """{"temperature":1}""",
            """[{"temperature":2},{"temperature":"warm"},3,[],null,{"humidity":4}]""",
            """{"temperature":5}""");

        Assert.Equal([[1.0, null], [2.0, null], [null, 4.0], [5.0, null]], Rows(batch));
        Assert.Equal([0, 1, 1, 2], batch.Readings.EventIndexes.ToArray());
        Assert.Equal([-1, 0, 5, -1], batch.Readings.ElementIndexes.ToArray());
        Assert.Equal(
            [
                (1, 1, RejectReason.WrongType),
                (1, 2, RejectReason.NotObject),
                (1, 3, RejectReason.NotObject),
                (1, 4, RejectReason.NotObject),
            ],
            batch.Rejections.Select(rejection => (rejection.EventIndex, rejection.ElementIndex, rejection.Reason)));
        Assert.Equal(8, batch.Received);
    }

    [Theory]
    [InlineData("""[{"temperature":1},{"temperature":2""")]
    [InlineData("""[{"temperature":1},{"temperature":"x"},{]""")]
    [InlineData("""[{"temperature":1}],""")]
    public void An_array_that_is_not_JSON_to_its_end_is_rejected_whole_and_once(string body)
    {
        using var batch = _default.Decode("""{"temperature":7}""", body, """{"temperature":8}""");

        Assert.Equal([[7.0, null], [8.0, null]], Rows(batch));
        var rejection = Assert.Single(batch.Rejections);
        Assert.Equal((1, -1, RejectReason.NotJson), (rejection.EventIndex, rejection.ElementIndex, rejection.Reason));
        Assert.Equal(3, batch.Received);
    }

    [Fact]
    public void A_body_of_too_many_readings_is_rejected_whole_and_once()
    {
        using var batch = _default.Decode("""{"temperature":7}""", Elements(10_000), Elements(10_001), """{"temperature":8}""");

        Assert.Equal(10_002, batch.Readings.Count);
        var rejection = Assert.Single(batch.Rejections);
        Assert.Equal((2, -1, RejectReason.TooManyReadings), (rejection.EventIndex, rejection.ElementIndex, rejection.Reason));
        Assert.Equal("too_many_readings", RejectReasonCode.Of(rejection.Reason));
        Assert.Equal(10_003, batch.Received);

        static string Elements(int count) => $"[{string.Join(',', Enumerable.Repeat("{}", count))}]";
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("{")]
    [InlineData("hello")]
    [InlineData("{\"temperature\":1,}")]
    [InlineData("{\"temperature\":1} // warm")]
    [InlineData("{/* warm */}")]
    [InlineData("{'temperature':1}")]
    [InlineData("{\"temperature\":01}")]
    [InlineData("{\"temperature\":+1}")]
    [InlineData("{\"temperature\":.5}")]
    [InlineData("{\"temperature\":NaN}")]
    [InlineData("{\"x\":\"a\nb\"}")]
    [InlineData("{\"x\":\"\\u12\"}")]
    [InlineData("{\"x\":\"\\x\"}")]
    public void What_is_not_JSON_is_rejected_whole(string body) => Assert.Equal(RejectReason.NotJson, _default.Rejection(body).Reason);

    [Theory]
    [InlineData("1")]
    [InlineData("\"x\"")]
    [InlineData("null")]
    [InlineData("true")]
    public void What_is_JSON_but_no_object_is_rejected(string body) =>
        Assert.Equal(RejectReason.NotObject, _default.Rejection(body).Reason);

    [Fact]
    public void An_empty_array_is_ignored_as_one_message()
    {
        using var batch = _default.Decode(" [ ] ");

        Assert.Equal((0, 0, 1L, 1L), (batch.Readings.Count, batch.Rejections.Count, batch.Ignored, batch.Received));
    }

    [Fact]
    public void An_empty_array_with_something_behind_it_is_counted_once()
    {
        using var batch = _default.Decode("[]]");

        Assert.Equal(RejectReason.NotJson, Assert.Single(batch.Rejections).Reason);
        Assert.Equal((0L, 1L), (batch.Ignored, batch.Received));
    }

    [Theory]
    [InlineData(new byte[] { (byte)'{', (byte)'"', 0xff, (byte)'"', (byte)':', (byte)'1', (byte)'}' })]
    [InlineData(new byte[] { (byte)'{', (byte)'"', (byte)'x', (byte)'"', (byte)':', (byte)'"', 0xc3, (byte)'"', (byte)'}' })]
    [InlineData(new byte[] { (byte)'{', (byte)'"', (byte)'x', (byte)'"', (byte)':', (byte)'"', 0xed, 0xa0, 0x80, (byte)'"', (byte)'}' })]
    public void Bytes_that_are_not_UTF_8_are_rejected_even_in_an_unknown_field(byte[] body) =>
        Assert.Equal(RejectReason.NotJson, _default.Rejection(body).Reason);

    [Fact]
    public void A_byte_order_mark_is_passed_over() =>
        Assert.Equal([1.0, null], _default.Row(Message([0xef, 0xbb, 0xbf, .. """{"temperature":1}"""u8])));

    [Fact]
    public void The_last_of_repeated_names_wins_whatever_stood_before_it()
    {
        Assert.Equal([2.0, null], _default.Row("""{"temperature":1,"temperature":2}"""));
        Assert.Equal([2.0, null], _default.Row("""{"temperature":"wrong","temperature":2}"""));
        Assert.Equal([2.0, null], _default.Row("""{"temperature":[1],"temperature":2}"""));
        Assert.Equal([null, null], _default.Row("""{"temperature":1,"temperature":null}"""));
        Assert.Equal(RejectReason.WrongType, _default.Rejection("""{"temperature":1,"temperature":"wrong"}""").Reason);
    }

    [Fact]
    public void The_last_of_repeated_names_wins_across_nested_objects()
    {
        var driver = DecoderDriver.Mapping(("a.b", ColumnType.Double), ("a.c", ColumnType.Double), ("a", ColumnType.Jsonb));

        Assert.Equal([null, 2.0, """{"c":2}"""], driver.Row("""{"a":{"b":1},"a":{"c":2}}"""));
        Assert.Equal([null, null, null], driver.Row("""{"a":{"b":"wrong"},"a":null}"""));
        Assert.Equal([3.0, null, """{"b":3}"""], driver.Row("""{"a":7,"a":{"b":3}}"""));
        Assert.Equal(RejectReason.WrongType, driver.Rejection("""{"a":{"b":1},"a":7}""").Reason);
    }

    [Fact]
    public void A_reading_does_not_inherit_from_the_one_before_it()
    {
        var driver = DecoderDriver.Mapping(("a.b", ColumnType.Double), ("a", ColumnType.Jsonb), ("t", ColumnType.Text));
        using var batch = driver.Decode("""[{"a":{"b":1},"t":"x"},{"a":{"b":"wrong"}},{"t":null},{"a":{}},{"a":null}]""");

        Assert.Equal([[1.0, """{"b":1}""", "x"], [null, null, null], [null, "{}", null], [null, null, null]], Rows(batch));
    }

    [Fact]
    public void Names_are_compared_after_their_escapes_are_resolved()
    {
        Assert.Equal([1.0, null], _default.Row("""{"temp\u0065rature":1}"""));
        Assert.Equal([null, null], _default.Row("""{"temp\ud800erature":1,"\u0000":2,"Temperature":3,"temperature ":4}"""));
        Assert.Equal([5.0], DecoderDriver.Mapping(("größe.\"x\"", ColumnType.Double)).Row("""{"gr\u00f6\u00dfe":{"\"x\"":5}}"""));
    }

    [Fact]
    public void Two_columns_may_read_the_same_place()
    {
        var driver = DecoderDriver.Mapping(("a", ColumnType.Double), ("a", ColumnType.Bigint), ("a", ColumnType.Jsonb));

        Assert.Equal([3.0, 3L, "3"], driver.Row("""{"a":3.0}"""));
        Assert.Equal(RejectReason.WrongType, driver.Rejection("""{"a":3.5}""").Reason);
    }

    [Fact]
    public void Nesting_of_64_levels_is_taken_and_of_65_is_not()
    {
        static string Nested(int levels) => $$"""{"x":{{new string('[', levels - 1)}}{{new string(']', levels - 1)}},"temperature":1}""";

        Assert.Equal([1.0, null], _default.Row(Nested(64)));
        Assert.Equal(RejectReason.TooDeep, _default.Rejection(Nested(65)).Reason);
        Assert.Equal(RejectReason.TooDeep, _default.Rejection(new string('[', 65) + new string(']', 65)).Reason);
        Assert.Equal(RejectReason.TooDeep, _default.Rejection(new string('[', 200_000)).Reason);
        Assert.Equal(RejectReason.TooDeep, DecoderDriver.Mapping(("x", ColumnType.Jsonb)).Rejection(Nested(65)).Reason);
    }

    [Fact]
    public void A_reading_that_is_too_deep_does_not_disturb_its_neighbours()
    {
        using var batch = _default.Decode(
            $$"""[{"temperature":1},{"x":{{new string('[', 63)}}{{new string(']', 63)}}},{"temperature":2}]""");

        Assert.Equal([[1.0, null], [2.0, null]], Rows(batch));
        Assert.Equal((1, RejectReason.TooDeep), (batch.Rejections[0].ElementIndex, batch.Rejections[0].Reason));
    }

    [Fact]
    public void A_body_of_256_KiB_is_taken_and_a_longer_one_is_not()
    {
        static string Body(int length) => """{"temperature":1}""".PadRight(length);

        Assert.Equal([1.0, null], _default.Row(Body(256 * 1024)));
        Assert.Equal(RejectReason.TooLarge, _default.Rejection(Body((256 * 1024) + 1)).Reason);
    }

    [Theory]
    [InlineData("Telemetry", 1, 0)]
    [InlineData("telemetry", 1, 0)]
    [InlineData(null, 1, 0)]
    [InlineData("deviceLifecycleEvents", 0, 1)]
    [InlineData("twinChangeEvents", 0, 1)]
    [InlineData("deviceConnectionStateEvents", 0, 1)]
    [InlineData("", 0, 1)]
    public void Only_telemetry_is_stored_and_everything_else_ignored_whole(string? source, int rows, long ignored)
    {
        using var batch = _default.Decode(Message("""[{"temperature":1}]"""u8.ToArray(), source: source, withoutTime: source?.Length > 10));

        Assert.Equal((rows, 0, ignored), (batch.Readings.Count, batch.Rejections.Count, batch.Ignored));
    }

    [Fact]
    public void A_message_without_a_stamp_is_rejected_whole() =>
        Assert.Equal(RejectReason.TimeMissing, _default.Rejection(Message("[{},{}]"u8.ToArray(), withoutTime: true)).Reason);

    [Fact]
    public void A_stamp_is_accepted_from_2015_to_a_day_ahead_of_the_clock()
    {
        foreach (var time in new[] { new DateTime(2015, 1, 1, 0, 0, 0, DateTimeKind.Utc), Noon.AddDays(1) })
        {
            Assert.Equal([null, null], _default.Row(Message("{}"u8.ToArray(), time: time)));
        }

        foreach (
            var time in new[]
            {
                new DateTime(2014, 12, 31, 23, 59, 59, 999, DateTimeKind.Utc),
                Noon.AddDays(1).AddMilliseconds(1),
                DateTime.MinValue,
                DateTime.MaxValue,
            })
        {
            Assert.Equal(RejectReason.TimeOutOfBounds, _default.Rejection(Message("{}"u8.ToArray(), time: time)).Reason);
        }
    }

    [Fact]
    public void A_local_clock_that_is_behind_rejects_nothing_that_the_hub_has_stamped()
    {
        var later = Noon.AddYears(1);
        using var batch = _default.Decode(
            Message("{}"u8.ToArray(), time: later.AddDays(1)), Message("{}"u8.ToArray(), time: later, hubTime: later));
        using var next = _default.Decode(
            Message("{}"u8.ToArray(), time: later.AddDays(1)), Message("{}"u8.ToArray(), time: later.AddDays(1).AddMilliseconds(1)));

        Assert.Equal(2, batch.Readings.Count);
        Assert.Equal(1, next.Readings.Count);
        Assert.Equal(RejectReason.TimeOutOfBounds, Assert.Single(next.Rejections).Reason);
    }

    [Fact]
    public void Readings_older_than_the_table_keeps_are_ignored()
    {
        var driver = new DecoderDriver(new TelemetrySettings { OldestAccepted = TimeSpan.FromDays(30), AllowEmpty = true });
        using var batch = driver.Decode(
            Message("""{"temperature":1}"""u8.ToArray(), time: Noon.AddDays(-30)),
            Message("""[{"temperature":1},{"temperature":2}]"""u8.ToArray(), time: Noon.AddDays(-30).AddMilliseconds(-1)),
            Message("{}"u8.ToArray(), time: new DateTime(1970, 1, 1, 0, 0, 0, DateTimeKind.Utc)));

        Assert.Equal((1, 1L), (batch.Readings.Count, batch.Ignored));
        Assert.Equal(RejectReason.TimeOutOfBounds, Assert.Single(batch.Rejections).Reason);
    }

    [Fact]
    public void A_clock_that_runs_ahead_expires_nothing_that_the_hub_has_just_stamped()
    {
        var driver = new DecoderDriver(new TelemetrySettings { OldestAccepted = TimeSpan.FromDays(30), AllowEmpty = true });
        driver.Clock.Advance(TimeSpan.FromDays(40));
        using var batch = driver.Decode(
            Message("{}"u8.ToArray(), time: Noon, hubTime: Noon),
            Message("{}"u8.ToArray(), time: Noon.AddDays(-30)),
            Message("{}"u8.ToArray(), time: Noon.AddDays(-30).AddMilliseconds(-1)));

        Assert.Equal((2, 1L), (batch.Readings.Count, batch.Ignored));
    }

    [Fact]
    public void A_hub_that_runs_ahead_expires_nothing_either()
    {
        var driver = new DecoderDriver(new TelemetrySettings { OldestAccepted = TimeSpan.FromDays(30), AllowEmpty = true });
        using var batch = driver.Decode(Message("{}"u8.ToArray(), time: Noon.AddDays(-30), hubTime: Noon.AddDays(40)));

        Assert.Equal((1, 0L), (batch.Readings.Count, batch.Ignored));
    }

    [Fact]
    public void The_clock_moves_the_bounds()
    {
        var time = Noon.AddDays(2);
        Assert.Equal(RejectReason.TimeOutOfBounds, _default.Rejection(Message("{}"u8.ToArray(), time: time)).Reason);
        _default.Clock.Advance(TimeSpan.FromDays(1));
        Assert.Equal([null, null], _default.Row(Message("{}"u8.ToArray(), time: time)));
    }

    [Fact]
    public void A_stamp_off_the_millisecond_is_floored()
    {
        using var batch = _default.Decode(Message("{}"u8.ToArray(), time: Noon.AddTicks(19_999)));

        Assert.Equal((long)(Noon - DateTime.UnixEpoch).TotalMicroseconds + 1_000, batch.Readings.Stamps[0].Microseconds);
    }

    [Fact]
    public void A_required_value_that_is_missing_or_null_rejects_the_reading_alone()
    {
        var settings = new TelemetrySettings();
        settings.Columns.Add(new ColumnSettings { Name = "t", Required = true });
        settings.Columns.Add(new ColumnSettings { Name = "j", Type = ColumnType.Jsonb, Required = true });
        using var batch = new DecoderDriver(settings).Decode("""[{"t":1,"j":0},{"t":1},{"j":0},{"t":null,"j":1},{"t":1,"j":null}]""");

        Assert.Equal([[1.0, "0"]], Rows(batch));
        Assert.All(batch.Rejections, rejection => Assert.Equal(RejectReason.MissingRequired, rejection.Reason));
        Assert.Equal([1, 2, 3, 4], batch.Rejections.Select(rejection => rejection.ElementIndex));
        Assert.Equal("j is missing, and the column \"j\" requires it.", batch.Rejections[0].Detail);
    }

    [Fact]
    public void The_payload_column_takes_each_reading_whole_in_canonical_form()
    {
        using var batch = new DecoderDriver(new TelemetrySettings { PayloadColumn = "raw" })
            .Decode(
                """[{"temperature":1, "b":[1.0, 2e0], "a":"\u0041"},{}]""", """{"x":"\u0000"}""", """{"x":1e200000}""", """{"\ud800":1}""");

        Assert.Equal([[1.0, null, """{"a":"A","b":[1,2],"temperature":1}"""], [null, null, "{}"]], Rows(batch));
        Assert.Equal(
            [RejectReason.NulInText, RejectReason.OutOfRange, RejectReason.InvalidText],
            batch.Rejections.Select(rejection => rejection.Reason));
    }

    [Fact]
    public void A_batch_may_be_disposed_twice_and_its_columns_serve_one_batch_at_a_time()
    {
        var first = _default.Decode("""{"temperature":1}""");
        first.Dispose();
        first.Dispose();
        using var second = _default.Decode("""{"temperature":2}""");
        using var third = _default.Decode("""{"temperature":3}""");

        Assert.NotSame(second.Readings, third.Readings);
        Assert.Equal([2.0, null], Rows(second)[0]);
        Assert.Equal([3.0, null], Rows(third)[0]);
        Assert.Equal(1, first.Received);
    }

    [Fact]
    public void Device_names_and_text_values_that_return_are_one_string()
    {
        var driver = DecoderDriver.Mapping(("site", ColumnType.Text));
        using var batch = driver.Decode(
            Message("""{"site":"north"}""", new string("dev-1")),
            Message("""{"site":"n\u006frth"}""", "dev-" + 1.ToString()));

        Assert.Same(batch.Readings.Devices[0], batch.Readings.Devices[1]);
        var sites = (Ingest.Columns.ValueColumn<string>)batch.Readings.Columns[0];
        Assert.Same(sites.Values[0], sites.Values[1]);
    }

    [Fact]
    public void Several_threads_may_decode_at_once()
    {
        var bodies = Enumerable.Range(0, 200).Select(i => i % 7 == 0 ? "{" : $$"""[{"temperature":{{i}}},{"humidity":"x"}]""").ToArray();
        var expected = bodies.Length - 29;
        Parallel.For(0, 64, _ =>
        {
            using var batch = _default.Decode(bodies);
            Assert.Equal(expected, batch.Readings.Count);
            Assert.Equal(bodies.Where((_, i) => i % 7 != 0).Count(), batch.Readings.Count);
            Assert.Equal(
                Enumerable.Range(0, 200).Where(i => i % 7 != 0).Select(i => (double)i),
                Rows(batch).Select(row => (double)row[0]!));
        });
    }

    [Fact]
    public void A_rejection_names_the_field_and_the_type_and_shortens_the_value()
    {
        var longText = new string('x', 500);

        Assert.Equal(
            "temperature is \"warm\", where a number (double precision) is expected.",
            _default.Rejection("""{"temperature":"warm"}""").Detail);
        Assert.Equal(
            "temperature is 1e400, which is beyond what double precision holds.", _default.Rejection("""{"temperature":1e400}""").Detail);
        Assert.Equal("The body is 5, where an object is expected.", _default.Rejection("5").Detail);
        Assert.Equal("The body is empty.", _default.Rejection("").Detail);
        Assert.Equal("The body is white space alone.", _default.Rejection(" \r\n").Detail);
        Assert.Equal("The body is not JSON: it ends too early.", _default.Rejection("{").Detail);
        Assert.Contains("…", _default.Rejection($$"""{"temperature":"{{longText}}"}""").Detail, StringComparison.Ordinal);
        Assert.InRange(_default.Rejection($$"""{"temperature":"{{longText}}"}""").Detail.Length, 64, 140);
        var multiline = _default.Rejection("{\"temperature\":[\r\n\"\u0085\u2028😀\"]}");
        Assert.Equal("temperature is [\\u000d\\u000a", multiline.Detail[..28]);
        Assert.DoesNotContain('\n', multiline.Detail);
    }

    [Fact]
    public void A_long_value_is_never_cut_within_a_character()
    {
        for (var i = 50; i < 75; i++)
        {
            var detail = _default.Rejection($$"""{"temperature":"{{new string('x', i)}}😀😀😀"}""").Detail;

            Assert.True(TextType.Holds(detail), detail);
            Assert.DoesNotContain('\ufffd', detail);
        }
    }

    [Fact]
    public void Every_reason_has_a_code_of_its_own() =>
        Assert.Equal(Enum.GetValues<RejectReason>().Length, Enum.GetValues<RejectReason>().Select(RejectReasonCode.Of).Distinct().Count());
}
