using Avro.File;
using Ingest.IntegrationTests.Support;
using Ingest.TestSupport.Archives;
using Ingest.TestSupport.Databases;
using Ingest.TestSupport.Processes;
using Xunit;

namespace Ingest.IntegrationTests.Archives;

/// <summary>The command line over archives of what a worker has stored.</summary>
public sealed class ArchiveReplayCommandTests(PostgresFixture postgres)
{
    private static readonly Dictionary<string, string> NoSettings = [];

    [Theory]
    [InlineData(Codec.Type.Null)]
    [InlineData(Codec.Type.Deflate)]
    public async Task What_the_worker_has_stored_gets_no_second_row_from_the_archive(Codec.Type codec)
    {
        await using var stage = await WorkerStage.CreateAsync(postgres, faults: true);
        await stage.SendAsync(2_000);
        await stage.RunWorkerAsync(stage.Ledger.Expected.Received);
        using var archive = new ArchiveFolder();
        foreach (var messages in stage.Routed().Chunk(300))
        {
            archive.Add(ArchiveWriter.Routed(messages, codec));
        }

        var replay = await CliProcess.RunAsync(stage.Environment, "replay", "--archive", archive.Path, "--json");

        Assert.True(replay.ExitCode == 0, replay.ToString());
        Assert.Equal(0, replay.Json.GetProperty("stored").GetInt64());
        Assert.Equal(
            stage.Ledger.Expected.Received - stage.Ledger.Expected.Ignored, replay.Json.GetProperty("received").GetInt64());
        Assert.Equal(stage.Ledger.Expected, await stage.CountsAsync());
    }

    [Fact]
    public async Task Until_live_the_hub_goes_on_where_the_archive_ends()
    {
        await using var stage = await WorkerStage.CreateAsync(postgres);
        await stage.SendAsync(1_000);
        using var archive = new ArchiveFolder();
        archive.Add(ArchiveWriter.Routed(stage.Routed().Take(600)));

        var replay = await CliProcess.RunAsync(stage.Environment, "replay", "--archive", archive.Path, "--until-live", "--json");

        Assert.True(replay.ExitCode == 0, replay.ToString());
        Assert.Equal(1_000, replay.Json.GetProperty("stored").GetInt64());
        Assert.Equal(600, replay.Json.GetProperty("duplicate").GetInt64());
    }

    [Theory]
    [InlineData(10)]
    [InlineData(0)]
    public async Task Until_live_what_neither_archive_nor_hub_has_is_told(int left)
    {
        await using var stage = await WorkerStage.CreateAsync(postgres);
        await stage.SendAsync(1_000);
        using var archive = new ArchiveFolder();
        archive.Add(ArchiveWriter.Routed(stage.Routed().Take(600)));
        var ofPartition2 = stage.Sent.Count(message => message.Number % 4 == 2);
        stage.Hub.DropBefore("2", ofPartition2 - left);

        var replay = await CliProcess.RunAsync(stage.Environment, "replay", "--archive", archive.Path, "--until-live", "--json");

        Assert.Equal(1, replay.ExitCode);
        Assert.Contains("Between the archive and the hub there may be a gap", replay.Errors, StringComparison.Ordinal);
        Assert.InRange(replay.Json.GetProperty("stored").GetInt64(), 600, 999);
    }

    [Fact]
    public async Task A_dry_run_decodes_and_counts_without_a_database()
    {
        using var archive = new ArchiveFolder();
        var messages = ArchiveStage.Messages(100);
        archive.Add(ArchiveWriter.Captured([.. messages, messages[0] with { Body = "no JSON"u8.ToArray() }]));
        archive.Add("{\"torn"u8.ToArray());

        var replay = await CliProcess.RunAsync(NoSettings, "replay", "--archive", archive.Path, "--dry-run", "--json");

        Assert.Equal(1, replay.ExitCode);
        Assert.Equal(101, replay.Json.GetProperty("received").GetInt64());
        Assert.Equal(100, replay.Json.GetProperty("stored").GetInt64());
        Assert.Equal(1, replay.Json.GetProperty("deadLettered").GetInt64());
        Assert.Contains("00001, from its first record on: its line is no JSON", replay.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--partition is for reading the hub", "--archive", "/tmp", "--partition", "1")]
    [InlineData("leave out --to", "--archive", "/tmp", "--until-live", "--to", "1h")]
    [InlineData("leave out --dry-run", "--archive", "/tmp", "--until-live", "--dry-run")]
    [InlineData("or --archive, to replay from files", "--partition", "1")]
    [InlineData("There is no folder '/nowhere'", "--archive", "/nowhere", "--dry-run")]
    [InlineData("--path-template names {year}", "--archive", "/tmp", "--path-template", "{year}", "--dry-run")]
    public async Task Options_that_cannot_be_used_are_refused_in_words(string sentence, params string[] arguments)
    {
        var replay = await CliProcess.RunAsync(NoSettings, ["replay", .. arguments]);

        Assert.Equal(2, replay.ExitCode);
        Assert.Contains(sentence, replay.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_archive_whose_stamps_cannot_match_is_refused_unless_told_to_go_on()
    {
        await using var stage = await ArchiveStage.CreateAsync(postgres);
        stage.Folder.Add(ArchiveWriter.Captured(ArchiveStage.Messages(10), annotations: false));

        var refused = await stage.ReplayAsync();

        Assert.Equal(2, refused.ExitCode);
        Assert.Contains("whole seconds", refused.Errors, StringComparison.Ordinal);
        Assert.Contains("add --accept-other-stamps", refused.Errors, StringComparison.Ordinal);
        Assert.Equal(0, await stage.CountAsync());

        Assert.Equal(0, (await stage.ReplayAsync("--accept-other-stamps")).ExitCode);
        Assert.Equal(10, await stage.CountAsync());
    }
}
