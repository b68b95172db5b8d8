using System.IO.Compression;
using System.Text;
using Azure.Messaging.EventHubs;
using Ingest.IntegrationTests.EventHubs.Support;
using Ingest.Settings;
using Ingest.TestSupport.Databases;
using Xunit;

namespace Ingest.IntegrationTests.Pipeline;

/// <summary>What devices send that nobody designed for this table, from a hub to the rows and dead letters it becomes.</summary>
public sealed class FleetTests(PostgresFixture postgres)
{
    private const string Fleet = """
        CREATE TABLE fleet (
            time timestamptz NOT NULL, device text NOT NULL, d1 double precision, d2 double precision, d3 double precision,
            t1 text, t2 text, i1 bigint, b1 boolean, b2 boolean, z1 timestamptz, z2 timestamptz);
        CREATE UNIQUE INDEX ON fleet (time, device);
        GRANT SELECT, INSERT ON fleet TO ingest_writer;
        """;

    [Fact]
    public async Task A_message_of_which_nothing_is_taken_is_a_dead_letter_that_names_the_nearest_miss()
    {
        await using var stage = await TableStage.StartAsync(postgres, new TelemetrySettings());

        await stage.SendAsync(
            [.. new[]
            {
                """{"Temperature":21.5,"Humidity":40}""",
                "{}",
                """{"data":[{"temperature":1}]}""",
                """{"specversion":"1.0","type":"Microsoft.Devices.DeviceTelemetry","data":{"body":{"temperature":1}}}""",
                """{"EnqueuedTimeUtc":"2026-05-01T12:00:00Z","Properties":{},"SystemProperties":{},"Body":{"temperature":1}}""",
                """{"temperature":null}""",
            }.Select(body => Of(body))]);
        var counts = (await stage.ReceivedAsync(6)).Single(checkpoint => checkpoint.Position is not null).Counts;

        Assert.Equal((1, 5), (counts.Stored, counts.DeadLettered));
        Assert.Equal([[null, null]], await stage.QueryAsync("SELECT temperature, humidity FROM conditions"));
        Assert.Equal<object?[]>(
            [
                ["nothing_mapped", "\"Temperature\", and names match exactly without Telemetry:IgnoreCase"],
                ["nothing_mapped", "which is empty"],
                ["nothing_mapped", "\"data[0].temperature\", further inside"],
                ["nothing_mapped", "an envelope of CloudEvents, which Telemetry:Envelope takes off"],
                ["nothing_mapped", "an envelope of IoT Hub's routing, which Telemetry:Envelope takes off"],
            ],
            await stage.QueryAsync(
                """
                SELECT reason, substring(detail FROM '("[^"]*", and names.*IgnoreCase|which is empty|"data.*inside|an envelope.*)\.$')
                FROM dead_letters ORDER BY sequence_number
                """));
    }

    [Fact]
    public async Task Places_in_arrays_from_the_root_and_beside_the_body_are_read()
    {
        await using var stage = await TableStage.StartAsync(
            postgres,
            Mapped(
                ("d1", "sensors[0].value"), ("d2", "$.a.b"), ("d3", "['sensor.temperature']"), ("t1", "property:SITE"),
                ("t2", "annotation:iothub-creation-time-utc")),
            Fleet);
        var message = Of(
            """{"sensors":[{"value":1},{"value":2}],"a":{"b":3},"sensor.temperature":4}""",
            annotations: ("iothub-creation-time-utc", "2026-05-01T11:59:59Z"));
        message.Properties["site"] = "north";

        await stage.SendAsync(message);
        await stage.ReceivedAsync(1);

        Assert.Equal(
            [[1.0, 3.0, 4.0, "north", "2026-05-01T11:59:59Z"]], await stage.QueryAsync("SELECT d1, d2, d3, t1, t2 FROM fleet"));
    }

    [Fact]
    public async Task Readings_inside_a_body_and_values_that_follow_one_another_are_rows_of_their_own()
    {
        var settings = Mapped(("d1", "value"), ("t1", "name"), ("t2", "$.site"));
        settings.Readings = "metrics[*]";
        await using var stage = await TableStage.StartAsync(postgres, settings, Fleet);

        await stage.SendAsync(
            Of("""{"site":"north","metrics":[{"name":"a","value":1},{"name":"b","value":2}]}"""),
            Of("{\"metrics\":[{\"name\":\"c\",\"value\":3}]}\n{\"metrics\":[{\"name\":\"d\",\"value\":4}]}{\"metrics\":5}"));
        await stage.ReceivedAsync(5);

        Assert.Equal(
            [[1.0, "a", "north"], [2.0, "b", "north"], [3.0, "c", null], [4.0, "d", null]],
            await stage.QueryAsync("SELECT d1, t1, t2 FROM fleet ORDER BY d1"));
        Assert.Equal([[2, "nothing_mapped"]], await stage.QueryAsync("SELECT element, reason FROM dead_letters"));
    }

    [Fact]
    public async Task A_row_has_the_devices_own_time_and_the_device_that_the_body_names_and_is_found_again()
    {
        var settings = Mapped(("d1", "v"), ("z1", "$.sent"));
        (settings.TimeSource, settings.TimeFormat) = ("body:ts", TimeFormat.EpochMilliseconds);
        (settings.DeviceFrom, settings.AllowBodyDevice) = ("deviceId", true);
        settings.Columns[1].Format = TimeFormat.EpochSeconds;
        await using var stage = await TableStage.StartAsync(postgres, settings, Fleet);
        var message = """{"deviceId":"ic-1","ts":1777636800123,"sent":1777636801.5,"v":1}""";

        await stage.SendAsync(new EventData(message), new EventData("""{"deviceId":"ic-1","v":2}"""));
        await stage.SendAsync(new EventData(message));
        var counts = (await stage.ReceivedAsync(3)).Single(checkpoint => checkpoint.Position is not null).Counts;

        Assert.Equal((1, 1, 1), (counts.Stored, counts.Duplicate, counts.DeadLettered));
        Assert.Equal(
            [["ic-1", DateTime.UnixEpoch.AddMilliseconds(1_777_636_800_123), DateTime.UnixEpoch.AddMilliseconds(1_777_636_801_500)]],
            await stage.QueryAsync("SELECT device, time, z1 FROM fleet"));
        Assert.Equal(
            [["time_missing", "ts is missing, and the time of the reading is there (Telemetry:TimeSource)."]],
            await stage.QueryAsync("SELECT reason, detail FROM dead_letters"));
    }

    [Fact]
    public async Task Values_are_converted_in_the_columns_that_ask_for_it()
    {
        var settings = Mapped(("d1", "n"), ("t1", "s"), ("b1", "f"), ("b2", "g"), ("i1", "i"));
        foreach (var column in settings.Columns)
        {
            column.Convert = true;
        }

        await using var stage = await TableStage.StartAsync(postgres, settings, Fleet);

        await stage.SendAsync(
            Of("""{"n":"21.5","s":21.5,"f":1,"g":"true","i":"9007199254740993"}"""), Of("""{"n":"21,5"}"""));
        await stage.ReceivedAsync(2);

        Assert.Equal(
            [[21.5, "21.5", true, true, 9_007_199_254_740_993]], await stage.QueryAsync("SELECT d1, t1, b1, b2, i1 FROM fleet"));
        Assert.Equal(
            [["n is \"21,5\": a decimal comma is not converted, as it divides thousands elsewhere. Send a point."]],
            await stage.QueryAsync("SELECT detail FROM dead_letters"));
    }

    [Fact]
    public async Task Bodies_are_read_in_the_encodings_that_IoT_Hub_names()
    {
        const string Body = """{"temperature":21.5}""";
        using var compressed = new MemoryStream();
        await using (var gzip = new GZipStream(compressed, CompressionLevel.Optimal, leaveOpen: true))
        {
            await gzip.WriteAsync(Encoding.UTF8.GetBytes(Body), TestContext.Current.CancellationToken);
        }

        await using var stage = await TableStage.StartAsync(postgres, new TelemetrySettings { AllowBodyDevice = true });
        var bodies = new[]
        {
            Encoded(Encoding.Unicode.GetBytes(Body), "utf-16", "a"),
            Encoded([0xff, 0xfe, 0, 0, .. Encoding.UTF32.GetBytes(Body)], "utf-32", "b"),
            Encoded(compressed.ToArray(), null, "c"),
            Encoded(Encoding.UTF8.GetBytes(Body), "br", "d"),
        };

        await stage.SendAsync(bodies);
        await stage.ReceivedAsync(4);

        Assert.Equal(
            [["a", 21.5], ["b", 21.5], ["c", 21.5]], await stage.QueryAsync("SELECT device, temperature FROM conditions ORDER BY device"));
        Assert.Equal(
            [["The content-encoding is \"br\"; utf-8, utf-16, utf-32, gzip and deflate are read."]],
            await stage.QueryAsync("SELECT detail FROM dead_letters"));

        static EventData Encoded(byte[] body, string? encoding, string device)
        {
            var message = new EventData(body);
            message.GetRawAmqpMessage().Properties.ContentEncoding = encoding;
            message.GetRawAmqpMessage().MessageAnnotations["iothub-connection-device-id"] = device;
            return message;
        }
    }

    [Fact]
    public async Task A_body_in_an_envelope_is_stored_with_the_envelopes_device_and_stamp_where_the_hub_gives_none()
    {
        await using var stage = await TableStage.StartAsync(postgres, new TelemetrySettings { Envelope = Envelope.IoTHubRouting });
        const string Routed = """
            {"EnqueuedTimeUtc":"2026-05-01T11:00:00.5Z","Properties":{},
             "SystemProperties":{"connectionDeviceId":"leaf","enqueuedTime":"2026-05-01T11:00:00.5Z"},"Body":"eyJ0ZW1wZXJhdHVyZSI6MjEuNX0="}
            """;

        await stage.SendAsync(new EventData(Routed), Of(Routed, "dev-1", ("iothub-enqueuedtime", TableStage.Stamp)), Of("{}"));
        await stage.ReceivedAsync(3);

        Assert.Equal(
            [["dev-1", 21.5, TableStage.Stamp], ["leaf", 21.5, new DateTime(2026, 5, 1, 11, 0, 0, 500, DateTimeKind.Utc)]],
            await stage.QueryAsync("SELECT device, temperature, time FROM conditions ORDER BY device"));
        Assert.Equal([["bad_envelope"]], await stage.QueryAsync("SELECT reason FROM dead_letters"));
    }

    /// <summary>Settings for the table of this class: the first letter of a column is its type's.</summary>
    private static TelemetrySettings Mapped(params (string Column, string From)[] columns)
    {
        var settings = new TelemetrySettings { Table = "fleet" };
        foreach (var (column, from) in columns)
        {
            settings.Columns.Add(new ColumnSettings
            {
                Name = column,
                From = from,
                Type = column[0] switch
                {
                    't' => ColumnType.Text,
                    'i' => ColumnType.Bigint,
                    'b' => ColumnType.Boolean,
                    'z' => ColumnType.Timestamptz,
                    _ => ColumnType.Double,
                },
            });
        }

        return settings;
    }

    private static EventData Of(string body, string device = "dev-1", params (string Name, object Value)[] annotations) => TestHub.Message(
        body,
        annotations.Append(("iothub-connection-device-id", device)).ToDictionary(pair => pair.Item1, pair => pair.Item2));
}
