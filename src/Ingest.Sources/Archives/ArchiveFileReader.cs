using Ingest.Checkpoints;
using Ingest.Events;
using Ingest.Sources.Archives.Formats;

namespace Ingest.Sources.Archives;

/// <summary>The messages of one file.</summary>
internal sealed class ArchiveFileReader : IAsyncDisposable
{
    private readonly FileBytes _bytes;
    private readonly MessageReader? _messages;

    private ArchiveFileReader(FileBytes bytes, MessageReader? messages)
    {
        _bytes = bytes;
        _messages = messages;
    }

    /// <summary>Bytes read.</summary>
    public long Position => _bytes.Position;

    /// <summary>Messages read.</summary>
    public long Record => _messages?.Record ?? 0;

    /// <exception cref="UnreadableFileException">It is of no known format.</exception>
    public static async Task<ArchiveFileReader> OpenAsync(
        Archive archive, ArchiveFile file, ArchiveReplayOptions options, LargeBlocks large, CancellationToken cancellationToken)
    {
        var bytes = new FileBytes(
            file.Length == 0 ? Stream.Null : await archive.OpenAsync(file, cancellationToken), file.Length);
        try
        {
            var context = new MessageContext(
                archive.Name,
                file.Name,
                ArchiveCheckpoints.Within(file.Version),
                options.Fields,
                options.AcceptOtherStamps,
                new SharedNames(),
                large);
            return new ArchiveFileReader(bytes, await MessageReader.OpenAsync(bytes, context, cancellationToken));
        }
        catch
        {
            await bytes.DisposeAsync();
            throw;
        }
    }

    /// <summary>The next message; null at the end.</summary>
    public ValueTask<RawEvent?> ReadAsync(CancellationToken cancellationToken) =>
        _messages is null ? new(default(RawEvent)) : _messages.ReadAsync(cancellationToken);

    public ValueTask DisposeAsync()
    {
        _messages?.Dispose();
        return _bytes.DisposeAsync();
    }

}
