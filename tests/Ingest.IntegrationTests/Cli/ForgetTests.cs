using System.Globalization;
using System.Text;
using Ingest.Checkpoints;
using Ingest.Decode;
using Ingest.Events;
using Ingest.Forgotten;
using Ingest.IntegrationTests.Archives;
using Ingest.IntegrationTests.Write;
using Ingest.Schema;
using Ingest.Settings;
using Ingest.TestSupport;
using Ingest.TestSupport.Archives;
using Ingest.TestSupport.Databases;
using Ingest.TestSupport.Processes;
using Xunit;

namespace Ingest.IntegrationTests.Cli;

/// <summary><c>ingest forget</c>: what is deleted on request stays deleted, whoever reads the messages again.</summary>
public sealed class ForgetTests(PostgresFixture postgres, TimescaleFixture timescale)
{
    private const string Device = "device-3";

    private static readonly DateTime Begin = ArchiveStage.Begin;
    private static readonly TargetTable Table = TargetTable.Of(TelemetryMapping.Create(new TelemetrySettings()));

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Rows_and_dead_letters_are_gone_and_no_replay_brings_them_back_and_later_ones_are_stored()
    {
        await using var stage = await ArchiveStage.CreateAsync(postgres);
        var messages = ArchiveStage.Messages(700);
        var bad = messages[3] with { Body = "no JSON"u8.ToArray() };
        stage.Folder.Add(ArchiveWriter.Routed([.. messages, bad, messages[4] with { Body = "none"u8.ToArray() }]));
        await stage.ReplayAsync();
        var environment = new Dictionary<string, string>(stage.Environment)
        {
            ["Database__ConnectionString"] = stage.OwnersLogin,
        };
        string[] forget = ["forget", "--device", Device, "--until", $"{Begin.AddHours(1):O}", "--json"];

        var asWriter = await CliProcess.RunAsync(stage.Environment, forget);
        var dry = await CliProcess.RunAsync(environment, [.. forget, "--dry-run"]);
        var rowsBefore = await stage.CountAsync();
        var forgotten = await CliProcess.RunAsync(environment, forget);
        var again = await CliProcess.RunAsync(environment, forget);
        var replay = await stage.ReplayAsync("--restart");
        var audit = await CliProcess.RunAsync(
            stage.Environment, "audit", "--archive", stage.Folder.Path, "--from", "2026-01-01", "--to", "2027-01-01", "--json");
        var live = await stage.LiveAsync([messages[3] with { Stamp = Begin.AddHours(2) }, messages[3]]);

        Assert.True(asWriter.ExitCode == 2, asWriter.ToString());
        Assert.Contains("the login that owns the tables", asWriter.Errors, StringComparison.Ordinal);
        Assert.True(dry.ExitCode == 0, dry.ToString());
        Assert.Equal((100, 1), (Number(dry, "rows"), Number(dry, "deadLetters")));
        Assert.Equal(700, rowsBefore);
        Assert.True(forgotten.ExitCode == 0, forgotten.ToString());
        Assert.Equal((100, 1), (Number(forgotten, "rows"), Number(forgotten, "deadLetters")));
        Assert.Equal((0, 0), (Number(again, "rows"), Number(again, "deadLetters")));
        Assert.True(replay.ExitCode == 0, replay.ToString());
        Assert.Equal(
            (702, 0, 601, 101),
            (Number(replay, "received"), Number(replay, "stored"), Number(replay, "duplicate"), Number(replay, "ignored")));
        Assert.True(audit.ExitCode == 0, audit.ToString());
        Assert.Equal(new ReadingCounts(Received: 2, Stored: 1, Ignored: 1), live);
        Assert.Equal(601, await stage.CountAsync());
        Assert.DoesNotContain(
            Device,
            await stage.TextAsync("SELECT string_agg(f::text || s::text, '') FROM forgotten_devices AS f, forgotten_state AS s"),
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(600)]
    public async Task A_pipeline_that_runs_already_stores_nothing_of_a_device_once_it_is_forgotten(int readings)
    {
        await using var database = await TestDatabase.CreateAsync(Server.Native, postgres, timescale, Stop);
        await using var pipeline = new IngestPipeline(database.Source, new IngestSettings());
        var claim = (await new CheckpointTable(database.Source).ClaimAsync("hub", "group", ["0"], Stop))[0];
        await pipeline.ProcessAsync(Messages(0, readings), Move(claim, null, readings - 1), Stop);

        await new DeviceForgetter(database.Source, Table).ForgetAsync(Device, Begin.AddDays(1), _ => { }, Stop);
        var counts = (await pipeline.ProcessAsync(
            [.. Messages(readings, readings), Bad(2 * readings)], Move(claim, readings - 1, 2 * readings), Stop)).Counts;

        Assert.Equal(new ReadingCounts(Received: readings + 1, Ignored: readings + 1), counts);
        Assert.Equal(0, await database.RowsAsync("conditions", Stop));
        Assert.Equal(0, await database.RowsAsync("dead_letters", Stop));
    }

    [Fact]
    public async Task Writers_that_are_at_it_meanwhile_leave_no_row_behind()
    {
        await using var database = await TestDatabase.CreateAsync(Server.Native, postgres, timescale, Stop);
        for (var round = 0; round < 5; round++)
        {
            using var end = new CancellationTokenSource();
            var from = round * 1_000_000;
            var stored = new long[2];
            var writers = Enumerable.Range(0, 2).Select(async writer =>
            {
                await using var pipeline = new IngestPipeline(database.Source, new IngestSettings());
                for (var number = from + (writer * 100_000); !end.IsCancellationRequested; number += 300)
                {
                    var counts = (await pipeline.ProcessAsync(Messages(number, 300), null, Stop)).Counts;
                    Interlocked.Add(ref stored[writer], counts.Stored);
                }
            }).ToList();
            await Eventually.IsTrueAsync(
                () => Task.FromResult(Array.TrueForAll(stored, rows => rows > 0)), "both writers have stored rows");

            await new DeviceForgetter(database.Source, Table).ForgetAsync(Device, Begin.AddYears(1), _ => { }, Stop);
            var left = await database.RowsAsync("conditions", Stop);
            await end.CancelAsync();
            await Task.WhenAll(writers);

            Assert.Equal((0, 0), (left, await database.RowsAsync("conditions", Stop)));
            await database.ScalarAsync<int>(
                "DELETE FROM forgotten_devices; UPDATE forgotten_state SET version = version + 1; SELECT 1", Stop);
        }
    }

    [Fact]
    public async Task Ended_in_the_middle_it_goes_on_and_compressed_chunks_are_no_obstacle()
    {
        await using var database = await TestDatabase.CreateAsync(Server.Timescale, postgres, timescale, Stop);
        await using var pipeline = new IngestPipeline(database.Source, new IngestSettings { Database = { Copy = database.Copy } });
        RawEvent[] messages =
            [.. Enumerable.Range(0, 400).Select(number => Message(number, $"device-{number % 4}", Begin.AddHours(number / 4)))];
        await pipeline.ProcessAsync(messages, null, Stop);
        await database.ScalarAsync<long>("SELECT count(compress_chunk(chunk)) FROM show_chunks('conditions') AS chunk", Stop);
        var forgetter = new DeviceForgetter(database.Source, Table);
        using var end = new CancellationTokenSource();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => forgetter.ForgetAsync(Device, Begin.AddDays(60), _ => end.Cancel(), end.Token));
        var left = await database.ScalarAsync<long>($"SELECT count(*) FROM conditions WHERE device = '{Device}'", Stop);
        var rest = await forgetter.ForgetAsync(Device, Begin.AddDays(60), _ => { }, Stop);
        var again = (await pipeline.ProcessAsync(messages, null, Stop)).Counts;

        Assert.InRange(left, 1, 99);
        Assert.Equal(left, rest.Rows);
        Assert.Equal(300, await database.RowsAsync("conditions", Stop));
        Assert.Equal(new ReadingCounts(Received: 400, Duplicate: 300, Ignored: 100), again);
    }

    private static long Number(CliResult result, string name) => result.Json.GetProperty(name).GetInt64();

    private static Checkpoint Move(StoredCheckpoint claim, long? from, long to) =>
        new(claim.Partition, claim.Epoch, from, new Position($"{to}", to, Begin));

    private static RawEvent[] Messages(int first, int count) =>
        [.. Enumerable.Range(first, count).Select(number => Message(number, Device, Begin.AddMilliseconds(number)))];

    private static RawEvent Bad(int number) => new()
    {
        Hub = "hub",
        Partition = "0",
        Offset = $"{number}",
        SequenceNumber = number,
        EnqueuedTime = Begin,
        RowTime = Begin,
        DeviceId = Device,
        Body = "no JSON"u8.ToArray(),
    };

    private static RawEvent Message(int number, string device, DateTime stamp) => new()
    {
        Hub = "hub",
        Partition = "0",
        Offset = $"{number}",
        SequenceNumber = number,
        EnqueuedTime = stamp,
        RowTime = stamp,
        DeviceId = device,
        Body = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $$"""{"temperature":{{number}}}""")),
    };
}
