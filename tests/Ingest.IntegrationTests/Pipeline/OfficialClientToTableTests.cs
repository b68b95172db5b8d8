using System.Text.Json;
using Ingest.IntegrationTests.LocalHub.Support;
using Ingest.Settings;
using Ingest.TestSupport.Databases;
using Xunit;

namespace Ingest.IntegrationTests.Pipeline;

/// <summary>
/// What Microsoft's JavaScript client sends is in the table. It cannot set IoT Hub's annotations, so the body names the device, and the
/// event hub's own stamp is the row's time.
/// </summary>
public sealed class OfficialClientToTableTests(PostgresFixture postgres)
{
    private const string Everything = """
        CREATE TABLE everything (
            time timestamptz NOT NULL, device text NOT NULL,
            "null" text, "boolean" boolean, "ubyte" integer, "ushort" integer, "uint" bigint, "ulong" bigint, "byte" integer,
                "short" integer,
            "int" integer, "long" bigint, "float" real, "double" double precision, "char" text, "timestamp" timestamptz, "uuid" text,
            "string" text, "symbol" text, deep double precision, list jsonb, payload jsonb);
        CREATE UNIQUE INDEX ON everything (time, device);
        GRANT SELECT, INSERT ON everything TO ingest_writer;
        """;

    [Fact]
    public async Task The_default_mapping_takes_batches_of_one_and_of_a_thousand_sent_to_a_partition()
    {
        const int Devices = 100;
        await using var stage = await TableStage.StartAsync(postgres, new TelemetrySettings { AllowBodyDevice = true });
        var bodies = Enumerable.Range(0, 1002).Select(
            n => new { device = $"device-{n % Devices}", temperature = n, humidity = n / 4.0, unknown = "ignored" }).ToList();

        foreach (var batch in new[] { bodies[..1], bodies[1..1001], bodies[1001..] })
        {
            await OfficialClient.RunAsync(stage.Hub, "sendBodies", new { bodies = batch, partitionId = "2" });
        }

        var checkpoints = await stage.ReceivedAsync(1002);
        var rows = await stage.QueryAsync(
            "SELECT device, temperature, humidity, date_trunc('milliseconds', time) FROM conditions ORDER BY temperature");

        Assert.Equal(bodies.Select(b => new object?[] { b.device, (double)b.temperature, b.humidity, TableStage.Stamp }), rows);
        var moved = Assert.Single(checkpoints, checkpoint => checkpoint.Position is not null);
        Assert.Equal(("2", 1001L), (moved.Partition.Partition, moved.Position!.SequenceNumber));
        // All in one millisecond: of each device the first has the stamp itself, the others the microseconds after it.
        Assert.Equal((1002, 1002 - Devices), (moved.Counts.Stored, moved.Counts.Collisions));
    }

    [Fact]
    public async Task Messages_with_a_partition_key_are_stored_through_one_partition_in_their_order()
    {
        await using var stage = await TableStage.StartAsync(postgres, new TelemetrySettings { AllowBodyDevice = true });

        foreach (var first in new[] { 0, 5, 10 })
        {
            var bodies = Enumerable.Range(first, 5).Select(n => new { device = "greenhouse", temperature = n });
            await OfficialClient.RunAsync(stage.Hub, "sendBodies", new { bodies, partitionKey = "greenhouse" });
        }

        var moved = Assert.Single(await stage.ReceivedAsync(15), checkpoint => checkpoint.Position is not null);
        var temperatures = (
            await stage.QueryAsync("SELECT temperature FROM conditions WHERE humidity IS NULL ORDER BY time")).Select(row => row[0]);

        Assert.Equal(14, moved.Position!.SequenceNumber);
        Assert.Equal(Enumerable.Range(0, 15).Select(n => (object?)(double)n), temperatures);
    }

    [Fact]
    public async Task A_body_of_200_KB_is_stored_whole()
    {
        const int Length = 200 * 1024;
        var telemetry = new TelemetrySettings
        {
            AllowBodyDevice = true,
            Table = "everything",
            PayloadColumn = "payload",
            Columns = { Of("deep", "a.b.c", ColumnType.Double) },
        };
        await using var stage = await TableStage.StartAsync(postgres, telemetry, Everything);
        var pad = string.Concat(Enumerable.Range(0, Length).Select(n => (char)('0' + (n % 10))));

        await OfficialClient.RunAsync(stage.Hub, "sendBodies", new { bodies = new[] { new { device = "big", pad } } });
        await stage.ReceivedAsync(1);
        var row = Assert.Single(await stage.QueryAsync("SELECT device, payload->>'pad' FROM everything"));

        Assert.Equal(["big", pad], row);
    }

    [Fact]
    public async Task Application_properties_of_each_AMQP_type_are_stored_in_columns_that_fit_them()
    {
        var telemetry = new TelemetrySettings { AllowBodyDevice = true, Table = "everything" };
        foreach (var (name, type) in new[]
        {
            ("null", ColumnType.Text), ("boolean", ColumnType.Boolean), ("ubyte", ColumnType.Integer), ("ushort", ColumnType.Integer),
            ("uint", ColumnType.Bigint), ("ulong", ColumnType.Bigint), ("byte", ColumnType.Integer), ("short", ColumnType.Integer),
            ("int", ColumnType.Integer), ("long", ColumnType.Bigint), ("float", ColumnType.Real), ("double", ColumnType.Double),
            ("char", ColumnType.Text), ("timestamp", ColumnType.Timestamptz), ("uuid", ColumnType.Text), ("string", ColumnType.Text),
            ("symbol", ColumnType.Text),
        })
        {
            telemetry.Columns.Add(Of(name, $"property:{name}", type));
        }

        await using var stage = await TableStage.StartAsync(postgres, telemetry, Everything);

        await OfficialClient.RunAsync(stage.Hub, "sendBodies", new { bodies = new[] { new { device = "typed" } }, withProperties = true });
        var counts = (await stage.ReceivedAsync(1)).Aggregate(default(Events.ReadingCounts), (sum, checkpoint) => sum + checkpoint.Counts);
        var columns = string.Join(", ", telemetry.Columns.Select(column => $"\"{column.Name}\""));
        var row = Assert.Single(await stage.QueryAsync($"SELECT {columns} FROM everything"));

        Assert.Equal(1, counts.Stored);
        Assert.Equal(
            [
                null, true, 200, 60000, 4000000000L, 5000000000L, -100, -30000, -2000000000, -5000000000L, 0.5f, 0.1, "A",
                DateTime.UnixEpoch.AddMilliseconds(1767225600123), "00112233-4455-6677-8899-aabbccddeeff", "text", "symbol",
            ],
            row);
    }

    [Fact]
    public async Task An_application_property_that_no_column_can_hold_takes_its_message_to_the_dead_letters()
    {
        var telemetry = new TelemetrySettings
        {
            AllowBodyDevice = true,
            Table = "everything",
            Columns = { Of("string", "property:binary", ColumnType.Text) },
        };
        await using var stage = await TableStage.StartAsync(postgres, telemetry, Everything);

        await OfficialClient.RunAsync(stage.Hub, "sendBodies", new { bodies = new[] { new { device = "typed" } }, withProperties = true });
        await stage.ReceivedAsync(1);
        var letter = Assert.Single(
            await stage.QueryAsync("SELECT reason, convert_from(body, 'UTF8'), content_type, properties->>'symbol' FROM dead_letters"));

        Assert.Equal(["wrong_type", """{"device":"typed"}""", "application/json", "symbol"], letter);
        Assert.Empty(await stage.QueryAsync("SELECT 1 FROM everything"));
    }

    [Fact]
    public async Task Arrays_and_nested_values_are_stored_and_a_bad_element_does_not_disturb_its_neighbours()
    {
        var telemetry = new TelemetrySettings
        {
            AllowBodyDevice = true,
            Table = "everything",
            PayloadColumn = "payload",
            Columns = { Of("deep", "a.b.c", ColumnType.Double), Of("list", "a.list", ColumnType.Jsonb) },
        };
        await using var stage = await TableStage.StartAsync(postgres, telemetry, Everything);
        const string First = """{"device":"first","a":{"b":{"c":1.5},"list":[1,[2,{"x":null}],[]]}}""";
        const string Second = """{"device":"second","a":{"b":{}}}""";
        var array = JsonDocument.Parse(
            $$$$"""[{{{{First}}}},"text",{{{{Second}}}},{"device":"third","a":{"b":{"c":"no number"}}},[{{{{First}}}}]]""").RootElement;
        var single = JsonDocument.Parse("""{"device":"single","a":{"b":{"c":2},"list":{"k":[[]]}}}""").RootElement;

        await OfficialClient.RunAsync(stage.Hub, "sendBodies", new { bodies = new[] { array, single } });
        await stage.ReceivedAsync(6);
        var rows = await stage.QueryAsync(
            $$"""
            SELECT device, deep, list::text,
                payload = CASE device WHEN 'first' THEN '{{First}}' WHEN 'second' THEN '{{Second}}' ELSE '{{single}}' END::jsonb
            FROM everything ORDER BY device
            """);
        var letters = await stage.QueryAsync(
            "SELECT element, reason, convert_from(body, 'UTF8')::jsonb = '" + array + "'::jsonb FROM dead_letters ORDER BY element");

        Assert.Equal<object?[]>(
            [
                ["first", 1.5, """[1, [2, {"x": null}], []]""", true],
                ["second", null, null, true],
                ["single", 2.0, """{"k": [[]]}""", true],
            ],
            rows);
        Assert.Equal<object?[]>([[1, "not_object", true], [3, "wrong_type", true], [4, "not_object", true]], letters);
    }

    private static ColumnSettings Of(string name, string from, ColumnType type) => new() { Name = name, From = from, Type = type };
}
