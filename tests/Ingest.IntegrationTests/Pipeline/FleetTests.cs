using Azure.Messaging.EventHubs;
using Ingest.IntegrationTests.EventHubs.Support;
using Ingest.Settings;
using Ingest.TestSupport.Databases;
using Xunit;

namespace Ingest.IntegrationTests.Pipeline;

/// <summary>What devices send that nobody designed for this table, from a hub to the rows and dead letters it becomes.</summary>
public sealed class FleetTests(PostgresFixture postgres)
{
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
                ["nothing_mapped", "\"Temperature\", and names match exactly"],
                ["nothing_mapped", "which is empty"],
                ["nothing_mapped", "\"data[0].temperature\", further inside"],
                ["nothing_mapped", "an envelope of CloudEvents"],
                ["nothing_mapped", "an envelope of IoT Hub's routing"],
            ],
            await stage.QueryAsync(
                """
                SELECT reason, substring(detail FROM '("[^"]*", and names.*exactly|which is empty|"data.*inside|an envelope.*)\.$')
                FROM dead_letters ORDER BY sequence_number
                """));
    }

    private static EventData Of(string body, string device = "dev-1", params (string Name, object Value)[] annotations) => TestHub.Message(
        body,
        annotations.Append(("iothub-connection-device-id", device)).ToDictionary(pair => pair.Item1, pair => pair.Item2));
}
