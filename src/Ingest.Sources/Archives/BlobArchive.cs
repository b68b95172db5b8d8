using System.Globalization;
using System.Runtime.CompilerServices;
using Azure;
using Azure.Core;
using Azure.Identity;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Ingest.Sources.EventHubs;

namespace Ingest.Sources.Archives;

/// <summary>An archive in a container of Azure Blob Storage.</summary>
public sealed class BlobArchive : Archive
{
    // What a folder of a hierarchical namespace is listed as.
    private const string FolderMark = "hdi_isfolder";

    private const string Archived =
        "it lies in the archive tier, and must be rehydrated before it can be read: set its tier to hot, cool or cold, and wait some hours";

    private readonly BlobContainerClient _container;

    private BlobArchive(BlobContainerClient container)
    {
        _container = container;
        Name = new UriBuilder(container.Uri) { Query = "" }.Uri.AbsoluteUri.TrimEnd('/');
    }

    public override string Name { get; }

    public override int FilesAtATime => 32;

    /// <summary>Whether a location is a URL, and so no folder.</summary>
    public static bool IsUrl(string location) =>
        location.StartsWith("https://", StringComparison.OrdinalIgnoreCase)
        || location.StartsWith("http://", StringComparison.OrdinalIgnoreCase);

    /// <summary>The container at a URL.</summary>
    /// <param name="url">The container's URL; it may end with a shared access signature.</param>
    /// <param name="settings">How to log in; with neither, and no signature in the URL, by <paramref name="credential"/>.</param>
    /// <param name="credential">A Microsoft Entra identity.</param>
    /// <exception cref="ArchiveException">The URL or the settings cannot be used.</exception>
    public static BlobArchive Open(string url, ArchiveSettings settings, TokenCredential credential)
    {
        ArgumentNullException.ThrowIfNull(settings);
        if (!Uri.TryCreate(url, UriKind.Absolute, out var address)
            || new BlobUriBuilder(address) is not { BlobContainerName.Length: > 0 } parts)
        {
            throw new ArchiveException(
                "--archive takes a folder, or a container's URL like https://account.blob.core.windows.net/container; this URL names no "
                    + "container.");
        }

        if (parts.BlobName.Length > 0)
        {
            throw new ArchiveException(
                $"--archive names '{parts.BlobName}' in the container '{parts.BlobContainerName}': name the container alone, and what is "
                    + "in it with --prefix.");
        }

        var plain = new UriBuilder(address) { Query = "" }.Uri;
        try
        {
            return new BlobArchive(
                settings.ConnectionString.Length > 0 ? OfAccount(settings.ConnectionString, parts.BlobContainerName, plain)
                : settings.SharedAccessSignature.Length > 0
                    ? new BlobContainerClient(plain, new AzureSasCredential(settings.SharedAccessSignature.TrimStart('?')))
                : parts.Sas is not null ? new BlobContainerClient(address)
                : new BlobContainerClient(plain, credential));
        }
        catch (Exception exception) when (exception is ArgumentException or FormatException)
        {
            throw new ArchiveException(
                $"The container {plain} cannot be opened: {exception.Message} See Archive:ConnectionString and "
                    + "Archive:SharedAccessSignature.",
                exception);
        }
    }

    public override async IAsyncEnumerable<ArchiveFile> ListAsync(
        string prefix, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var blobs = _container
            .GetBlobsAsync(BlobTraits.Metadata, BlobStates.None, prefix.Length > 0 ? prefix : null, cancellationToken)
            .GetAsyncEnumerator(cancellationToken);
        while (await NextAsync(blobs, cancellationToken))
        {
            var blob = blobs.Current;
            if (!(blob.Metadata.TryGetValue(FolderMark, out var isFolder) && bool.TryParse(isFolder, out var folder) && folder))
            {
                yield return new ArchiveFile(
                    blob.Name,
                    blob.Properties.ContentLength ?? 0,
                    VersionOf(blob.Properties.ETag),
                    blob.Properties.AccessTier == AccessTier.Archive ? Archived : null);
            }
        }
    }

    public override async Task<Stream> OpenAsync(ArchiveFile file, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(file);
        var download = await _container.GetBlobClient(file.Name).DownloadStreamingAsync(cancellationToken: cancellationToken);
        return download.Value.Content;
    }

    public override async Task<ArchiveFile?> FindAsync(string name, CancellationToken cancellationToken)
    {
        try
        {
            var properties = await _container.GetBlobClient(name).GetPropertiesAsync(cancellationToken: cancellationToken);
            return new ArchiveFile(name, properties.Value.ContentLength, VersionOf(properties.Value.ETag));
        }
        catch (RequestFailedException exception) when (exception.Status == 404)
        {
            return null;
        }
    }

    public override string? Explain(Exception exception) => exception switch
    {
        RequestFailedException { ErrorCode: "BlobArchived" } => Archived,
        RequestFailedException { ErrorCode: "ContainerNotFound" } => "there is no such container",
        RequestFailedException { Status: 404 } => "it was there when the archive was listed, and is gone now",
        RequestFailedException { Status: 409 or 412 } => "it changes while it is read: run the command again",
        RequestFailedException { Status: 401 or 403 } refused => string.Create(
            CultureInfo.InvariantCulture,
            $"the storage account refuses access ({refused.Status} {refused.ErrorCode}): see Archive:ConnectionString and "
                + $"Archive:SharedAccessSignature, or give the identity the role Storage Blob Data Reader"),
        RequestFailedException { Status: 0 } silent => $"the storage account does not answer: {silent.Message}",
        RequestFailedException answered => string.Create(
            CultureInfo.InvariantCulture, $"the storage account answers {answered.Status} {answered.ErrorCode}"),
        AuthenticationFailedException login => EntraLogin.Sentence(login, "the storage account").TrimEnd('.'),
        AggregateException several => Explain(several.GetBaseException())
            ?? $"the storage account does not answer: {several.GetBaseException().Message}",
        IOException or TimeoutException => $"the connection to the storage account fails: {exception.Message}",
        OperationCanceledException => "the storage account does not answer in time",
        _ => null,
    };

    private static string VersionOf(ETag? tag) => tag?.ToString() ?? "";

    private static BlobContainerClient OfAccount(string connectionString, string container, Uri url)
    {
        var client = new BlobContainerClient(connectionString, container);
        return Uri.Compare(client.Uri, url, UriComponents.HostAndPort, UriFormat.Unescaped, StringComparison.OrdinalIgnoreCase) == 0
            ? client
            : throw new ArchiveException(
                $"Archive:ConnectionString is for {client.Uri.Authority}, and --archive names {url.Authority}: correct one of them.");
    }

    private async ValueTask<bool> NextAsync(IAsyncEnumerator<BlobItem> blobs, CancellationToken cancellationToken)
    {
        try
        {
            return await blobs.MoveNextAsync();
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested && Explain(exception) is { } clause)
        {
            throw new ArchiveException($"The container {Name} cannot be listed: {clause}.", exception);
        }
    }
}
