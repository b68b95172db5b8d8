using Ingest.Diagnostics;
using Ingest.IntegrationTests.Support;
using Ingest.TestSupport;
using Ingest.TestSupport.Databases;
using Ingest.TestSupport.Faults;
using Ingest.TestSupport.Network;
using Ingest.TestSupport.Processes;
using Npgsql;
using Xunit;

namespace Ingest.IntegrationTests.Cli;

/// <summary>The worker as its users run it: a process, a login that owns nothing, signals.</summary>
public sealed class WorkerProcessTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Killed_in_the_middle_and_started_again_it_loses_nothing_and_stores_nothing_twice()
    {
        await using var stage = await WorkerStage.CreateAsync(postgres);
        var sending = stage.SendAsync(30_000);
        await using (var killed = stage.StartWorker())
        {
            await stage.ReceivedAsync(1_000, killed);
            await killed.KillAsync();
        }

        var before = await stage.CountsAsync();
        await sending;
        await using var worker = stage.StartWorker();
        await stage.ReceivedAsync(30_000, worker);
        await worker.TerminateAsync();
        var ended = await worker.EndAsync();

        Assert.InRange(before.Received, 1_000, 29_999);
        Assert.True(ended.ExitCode == 0, ended.ToString());
        await stage.NothingIsLostOrDoubledAsync();
    }

    [Fact]
    public async Task A_second_worker_takes_a_share_of_the_partitions_and_all_of_them_when_the_first_is_told_to_stop()
    {
        await using var stage = await WorkerStage.CreateAsync(postgres);
        await stage.SendAsync(5_000);
        await using var first = stage.StartWorker();
        await stage.ReceivedAsync(5_000, first);
        await using var second = stage.StartWorker();
        await stage.OwnersAsync(owners => owners.Count == 2 && owners.Values.All(partitions => partitions == 2));
        await stage.SendAsync(10_000);
        await stage.ReceivedAsync(15_000, second);

        await first.TerminateAsync();
        var ended = await first.EndAsync();
        await stage.OwnersAsync(owners => owners.Count == 1);
        await stage.SendAsync(5_000);
        await stage.ReceivedAsync(20_000, second);
        await second.TerminateAsync();
        var last = await second.EndAsync();

        Assert.True(ended.ExitCode == 0, ended.ToString());
        Assert.True(last.ExitCode == 0, last.ToString());
        await stage.OwnersAsync(owners => owners.Count == 0);
        await stage.NothingIsLostOrDoubledAsync();
    }

    [Fact]
    public async Task It_waits_for_hub_and_database_at_its_start_as_at_any_other_time()
    {
        await using var stage = await WorkerStage.CreateAsync(postgres);
        await using var hub = TcpProxy.Start(stage.Hub.Port);
        await using var database = TcpProxy.Start((await postgres.ServerAsync()).Port);
        hub.Close();
        database.Close();
        var environment = new Dictionary<string, string>(stage.Environment)
        {
            ["Hub__ConnectionString"] = stage.Environment["Hub__ConnectionString"].Replace(
                $":{stage.Hub.Port};", $":{hub.Port};", StringComparison.Ordinal),
            ["Database__ConnectionString"] = new NpgsqlConnectionStringBuilder(
                stage.Environment["Database__ConnectionString"])
            { Port = database.Port }.ConnectionString,
        };
        var check = await CliProcess.RunAsync(environment, "run", "--check");
        await using var worker = WorkerProcess.Start(environment, LoopbackPort.Free());
        await Eventually.IsTrueAsync(
            async () =>
                worker.Logged(LogEventIds.Unreachable) == 1
                    && worker.Logged(LogEventIds.NotClaimed) == 1
                    && await worker.HealthAsync(CancellationToken.None) is { Ready: false });

        hub.Open();
        database.Open();
        await stage.SendAsync(100);
        await Eventually.IsTrueAsync(
            async () =>
                (await stage.CountsAsync()).Received == 100 && await worker.HealthAsync(CancellationToken.None) is { Ready: true });

        Assert.True(check.ExitCode == 1, check.ToString());
        Assert.Equal(
            (1, 1, 2),
            (
                worker.Logged(LogEventIds.Unreachable),
                worker.Logged(LogEventIds.NotClaimed),
                worker.Logged(LogEventIds.GoingOn)));
    }

    [Fact]
    public async Task What_the_hub_dropped_before_it_was_read_counts_as_missed()
    {
        await using var stage = await WorkerStage.CreateAsync(postgres);
        await stage.SendAsync(400);
        await stage.RunWorkerAsync(400);

        var stored = stage.Hub.Partitions[0].LastSequenceNumber;
        await stage.SendAsync(400);
        var kept = stage.Hub.Partitions[0].LastSequenceNumber - 9;
        stage.Hub.DropBefore("0", kept);
        var dropped = kept - stored - 1;
        await stage.RunWorkerAsync(800 - dropped);

        var counts = await stage.CountsAsync();
        Assert.Equal((800 - dropped, dropped), (counts.Received, counts.Missed));
    }

    [Fact]
    public async Task A_replay_adds_no_row_and_moves_no_checkpoint()
    {
        await using var stage = await WorkerStage.CreateAsync(postgres, faults: true);
        await stage.SendAsync(2_000);
        await stage.RunWorkerAsync(stage.Ledger.Expected.Received);

        var replay = await CliProcess.RunAsync(stage.Environment, "replay", "--from", "1h", "--json");

        Assert.True(replay.ExitCode == 0, replay.ToString());
        Assert.Equal(stage.Ledger.Expected.Received, replay.Json.GetProperty("received").GetInt64());
        Assert.Equal(0, replay.Json.GetProperty("stored").GetInt64());
        Assert.Equal(stage.Ledger.Expected, await stage.CountsAsync());
    }

    [Fact]
    public async Task A_replay_in_the_workers_consumer_group_is_refused()
    {
        await using var stage = await WorkerStage.CreateAsync(postgres);
        var replay = await CliProcess.RunAsync(stage.Environment, "replay", "--from", "1h", "--consumer-group", "$Default");

        Assert.Equal(2, replay.ExitCode);
        Assert.Contains("is a worker's", replay.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Status_and_dead_letters_tell_what_the_worker_did()
    {
        await using var stage = await WorkerStage.CreateAsync(postgres, faults: true);
        await stage.SendAsync(200);
        await stage.RunWorkerAsync(stage.Ledger.Expected.Received);

        var status = await CliProcess.RunAsync(stage.Environment, "status", "--json");
        var letters = await CliProcess.RunAsync(stage.Environment, "deadletters", "list", "--reason", "not_json", "--json");
        var key = letters.Json.GetProperty("deadLetters")[0].GetProperty("key").GetString()!;
        var letter = await CliProcess.RunAsync(stage.Environment, "deadletters", "show", key[..16], "--json");

        Assert.True(status.ExitCode == 0, status.ToString());
        Assert.Equal(4, status.Json.GetProperty("checkpoints").GetArrayLength());
        Assert.All(
            status.Json.GetProperty("checkpoints").EnumerateArray(),
            checkpoint => Assert.Equal(0, checkpoint.GetProperty("lagEvents").GetInt64()));
        Assert.Equal(
            stage.Ledger.Expected.Stored,
            status.Json.GetProperty("rowsByDay").EnumerateArray().Sum(day => day.GetProperty("rows").GetInt64()));
        Assert.Equal(2, letters.Json.GetProperty("deadLetters").GetArrayLength());
        Assert.StartsWith("{\"device\":\"sim-", letter.Json.GetProperty("bodyText").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_check_reports_all_that_is_wrong_at_once_and_what_to_do()
    {
        await using var stage = await WorkerStage.CreateAsync(postgres);
        var environment = new Dictionary<string, string>(stage.Environment)
        {
            ["Hub__ConnectionString"] = stage.Environment["Hub__ConnectionString"].Replace(
                "EntityPath=telemetry", "EntityPath=nowhere", StringComparison.Ordinal),
            ["Telemetry__Table"] = "no_such_table",
        };
        var check = await CliProcess.RunAsync(environment, "run", "--check");

        Assert.Equal(2, check.ExitCode);
        Assert.Contains("nowhere", check.Errors, StringComparison.Ordinal);
        Assert.Contains("no_such_table", check.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_check_and_the_start_warn_of_what_may_act_on_readings_and_go_on()
    {
        await using var stage = await WorkerStage.CreateAsync(postgres);
        await using (
            var command = stage.Owner.CreateCommand(
                "CREATE TABLE devices (id text PRIMARY KEY); "
                    + "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; "
                    + "CREATE TRIGGER tell_others AFTER INSERT ON conditions FOR EACH ROW EXECUTE FUNCTION f(); "
                    + "ALTER TABLE conditions ADD CONSTRAINT known_device FOREIGN KEY (device) REFERENCES devices ON DELETE CASCADE"))
        {
            await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        }

        var check = await CliProcess.RunAsync(stage.Environment, "run", "--check");
        await using var worker = stage.StartWorker();
        await worker.SaysAsync("Trigger tell_others on conditions runs after each new row");

        Assert.True(check.ExitCode == 0, check.ToString());
        Assert.Contains("warning: Trigger tell_others on conditions runs after each new row", check.Output, StringComparison.Ordinal);
        Assert.Contains("warning: Foreign key known_device lets conditions hold only", check.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Hub__FullyQualifiedNamespace=localhost", "localhost/telemetry")]
    [InlineData("Database__EntraAuthentication=true", "the database")]
    public async Task A_login_by_an_identity_that_the_process_does_not_have_ends_it_with_words(string setting, string wanted)
    {
        await using var stage = await WorkerStage.CreateAsync(postgres);
        var (name, value) = (setting.Split('=')[0], setting.Split('=')[1]);
        await using var worker = CliProcess.Start(
            new Dictionary<string, string>(stage.Environment)
            {
                ["Hub__ConnectionString"] = name.StartsWith(
                    "Hub", StringComparison.Ordinal) ? "" : stage.Environment["Hub__ConnectionString"],
                ["Hub__Name"] = "telemetry",
                ["Database__ConnectionString"] = new NpgsqlConnectionStringBuilder(
                    stage.Environment["Database__ConnectionString"])
                { Password = null }.ConnectionString,
                [name] = value,
                ["AZURE_TOKEN_CREDENTIALS"] = "EnvironmentCredential",
                ["AZURE_CLIENT_ID"] = "",
            },
            "run");
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60), TimeProvider.System);
        var run = await worker.EndedAsync(patience.Token);

        Assert.True(run.ExitCode == 2, run.ToString());
        Assert.Contains($"no token for {wanted}: EnvironmentCredential", run.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("run")]
    [InlineData("replay", "--from", "1h")]
    public async Task Misspelt_settings_and_wrong_values_are_named_all_at_once_with_the_right_ones(params string[] command)
    {
        var environment = new Dictionary<string, string>
        {
            ["Hub__ConnectionString"] = "Endpoint=sb://localhost;SharedAccessKeyName=n;SharedAccessKey=a2V5;EntityPath=telemetry",
            ["Database__ConnectionString"] = "Host=localhost;Username=u;Password=p",
            ["Telemetery__Table"] = "readings",
            ["DeadLetter__RetentionDays"] = "3",
            ["Telemetry__Columns__0__Name"] = "temperature",
            ["Telemetry__Columns__0__Typ"] = "Real",
            ["Telemetry__Columns__1__Name"] = "humidity",
            ["Telemetry__Columns__1__Type"] = "Float8",
            ["AzureWebJobsStorage__accountName"] = "elsewhere",
            ["Logging__LogLevel__Default"] = "Debug",
        };
        var run = await CliProcess.RunAsync(environment, command);

        Assert.True(run.ExitCode == 2, run.ToString());
        Assert.Contains("Did you mean Telemetry:Table?", run.Errors, StringComparison.Ordinal);
        Assert.Contains("Did you mean DeadLetters:RetentionDays?", run.Errors, StringComparison.Ordinal);
        Assert.Contains("Did you mean Telemetry:Columns:0:Type?", run.Errors, StringComparison.Ordinal);
        Assert.Contains("Did you mean Double?", run.Errors, StringComparison.Ordinal);
        Assert.Equal(5, run.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }

    [Fact]
    public async Task Without_settings_it_names_each_that_is_missing()
    {
        var run = await CliProcess.RunAsync(new Dictionary<string, string>(), "run");

        Assert.Equal(2, run.ExitCode);
        Assert.Contains("Hub:ConnectionString", run.Errors, StringComparison.Ordinal);
        Assert.Contains("Database:ConnectionString", run.Errors, StringComparison.Ordinal);
    }
}
