using System.Text.Json;
using Ingest.IntegrationTests.Archives;
using Ingest.IntegrationTests.Support;
using Ingest.TestSupport.Archives;
using Ingest.TestSupport.Databases;
using Ingest.TestSupport.Processes;
using Npgsql;
using Xunit;

namespace Ingest.IntegrationTests.Cli;

/// <summary><c>ingest audit</c>: what is all there is clean, and each fault planted is found, and nothing else.</summary>
public sealed class AuditTests(PostgresFixture postgres, TimescaleFixture timescale)
{
    private static readonly string[] ClearlyAround = ["--from", "2015-01-01", "--to", "2115-01-01"];

    [Fact]
    public async Task What_a_worker_has_made_of_a_hub_is_clean_under_a_login_that_may_only_read()
    {
        await using var stage = await StoredAsync(messages: 3_000);
        var expected = stage.Ledger.Expected;

        var audit = await HubAsync(stage, await ReaderAsync(stage));

        Assert.True(audit.ExitCode == 0, audit.ToString());
        Assert.Equal(
            (expected.Received, expected.Stored + expected.Duplicate + expected.DeadLettered, expected.Ignored),
            (Number(audit, "received"), Number(audit, "found") + Number(audit, "deadLettered"), Number(audit, "ignored")));
        Assert.Empty(Findings(audit));
    }

    [Fact]
    public async Task Each_fault_in_the_tables_is_found_and_nothing_else()
    {
        await using var stage = await StoredAsync(messages: 2_000);
        var rows = await QueryAsync(
            stage.Owner, "SELECT time, device FROM conditions WHERE temperature IS NOT NULL ORDER BY time, device LIMIT 3");
        var letter = (await QueryAsync(
            stage.Owner, "SELECT key, partition, sequence_number, reason FROM dead_letters ORDER BY key LIMIT 1"))[0];
        await ExecuteAsync(stage.Owner, "DELETE FROM conditions WHERE time = $1 AND device = $2", rows[0]);
        await ExecuteAsync(stage.Owner, "UPDATE conditions SET temperature = 1234.5 WHERE time = $1 AND device = $2", rows[1]);
        await ExecuteAsync(
            stage.Owner,
            "INSERT INTO conditions (time, device, temperature) VALUES ($1 + interval '5 ms', $2 || '-nobody', 77)", rows[2]);
        await ExecuteAsync(stage.Owner, "DELETE FROM dead_letters WHERE key = $1", letter[0]);

        var audit = await HubAsync(stage);

        Assert.True(audit.ExitCode == 1, audit.ToString());
        var findings = Findings(audit);
        Assert.Equal(
            new[] { "different 1234.5", $"missing {letter[3]}", "missing temperature", "unexplained 77" }.Order(StringComparer.Ordinal),
            findings.Select(Brief).Order(StringComparer.Ordinal));
        var missing = findings.Single(finding => Brief(finding) == "missing temperature");
        Assert.Equal((DateTime)rows[0][0]!, missing.GetProperty("time").GetDateTime().ToUniversalTime());
        Assert.Equal(rows[0][1], missing.GetProperty("device").GetString());
        var lost = findings.Single(finding => finding.GetProperty("reason").ValueKind == JsonValueKind.String);
        Assert.Equal(
            (letter[1], letter[2]), (lost.GetProperty("partition").GetString(), lost.GetProperty("sequenceNumber").GetInt64()));
    }

    [Fact]
    public async Task A_partition_that_was_skipped_is_missing_whole_and_one_that_nobody_has_read_yet_is_not()
    {
        await using var stage = await WorkerStage.CreateAsync(postgres);
        await stage.SendAsync(1_000);
        var of3 = stage.Sent.Count(message => message.Number % 4 == 3);
        var of2 = stage.Sent.Count(message => message.Number % 4 == 2);
        await RunWorkerAsync(stage, "0", "1");
        await ExecuteAsync(
            stage.Owner,
            """
            INSERT INTO checkpoints (hub, consumer_group, partition, epoch, "offset", sequence_number, enqueued_time, updated_at)
            SELECT hub, consumer_group, '3', epoch, "offset", 1000000, enqueued_time, updated_at FROM checkpoints LIMIT 1;
            INSERT INTO checkpoints (hub, consumer_group, partition, epoch, updated_at)
            SELECT hub, consumer_group, '2', 1, updated_at FROM checkpoints LIMIT 1;
            """);

        var audit = await HubAsync(stage);

        Assert.True(audit.ExitCode == 1, audit.ToString());
        Assert.Equal((of2, of3), (Number(audit, "notYetRead"), Number(audit, "missing")));
        Assert.All(Findings(audit), finding => Assert.Equal("3", finding.GetProperty("partition").GetString()));
    }

    [Fact]
    public async Task For_people_it_lists_so_many_in_words_and_sums_up()
    {
        await using var stage = await StoredAsync(messages: 200, faults: false);
        await ExecuteAsync(stage.Owner, "UPDATE conditions SET humidity = 1");

        var audit = await CliProcess.RunAsync(stage.Environment, ["audit", .. ClearlyAround, "--list", "2"]);

        Assert.True(audit.ExitCode == 1, audit.ToString());
        var lines = audit.Output.Split('\n');
        Assert.Equal(2, lines.Count(line => line.StartsWith("different: ", StringComparison.Ordinal)));
        Assert.Matches(
            @"^different: partition [0-3], sequence number \d+: \d{4}-\S+Z, \S+; humidity: sent \S+, stored 1$",
            lines.First(line => line.StartsWith("different", StringComparison.Ordinal)));
        Assert.Contains(lines, line => line.StartsWith("… and 198 more", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.StartsWith("received 200 = rows 0", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Equal_elements_need_as_many_rows_and_files_and_records_are_named()
    {
        await using var stage = await ArchiveStage.CreateAsync(postgres);
        var messages = ArchiveStage.Messages(50);
        messages[7] = messages[7] with
        {
            Body = """[{"temperature":1},{"temperature":1},{"temperature":1},{"temperature":2}]"""u8.ToArray(),
        };
        var name = stage.Folder.Add(ArchiveWriter.Routed([.. messages, messages[7], messages[8]]));
        await stage.ReplayAsync();
        Assert.Equal(53, await stage.CountAsync());
        var clean = await ArchiveAsync(stage);
        await stage.ExecuteAsync("DELETE FROM conditions WHERE time = (SELECT max(time) FROM conditions WHERE temperature = 1)");
        await stage.ExecuteAsync("INSERT INTO conditions SELECT time + interval '9 us', device, 2 FROM conditions WHERE temperature = 2");

        var audit = await ArchiveAsync(stage);

        Assert.True(clean.ExitCode == 0, clean.ToString());
        Assert.True(audit.ExitCode == 1, audit.ToString());

        // One of the three equal rows is gone, for the message and for its repetition; and a second row of another content is one too many.
        Assert.Equal(
            [(name, 8L, 2), (name, 51L, 2)],
            Findings(audit).Where(finding => finding.GetProperty("source").ValueKind == JsonValueKind.String).Select(
                finding => (
                    finding.GetProperty("partition").GetString()!,
                    finding.GetProperty("sequenceNumber").GetInt64(),
                    finding.GetProperty("element").GetInt32())));
        Assert.Equal((1, 1), (Number(audit, "missing"), Number(audit, "different")));
    }

    [Fact]
    public async Task Many_files_at_once_are_judged_reading_by_reading()
    {
        await using var stage = await ArchiveStage.CreateAsync(postgres);
        for (var file = 0; file < 8; file++)
        {
            stage.Folder.Add(ArchiveWriter.Routed(ArchiveStage.Messages(10_000, first: 10_000 * file)));
        }

        await stage.ReplayAsync();
        await stage.ExecuteAsync("DELETE FROM conditions WHERE temperature IN (5.5, 40005.5, 79999.5)");

        var audit = await ArchiveAsync(stage);

        Assert.True(audit.ExitCode == 1, audit.ToString());
        Assert.Equal(
            (80_000, 79_997, 3, 0),
            (Number(audit, "received"), Number(audit, "found"), Number(audit, "missing"), Number(audit, "unexplained")));
        Assert.Equal(
            ["40005.5", "5.5", "79999.5"],
            Findings(audit).Select(finding => finding.GetProperty("sent").GetProperty("temperature").GetString())
                .Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task In_a_narrow_table_each_value_is_looked_for()
    {
        await using var stage = await ArchiveStage.CreateAsync(postgres);
        await stage.ExecuteAsync(
            """
            CREATE TABLE points (time timestamptz NOT NULL, device text NOT NULL, metric text NOT NULL, value double precision NOT NULL,
                PRIMARY KEY (device, metric, time));
            GRANT SELECT, INSERT ON points TO ingest_writer;
            """);
        stage.Environment["Telemetry__Table"] = "points";
        stage.Environment["Telemetry__Shape"] = "Narrow";
        stage.Folder.Add(ArchiveWriter.Routed(ArchiveStage.Messages(40)));
        await stage.ReplayAsync();
        var clean = await ArchiveAsync(stage);
        await stage.ExecuteAsync("UPDATE points SET value = 3 WHERE metric = 'humidity' AND time = (SELECT min(time) FROM points)");

        var audit = await ArchiveAsync(stage);

        Assert.True(clean.ExitCode == 0, clean.ToString());
        Assert.Equal(80, Number(clean, "received"));
        var changed = Findings(audit);
        Assert.NotEmpty(changed);
        Assert.All(
            changed, finding => Assert.Equal(("different", "humidity"), (Fault(finding), finding.GetProperty("metric").GetString())));
    }

    [Fact]
    public async Task On_TimescaleDB_it_finds_the_same()
    {
        await using var database = await timescale.CreateAsync(TestContext.Current.CancellationToken);
        using var folder = new ArchiveFolder();
        folder.Add(ArchiveWriter.Routed(ArchiveStage.Messages(200)));
        var environment = new Dictionary<string, string>
        {
            ["Database__ConnectionString"] = database.ConnectionString,
            ["Database__Copy"] = database.IsEmbedded ? "false" : "true",
        };
        var replay = await CliProcess.RunAsync(environment, "replay", "--archive", folder.Path);
        var clean = await CliProcess.RunAsync(environment, ["audit", "--archive", folder.Path, "--json", .. ClearlyAround]);
        await using (var source = NpgsqlDataSource.Create(database.ConnectionString))
        await using (var command = source.CreateCommand("DELETE FROM conditions WHERE time = (SELECT min(time) FROM conditions)"))
        {
            Assert.NotEqual(0, await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken));
        }

        var audit = await CliProcess.RunAsync(environment, ["audit", "--archive", folder.Path, "--json", .. ClearlyAround]);

        Assert.True(replay.ExitCode == 0, replay.ToString());
        Assert.True(clean.ExitCode == 0, clean.ToString());
        Assert.True(audit.ExitCode == 1, audit.ToString());
        Assert.NotEmpty(Findings(audit));
        Assert.All(Findings(audit), finding => Assert.Equal("missing", Fault(finding)));
    }

    private static string Brief(JsonElement finding) => Fault(finding) switch
    {
        "missing" when finding.GetProperty("reason").GetString() is { } reason => $"missing {reason}",
        "missing" => $"missing {finding.GetProperty("sent").EnumerateObject().First().Name}",
        var fault => $"{fault} {finding.GetProperty("stored").GetProperty("temperature").GetString()}",
    };

    private static string Fault(JsonElement finding) => finding.GetProperty("fault").GetString()!;

    private static List<JsonElement> Findings(CliResult audit) =>
        [.. audit.Output.TrimEnd().Split('\n')[..^1].Select(line => JsonElement.Parse(line))];

    private static long Number(CliResult audit, string name) => audit.Json.GetProperty(name).GetInt64();

    private static Task<CliResult> HubAsync(WorkerStage stage, string? login = null)
    {
        var environment = new Dictionary<string, string>(stage.Environment);
        environment["Database__ConnectionString"] = login ?? environment["Database__ConnectionString"];
        return CliProcess.RunAsync(environment, ["audit", "--json", .. ClearlyAround]);
    }

    private static Task<CliResult> ArchiveAsync(ArchiveStage stage) =>
        CliProcess.RunAsync(stage.Environment, ["audit", "--archive", stage.Folder.Path, "--json", .. ClearlyAround]);

    private static async Task RunWorkerAsync(WorkerStage stage, params string[] partitions)
    {
        await using var worker = stage.StartWorker(
            partitions.SelectMany((partition, index) => new[] { "--set", $"Hub:Partitions:{index}={partition}" }));
        var wanted = stage.Sent.Count(message => partitions.Contains($"{message.Number % 4}"));
        await stage.ReceivedAsync(wanted, worker);
        await worker.TerminateAsync();
        await worker.EndAsync();
    }

    private static async Task ExecuteAsync(NpgsqlDataSource owner, string sql, params object?[] parameters)
    {
        await using var command = owner.CreateCommand(sql);
        foreach (var parameter in parameters)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = parameter });
        }

        Assert.NotEqual(0, await command.ExecuteNonQueryAsync());
    }

    private static async Task<List<object?[]>> QueryAsync(NpgsqlDataSource owner, string sql)
    {
        await using var command = owner.CreateCommand(sql);
        await using var reader = await command.ExecuteReaderAsync();
        List<object?[]> rows = [];
        while (await reader.ReadAsync())
        {
            rows.Add([.. Enumerable.Range(0, reader.FieldCount).Select(reader.GetValue)]);
        }

        return rows;
    }

    private async Task<WorkerStage> StoredAsync(int messages, bool faults = true)
    {
        var stage = await WorkerStage.CreateAsync(postgres, faults);
        await stage.SendAsync(messages);
        await stage.RunWorkerAsync(stage.Ledger.Expected.Received);
        return stage;
    }

    private async Task<string> ReaderAsync(WorkerStage stage)
    {
        var server = await postgres.ServerAsync();
        await ExecuteAsync(
            stage.Owner,
            """
            DO $$ BEGIN CREATE ROLE auditor NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
            GRANT SELECT ON conditions, dead_letters, dead_letter_quotas, dead_letter_totals, checkpoints, partition_owners,
                forgotten_devices, forgotten_state TO auditor;
            """);
        return await server.CreateLoginAsync(stage.Owner.ConnectionString, memberOf: "auditor");
    }
}
