using System.Diagnostics;
using Ingest.Cli.Simulation;
using Ingest.Sources.EventHubs;
using Ingest.TestSupport;
using Ingest.TestSupport.Processes;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Ingest.IntegrationTests.Cli;

/// <summary><c>ingest up</c> as a newcomer runs it, with the embedded TimescaleDB.</summary>
public sealed class UpTests(StateHome home) : IClassFixture<StateHome>
{
    private const int Events = 20_000;

    [Fact]
    public async Task Twenty_thousand_messages_with_every_fault_end_where_they_must_and_a_replay_adds_nothing()
    {
        var up = await CliProcess.RunAsync(
            home.Environment, "up", "--fresh", "--faults", "--replay", "--events", $"{Events}", "--rate", "4000", "--port", "0", "--json");

        Assert.True(up.ExitCode == 0, up.ToString());
        var expected = Enum.GetValues<Fault>().Cast<Fault?>()
            .Select(fault => (Of: FaultPlan.Expected(fault), Times: Events / 100))
            .Append((Of: FaultPlan.Expected(null), Times: Events / 100 * (100 - Enum.GetValues<Fault>().Length)))
            .ToList();
        long Sum(Func<Ingest.Events.ReadingCounts, long> count) => expected.Sum(kind => count(kind.Of) * kind.Times);
        Assert.Equal(Events, up.Json.GetProperty("messagesSent").GetInt64());
        Assert.Equal(Sum(counts => counts.Received), up.Json.GetProperty("received").GetInt64());
        Assert.Equal(Sum(counts => counts.Stored), up.Json.GetProperty("stored").GetInt64());
        Assert.Equal(Sum(counts => counts.Duplicate), up.Json.GetProperty("duplicate").GetInt64());
        Assert.Equal(Sum(counts => counts.Collisions), up.Json.GetProperty("collisions").GetInt64());
        Assert.Equal(Sum(counts => counts.DeadLettered), up.Json.GetProperty("deadLettered").GetInt64());
        Assert.Equal(Sum(counts => counts.Ignored), up.Json.GetProperty("ignored").GetInt64());
        Assert.Equal(0, up.Json.GetProperty("missed").GetInt64());
        Assert.Equal(Sum(counts => counts.Stored), up.Json.GetProperty("rowsInTable").GetInt64());
        Assert.All(up.Json.GetProperty("faults").EnumerateObject(), fault => Assert.Equal(Events / 100, fault.Value.GetInt64()));
        Assert.Equal(Enum.GetValues<Fault>().Length, up.Json.GetProperty("faults").EnumerateObject().Count());

        var replay = up.Json.GetProperty("replay");
        Assert.Equal(Sum(counts => counts.Received), replay.GetProperty("received").GetInt64());
        Assert.Equal(0, replay.GetProperty("stored").GetInt64());
        Assert.Equal(Sum(counts => counts.Received - counts.Ignored), replay.GetProperty("duplicate").GetInt64());
    }

    [Fact]
    public async Task The_local_hub_asks_for_a_key_and_interrupted_up_drains_leaves_no_process_and_finds_its_rows_next_time()
    {
        await using var up = CliProcess.Start(home.Environment, "up", "--fresh", "--rate", "500", "--port", "0", "--json");
        await up.SaysAsync("stored=");
        var hub = Assert.Single(up.Lines, line => line.Contains("SharedAccessKey=", StringComparison.Ordinal));
        await using (var stranger = HubClientOf(hub, key: "none"))
        {
            Assert.Equal(
                HubFailure.Unauthorized,
                (await Assert.ThrowsAsync<HubException>(() => stranger.GetHubAsync(TestContext.Current.CancellationToken))).Failure);
        }

        await using (var user = HubClientOf(hub, key: null))
        {
            Assert.Equal(4, (await user.GetHubAsync(TestContext.Current.CancellationToken)).PartitionIds.Length);
        }

        var beside = await CliProcess.RunAsync(home.Environment, "status");
        await up.InterruptAsync();
        var first = await up.EndAsync();
        var second = await CliProcess.RunAsync(home.Environment, "up", "--events", "100", "--port", "0", "--json");

        Assert.True(first.ExitCode == 0, first.ToString());
        Assert.Equal(first.Json.GetProperty("messagesSent").GetInt64(), first.Json.GetProperty("stored").GetInt64());
        Assert.Equal(2, beside.ExitCode);
        Assert.Contains("--database", beside.Errors, StringComparison.Ordinal);
        Assert.True(second.ExitCode == 0, second.ToString());
        Assert.Equal(first.Json.GetProperty("stored").GetInt64() + 100, second.Json.GetProperty("rowsInTable").GetInt64());
        Assert.Empty(await home.ProcessesAsync());
    }

    // As it is copied from the line that names it, with its key or another.
    private static HubClient HubClientOf(string line, string? key)
    {
        var printed = line[line.IndexOf("Endpoint=", StringComparison.Ordinal)..];
        var connectionString = key is null ? printed : System.Text.RegularExpressions.Regex.Replace(
            printed, "SharedAccessKey=[^;]+", $"SharedAccessKey={key}");
        return new HubClient(new HubSettings { ConnectionString = connectionString }, TimeProvider.System, NullLogger<HubClient>.Instance);
    }

    [Fact]
    public async Task Killed_it_leaves_no_process()
    {
        await using var up = CliProcess.Start(home.Environment, "up", "--fresh", "--rate", "500", "--port", "0");
        await up.SaysAsync("stored=");
        Assert.NotEmpty(await home.ProcessesAsync());
        await up.KillAsync();

        await home.NoProcessIsLeftAsync();
    }
}

/// <summary>A state folder for this class alone: the Node packages are installed once, as on a fresh machine.</summary>
public sealed class StateHome : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("ingest-home-");

    public IReadOnlyDictionary<string, string> Environment => new Dictionary<string, string> { ["XDG_STATE_HOME"] = _folder.FullName };

    /// <summary>The command lines of running processes that name this folder: the database's.</summary>
    public async Task<IReadOnlyList<string>> ProcessesAsync()
    {
        using var ps = Process.Start(new ProcessStartInfo("ps", ["-axww", "-o", "command="]) { RedirectStandardOutput = true })!;
        var lines = await ps.StandardOutput.ReadToEndAsync();
        return [.. lines.Split('\n').Where(line => line.Contains(_folder.FullName, StringComparison.Ordinal))];
    }

    public Task NoProcessIsLeftAsync() =>
        Eventually.IsTrueAsync(async () => (await ProcessesAsync()).Count == 0, "no process of the database is left");

    public void Dispose() => _folder.Delete(recursive: true);
}
