using Ingest.Checkpoints;
using Ingest.Events;
using Ingest.Sources.Archives;
using Ingest.Sources.EventHubs;
using Ingest.TestSupport;
using Ingest.TestSupport.Archives;
using Ingest.TestSupport.Databases;
using Ingest.TestSupport.Processes;
using Xunit;

namespace Ingest.IntegrationTests.Archives;

/// <summary>A replay of an archive that is killed, repeated or started twice.</summary>
public sealed class ArchiveResumeTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Killed_anywhere_the_same_command_goes_on_and_the_counts_are_those_of_one_run()
    {
        const int Messages = 120_000;
        await using var stage = await ArchiveStage.CreateAsync(postgres);
        stage.Folder.Add(ArchiveWriter.Routed(ArchiveStage.Messages(Messages / 2)));
        stage.Folder.Add(ArchiveWriter.Captured(ArchiveStage.Messages(Messages / 2, first: Messages / 2)));
        for (var kill = 1; kill <= 3; kill++)
        {
            await using var killed = stage.Start();
            var rows = await stage.CountAsync();
            await Eventually.IsTrueAsync(async () => killed.HasEnded || await stage.CountAsync() > rows, "rows are stored");
            Assert.False(killed.HasEnded);
            if (kill == 2)
            {
                await killed.TerminateAsync();
                var stopped = await killed.EndAsync();
                Assert.Equal(1, stopped.ExitCode);
                Assert.Contains("Stopped before the end", stopped.Errors, StringComparison.Ordinal);
            }
            else
            {
                await killed.KillAsync();
            }
        }

        var last = await stage.ReplayAsync();

        Assert.True(last.ExitCode == 0, last.ToString());
        Assert.Equal(Messages, await stage.CountAsync());
        Assert.Equal(Messages, last.Json.GetProperty("received").GetInt64());
        Assert.Equal(Messages, last.Json.GetProperty("stored").GetInt64());
    }

    [Fact]
    public async Task What_has_been_read_is_not_read_again_and_new_files_are()
    {
        await using var stage = await ArchiveStage.CreateAsync(postgres);
        var messages = ArchiveStage.Messages(300);
        stage.Folder.Add(ArchiveWriter.Routed(messages[..100]));
        stage.Folder.Add(ArchiveWriter.Routed([]));
        await stage.ReplayAsync();
        stage.Folder.Add(ArchiveWriter.Routed(messages[100..]));
        await stage.ExecuteAsync("DELETE FROM conditions");

        var replay = await stage.ReplayAsync();

        Assert.Contains("2 files had been read to their end by an earlier run", replay.Errors, StringComparison.Ordinal);
        Assert.Equal(300, replay.Json.GetProperty("received").GetInt64());
        Assert.Equal(200, await stage.CountAsync());

        // Not for another range, nor when told to begin again.
        await stage.ReplayAsync("--to", $"{messages[50].Stamp:O}");
        Assert.Equal(200 + messages.Count(message => message.Stamp < messages[50].Stamp), await stage.CountAsync());

        var restarted = await stage.ReplayAsync("--restart");
        Assert.Equal(300, restarted.Json.GetProperty("received").GetInt64());
        Assert.Equal(300, await stage.CountAsync());
    }

    [Fact]
    public async Task An_archives_places_are_no_partitions_of_a_hub()
    {
        await using var stage = await ArchiveStage.CreateAsync(postgres);
        stage.Folder.Add(ArchiveWriter.Routed(ArchiveStage.Messages(10)));
        await stage.ReplayAsync();

        var status = await CliProcess.RunAsync(stage.Environment, "status", "--json");

        Assert.Equal(0, status.Json.GetProperty("checkpoints").GetArrayLength());
    }

    [Fact]
    public async Task A_replay_that_was_silent_for_too_long_hears_that_another_has_taken_over()
    {
        await using var stage = await ArchiveStage.CreateAsync(postgres);
        var owners = new PartitionOwnerTable(stage.Owner);
        await using var silent = await ClaimAsync();
        await stage.ExecuteAsync("UPDATE partition_owners SET last_modified = now() - interval '1 minute'");

        await using var second = await ClaimAsync();

        await Eventually.IsTrueAsync(() => silent.Lost.IsCancellationRequested);
        Assert.False(second.Lost.IsCancellationRequested);

        Task<ArchiveClaim> ClaimAsync() => ArchiveClaim.TakeAsync(
            owners, "archive", "$archive", _ => { }, TimeProvider.System, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_second_replay_of_an_archive_says_who_is_at_it()
    {
        await using var stage = await ArchiveStage.CreateAsync(postgres);
        stage.Folder.Add(ArchiveWriter.Routed(ArchiveStage.Messages(10)));
        var options = new ArchiveReplayOptions(
            new ReplayRange(DateTime.MinValue), "conditions", EventFields.Default);
        await using (await ArchiveClaim.TakeAsync(
            new PartitionOwnerTable(stage.Owner),
            stage.Folder.Path,
            options.ConsumerGroup,
            _ => { },
            TimeProvider.System,
            TestContext.Current.CancellationToken))
        {
            var second = await stage.ReplayAsync();

            Assert.Equal(2, second.ExitCode);
            Assert.Contains("Another replay of", second.Errors, StringComparison.Ordinal);
            Assert.Equal(0, await stage.CountAsync());
        }

        Assert.Equal(0, (await stage.ReplayAsync()).ExitCode);
        Assert.Equal(10, await stage.CountAsync());
    }
}
