using System.Globalization;
using System.Net;
using System.Text.Json;
using Ingest.IntegrationTests.Support;
using Ingest.TestSupport;
using Ingest.TestSupport.Databases;
using Ingest.TestSupport.Faults;
using Ingest.TestSupport.Network;
using Ingest.TestSupport.Processes;
using Npgsql;
using Xunit;

namespace Ingest.IntegrationTests.Cli;

/// <summary>What operators learn of a worker through an outage: probes, <c>ingest status</c>, log.</summary>
public sealed class HealthServerTests(PostgresFixture postgres)
{
    private static readonly string[] NotIdle = ["waiting", "retrying"];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Through_an_outage_of_the_database_probes_and_status_tell_how_it_stands_and_the_log_has_two_lines()
    {
        await using var stage = await WorkerStage.CreateAsync(postgres);
        await using var wire = TcpProxy.Start((await postgres.ServerAsync()).Port);
        var environment = Through(wire, stage.Environment);
        await using var worker = WorkerProcess.Start(environment, Port(environment));
        await stage.SendAsync(100);
        await Eventually.IsTrueAsync(async () => (await stage.CountsAsync()).Received == 100);

        wire.Close();
        await stage.SendAsync(200);
        await Eventually.IsTrueAsync(
            async () => await worker.HealthAsync(Stop) is { } health && Lag(health.Body) == 200 && health.Body.GetProperty("database")
                .GetProperty("retries")
                .GetInt64() >= 3);
        var (ready, during) = (await worker.HealthAsync(Stop))!.Value;
        var json = await CliProcess.RunAsync(environment, "status", "--json");
        var text = await CliProcess.RunAsync(environment, "status");

        Assert.False(ready);
        Assert.Contains(during.GetProperty("database").GetProperty("retry").GetString(), NotIdle);
        Assert.Equal(1, json.ExitCode);
        var report = json.Json.GetProperty("worker").GetProperty("report");
        var database = report.GetProperty("database");
        Assert.False(report.GetProperty("ready").GetBoolean());
        Assert.Equal("outage", database.GetProperty("state").GetString());
        Assert.Contains(database.GetProperty("retry").GetString(), NotIdle);
        Assert.InRange(database.GetProperty("queuedMessages").GetInt64(), 1, 200);
        Assert.True(database.GetProperty("retries").GetInt64() >= 3);
        Assert.Equal(database.GetProperty("error").GetString(), database.GetProperty("lastError").GetString());
        Assert.Equal(200, Lag(report));
        Assert.NotNull(json.Json.GetProperty("databaseError").GetString());
        Assert.Equal(JsonValueKind.Null, json.Json.GetProperty("checkpoints").ValueKind);
        Assert.Equal(1, text.ExitCode);
        Assert.Matches(
            "worker [^ ]+: http://127.0.0.1:[0-9]+ reads .*: not ready\n  an outage of the database since .* [1-9][0-9]* messages in "
                + "[1-9] batches",
            text.Output);
        // Which failure it was last, of a read or of a connection, changes from attempt to attempt.
        Assert.StartsWith("The database cannot be reached", database.GetProperty("error").GetString(), StringComparison.Ordinal);
        Assert.Contains("\n  waits: The database cannot be reached", text.Output, StringComparison.Ordinal);

        wire.Open();
        await Eventually.IsTrueAsync(
            async () => await worker.HealthAsync(Stop) is { Ready: true } && (await stage.CountsAsync()).Received == 300);
        var after = await CliProcess.RunAsync(environment, "status", "--json");

        Assert.True(after.ExitCode == 0, after.ToString());
        var restored = after.Json.GetProperty("worker").GetProperty("report").GetProperty("database");
        Assert.Equal(("idle", 0), (restored.GetProperty("retry").GetString(), restored.GetProperty("queuedMessages").GetInt64()));
        Assert.Equal(JsonValueKind.Null, restored.GetProperty("error").ValueKind);
        Assert.Equal(JsonValueKind.String, restored.GetProperty("lastError").ValueKind);
        Assert.Equal(4, after.Json.GetProperty("checkpoints").GetArrayLength());
        Assert.Equal((1, 1), (worker.Logged(FaultStage.OutageBegins), worker.Logged(FaultStage.OutageEnds)));
        var complaints = worker.Complaints([FaultStage.OutageBegins, FaultStage.OwnershipUnavailable]);
        Assert.True(complaints.Count == 0, string.Join(Environment.NewLine, complaints));
    }

    [Fact]
    public async Task Where_no_worker_answers_status_says_so_and_shows_what_is_stored()
    {
        await using var stage = await WorkerStage.CreateAsync(postgres);
        await stage.SendAsync(100);
        await stage.RunWorkerAsync(100);
        var environment = WithHealth(stage.Environment);

        var away = await CliProcess.RunAsync(environment, "status");
        var none = await CliProcess.RunAsync(stage.Environment, "status", "--json");

        Assert.True(away.ExitCode == 0, away.ToString());
        Assert.Contains(
            $"worker: not running, or not reachable at http://127.0.0.1:{environment["Health__Port"]}/readyz",
            away.Output,
            StringComparison.Ordinal);
        Assert.Contains("Rows by day", away.Output, StringComparison.Ordinal);
        Assert.True(none.ExitCode == 0, none.ToString());
        Assert.Equal(JsonValueKind.Null, none.Json.GetProperty("worker").GetProperty("report").ValueKind);
        Assert.Contains("Health:Url", none.Json.GetProperty("worker").GetProperty("error").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stranger_at_the_workers_port_is_not_taken_for_a_worker()
    {
        await using var stage = await WorkerStage.CreateAsync(postgres);
        using var listener = new HttpListener();
        var port = LoopbackPort.Free();
        listener.Prefixes.Add($"http://127.0.0.1:{port}/");
        listener.Start();
        var answering = AnswerAsync(listener, """{"ready":true}""");

        var status = await CliProcess.RunAsync(
            new Dictionary<string, string>(stage.Environment) { ["Health__Url"] = $"http://127.0.0.1:{port}" }, "status", "--json");
        await answering;

        Assert.True(status.ExitCode == 0, status.ToString());
        Assert.Contains(
            "something else than a worker", status.Json.GetProperty("worker").GetProperty("error").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_hub_that_is_away_is_named_and_hides_nothing_that_the_database_knows()
    {
        await using var stage = await WorkerStage.CreateAsync(postgres);
        await stage.SendAsync(100);
        await stage.RunWorkerAsync(100);
        await stage.Hub.DisposeAsync();

        var status = await CliProcess.RunAsync(stage.Environment, "status", "--json");

        Assert.Equal(1, status.ExitCode);
        Assert.NotNull(status.Json.GetProperty("hubError").GetString());
        Assert.Equal(
            100,
            status.Json.GetProperty("checkpoints").EnumerateArray().Sum(checkpoint => checkpoint.GetProperty("stored").GetInt64()));
    }

    private static async Task AnswerAsync(HttpListener listener, string body)
    {
        var context = await listener.GetContextAsync();
        await using var writer = new StreamWriter(context.Response.OutputStream);
        await writer.WriteAsync(body);
    }

    // Not known yet counts as none.
    private static long Lag(JsonElement report) =>
        report.GetProperty("partitions").EnumerateArray().Sum(
            partition => partition.GetProperty("lagEvents") is { ValueKind: JsonValueKind.Number } lag ? lag.GetInt64() : 0);

    private static Dictionary<string, string> Through(TcpProxy wire, IReadOnlyDictionary<string, string> environment) =>
        new(WithHealth(environment))
        {
            ["Database__ConnectionString"] = new NpgsqlConnectionStringBuilder(
            environment["Database__ConnectionString"])
            { Port = wire.Port }.ConnectionString,
            ["Hub__LagIntervalSeconds"] = "1",
        };

    private static Dictionary<string, string> WithHealth(IReadOnlyDictionary<string, string> environment) =>
        new(environment) { ["Health__Port"] = LoopbackPort.Free().ToString(CultureInfo.InvariantCulture) };

    private static int Port(Dictionary<string, string> environment) => int.Parse(environment["Health__Port"], CultureInfo.InvariantCulture);
}
