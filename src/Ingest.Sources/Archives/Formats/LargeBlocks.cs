namespace Ingest.Sources.Archives.Formats;

/// <summary>
/// Lets one file at a time read large blocks, from its first one to its end: a block is in memory whole, and its messages keep it there.
/// </summary>
internal sealed class LargeBlocks : IDisposable
{
    /// <summary>From how many bytes on a block is large.</summary>
    public const int Bytes = 4 * 1024 * 1024;

    private readonly SemaphoreSlim _one = new(1);

    public Task EnterAsync(CancellationToken cancellationToken) => _one.WaitAsync(cancellationToken);

    public void Leave() => _one.Release();

    public void Dispose() => _one.Dispose();
}
