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
}
