using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Sas;
using Ingest.TestSupport.Archives;
using Ingest.TestSupport.Databases;
using Ingest.TestSupport.Processes;
using Xunit;

namespace Ingest.IntegrationTests.Archives;

/// <summary>Archives in a container of blobs.</summary>
public sealed class BlobArchiveTests(PostgresFixture postgres, Azurite azurite)
{
    private static readonly List<ArchivedMessage> Messages = ArchiveStage.Messages(500);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("connection string")]
    [InlineData("signature in the settings")]
    [InlineData("signature in the URL")]
    public async Task Blobs_are_replayed_whatever_the_login(string login)
    {
        await using var stage = await ArchiveStage.CreateAsync(postgres);
        var container = await FilledAsync();
        var url = container.Uri.ToString();
        var signature = container.GenerateSasUri(
            BlobContainerSasPermissions.Read | BlobContainerSasPermissions.List, TimeProvider.System.GetUtcNow().AddHours(1)).Query;
        switch (login)
        {
            case "connection string":
                stage.Environment["Archive__ConnectionString"] = await azurite.ConnectionStringAsync();
                break;
            case "signature in the settings":
                stage.Environment["Archive__SharedAccessSignature"] = signature;
                break;
            default:
                url += signature;
                break;
        }

        var replay = await CliProcess.RunAsync(stage.Environment, "replay", "--archive", url, "--json");

        Assert.True(replay.ExitCode == 0, replay.ToString());
        Assert.Equal(Messages.Count, replay.Json.GetProperty("stored").GetInt64());
        Assert.DoesNotContain(signature[^20..], replay.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_prefix_takes_the_blobs_below_it_alone()
    {
        await using var stage = await StageAsync();
        var container = await FilledAsync();

        var replay = await CliProcess.RunAsync(
            stage.Environment, "replay", "--archive", container.Uri.ToString(), "--prefix", "hub/1/", "--json");

        Assert.Equal(100, replay.Json.GetProperty("stored").GetInt64());
    }

    [Fact]
    public async Task What_lies_in_the_archive_tier_is_named_before_anything_is_read_and_folders_are_no_files()
    {
        await using var stage = await StageAsync();
        var container = await FilledAsync();
        await container.GetBlobClient("hub/1/05").SetAccessTierAsync(AccessTier.Archive, cancellationToken: Cancel);
        await container.GetBlobClient("hub").UploadAsync(
            new MemoryStream(), new BlobUploadOptions { Metadata = new Dictionary<string, string> { ["hdi_isfolder"] = "true" } }, Cancel);

        var replay = await CliProcess.RunAsync(stage.Environment, "replay", "--archive", container.Uri.ToString(), "--json");

        Assert.Equal(1, replay.ExitCode);
        Assert.Contains("5 files of", replay.Errors, StringComparison.Ordinal);
        Assert.Contains("of these 1 files of", replay.Errors, StringComparison.Ordinal);
        Assert.Contains("hub/1/05, from its first record on: it lies in the archive tier", replay.Errors, StringComparison.Ordinal);
        Assert.Equal(400, replay.Json.GetProperty("stored").GetInt64());
    }

    [Theory]
    [InlineData("/nothing-here", "there is no such container")]
    [InlineData("/archive-1/hub/0", "name the container alone, and what is in it with --prefix")]
    [InlineData("", "this URL names no container")]
    public async Task A_container_that_cannot_be_read_is_told_in_words(string path, string sentence)
    {
        await using var stage = await StageAsync();
        var account = new BlobServiceClient(await azurite.ConnectionStringAsync()).Uri.ToString().TrimEnd('/');

        var replay = await CliProcess.RunAsync(stage.Environment, "replay", "--archive", account + path);

        Assert.Equal(2, replay.ExitCode);
        Assert.Contains(sentence, replay.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_signature_that_is_refused_is_told_in_words()
    {
        await using var stage = await ArchiveStage.CreateAsync(postgres);
        var container = await FilledAsync();
        var url = container.GenerateSasUri(BlobContainerSasPermissions.Read, TimeProvider.System.GetUtcNow().AddHours(1));

        var replay = await CliProcess.RunAsync(stage.Environment, "replay", "--archive", url.ToString());

        Assert.Equal(2, replay.ExitCode);
        Assert.Contains("the storage account refuses access (403", replay.Errors, StringComparison.Ordinal);
    }

    private async Task<ArchiveStage> StageAsync()
    {
        var stage = await ArchiveStage.CreateAsync(postgres);
        stage.Environment["Archive__ConnectionString"] = await azurite.ConnectionStringAsync();
        return stage;
    }

    // Four blobs of partition 0 and one of partition 1.
    private async Task<BlobContainerClient> FilledAsync()
    {
        var container = await azurite.ContainerAsync();
        for (var blob = 0; blob < 5; blob++)
        {
            await container.UploadBlobAsync(
                blob < 4 ? $"hub/0/0{blob}" : "hub/1/05", new BinaryData(ArchiveWriter.Routed(Messages.GetRange(100 * blob, 100))));
        }

        return container;
    }
}
