using Ingest.IntegrationTests.EventHubs.Support;
using Ingest.Settings;
using Ingest.TestSupport.Databases;
using Xunit;

namespace Ingest.IntegrationTests.Pipeline;

public sealed class UuidDeviceTests(PostgresFixture postgres)
{
    [Fact]
    public async Task A_device_that_is_a_uuid_in_any_case_is_stored_once_and_one_that_is_none_is_dead_lettered()
    {
        const string Uuid = "6f9619ff-8b86-d011-b42d-00cf4fc964ff";
        await using var stage = await TableStage.StartAsync(
            postgres,
            new TelemetrySettings { Table = "owned", DeviceColumn = "owner", DeviceType = DeviceType.Uuid },
            """
            CREATE TABLE owned (time timestamptz, owner uuid, temperature double precision, humidity double precision,
                PRIMARY KEY (owner, time));
            GRANT SELECT, INSERT ON owned TO ingest_writer;
            """);

        foreach (var device in (string[])[Uuid, Uuid.ToUpperInvariant(), "thermostat-1"])
        {
            await stage.SendAsync(
                TestHub.Message("""{"temperature":1}""", new() { ["iothub-connection-device-id"] = device }));
        }

        var counts = (await stage.ReceivedAsync(3)).Single(checkpoint => checkpoint.Position is not null).Counts;
        Assert.Equal((1, 1, 1), (counts.Stored, counts.Duplicate, counts.DeadLettered));
        Assert.Equal(Guid.Parse(Uuid), (await stage.QueryAsync("SELECT owner FROM owned"))[0][0]);
        Assert.Equal(
            ["device_invalid", "The device's name is no uuid, which Telemetry:DeviceType asks for: \"thermostat-1\""],
            (await stage.QueryAsync("SELECT reason, detail FROM dead_letters"))[0]);
    }
}
