using Azure.Messaging.EventHubs;
using Ingest.Diagnostics;
using Ingest.IntegrationTests.EventHubs.Support;
using Ingest.Settings;
using Ingest.TestSupport.Databases;
using Xunit;

namespace Ingest.IntegrationTests.Pipeline;

/// <summary>What a device sends twice, and what only looks so: from the hub to the table. Every message has the same stamp.</summary>
public sealed class EqualReadingsTests(PostgresFixture postgres)
{
    private const int Indistinct = LogEventIds.Indistinct;
    private const int Started = LogEventIds.PipelineStarted;
    private const string ThreeSamples = """[{"temperature":21.5},{"temperature":21.5},{"temperature":21.5}]""";
    private const string TwoSamples = """[{"temperature":21.5},{"temperature":21.5}]""";

    [Fact]
    public async Task Equal_elements_of_a_message_are_rows_of_their_own_however_often_it_comes_and_beside_any_other()
    {
        await using var stage = await TableStage.StartAsync(postgres, new TelemetrySettings());

        await stage.SendAsync(Message(TwoSamples));
        await stage.ReceivedAsync(2);
        Assert.Equal(2, await RowsAsync(stage));

        await stage.SendAsync(Message(ThreeSamples));
        await stage.ReceivedAsync(5);
        Assert.Equal(3, await RowsAsync(stage));

        await stage.SendAsync(Message(ThreeSamples), Message(TwoSamples), Message("""{"temperature":21.5}"""));
        var counts = (await stage.ReceivedAsync(11)).Single(checkpoint => checkpoint.Position is not null).Counts;
        Assert.Equal(3, await RowsAsync(stage));
        Assert.Equal((11, 3, 8, 2), (counts.Received, counts.Stored, counts.Duplicate, counts.Collisions));
    }

    [Theory]
    [InlineData("""{"sensor":"a","temperature":1}""", null, """{"sensor":"b","temperature":1}""", null, "the field sensor")]
    [InlineData("""{"temperature":1}""", "left", """{"temperature":1}""", "right", "the module that sent them (From: module)")]
    public async Task Messages_that_nothing_mapped_tells_apart_are_one_row_and_the_log_says_what_to_map(
        string first, string? firstModule, string second, string? secondModule, string what)
    {
        var log = new RecordingLogger();
        await using var stage = await TableStage.StartAsync(postgres, new TelemetrySettings(), logger: log);

        for (var time = 0; time < 2; time++)
        {
            await stage.SendAsync(Message(first, firstModule, value: time), Message(second, secondModule, value: time));
            await stage.ReceivedAsync(2 * (time + 1));
        }

        Assert.Contains("time, device and temperature, humidity:", Assert.Single(log.Texts(Started)), StringComparison.Ordinal);

        // The second time is within ten minutes of the first.
        var line = Assert.Single(log.Texts(Indistinct));
        Assert.Contains("device d", line, StringComparison.Ordinal);
        Assert.Contains("numbers 0 (partition 0) and 1 (partition 0)", line, StringComparison.Ordinal);
        Assert.Contains($"They differ in {what}.", line, StringComparison.Ordinal);
        Assert.Equal(2, await RowsAsync(stage));
    }

    [Fact]
    public async Task A_message_that_comes_twice_is_not_told_from_itself()
    {
        var log = new RecordingLogger();
        await using var stage = await TableStage.StartAsync(postgres, new TelemetrySettings(), logger: log);

        await stage.SendAsync(Message(ThreeSamples), Message(ThreeSamples));
        await stage.ReceivedAsync(6);

        Assert.Empty(log.Texts(Indistinct));
    }

    private static EventData Message(string body, string? module = null, int value = 1)
    {
        var annotations = new Dictionary<string, object> { ["iothub-connection-device-id"] = "d" };
        if (module is not null)
        {
            annotations["iothub-connection-module-id"] = module;
        }

        return TestHub.Message(body.Replace(":1}", $":{value}}}", StringComparison.Ordinal), annotations);
    }

    private static async Task<long> RowsAsync(TableStage stage) => (long)(await stage.QueryAsync("SELECT count(*) FROM conditions"))[0][0]!;
}
