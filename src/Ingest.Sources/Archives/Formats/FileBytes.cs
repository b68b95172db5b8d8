namespace Ingest.Sources.Archives.Formats;

/// <summary>A file's bytes in order, up to the length it had when the archive was listed.</summary>
internal sealed class FileBytes(Stream stream, long length) : IAsyncDisposable
{
    private const int FirstBytes = 128 * 1024;

    private byte[] _buffer = new byte[Math.Clamp(length, 1, FirstBytes)];
    private int _start;
    private int _end;
    private long _read;

    /// <summary>What is read ahead and not yet taken.</summary>
    public ReadOnlySpan<byte> Ahead => _buffer.AsSpan(_start, _end - _start);

    /// <summary>How many bytes are taken.</summary>
    public long Position => _read - (_end - _start);

    /// <summary>How many there are to take.</summary>
    public long Left => length - Position;

    /// <summary>Reads more ahead.</summary>
    /// <returns>False where there is no more.</returns>
    public async ValueTask<bool> ReadAheadAsync(CancellationToken cancellationToken)
    {
        if (_read == length)
        {
            return false;
        }

        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }

        if (_end == _buffer.Length)
        {
            Array.Resize(ref _buffer, _buffer.Length * 2);
        }

        return await ReadAsync(cancellationToken) > 0;
    }

    /// <summary>Reads ahead until there are so many bytes, or all that are left.</summary>
    public async ValueTask<bool> HaveAsync(int count, CancellationToken cancellationToken)
    {
        while (_end - _start < count)
        {
            if (!await ReadAheadAsync(cancellationToken))
            {
                return false;
            }
        }

        return true;
    }

    public void Take(int count) => _start += count;

    /// <summary>Takes bytes that are there, by <see cref="Left"/>, into an array of their own.</summary>
    /// <exception cref="UnreadableFileException">The file has become shorter.</exception>
    public async ValueTask<byte[]> TakeAsync(int count, CancellationToken cancellationToken)
    {
        var taken = new byte[count];
        var at = Math.Min(count, _end - _start);
        _buffer.AsSpan(_start, at).CopyTo(taken);
        _start += at;
        while (at < count)
        {
            var read = await stream.ReadAsync(taken.AsMemory(at), cancellationToken);
            if (read == 0)
            {
                throw Shorter();
            }

            _read += read;
            at += read;
        }

        return taken;
    }

    public ValueTask DisposeAsync() => stream.DisposeAsync();

    private async ValueTask<int> ReadAsync(CancellationToken cancellationToken)
    {
        var read = await stream.ReadAsync(
            _buffer.AsMemory(_end, (int)Math.Min(_buffer.Length - _end, length - _read)), cancellationToken);
        if (read == 0)
        {
            throw Shorter();
        }

        _end += read;
        _read += read;
        return read;
    }

    private UnreadableFileException Shorter() => new(
        FormattableString.Invariant($"it ends after {_read} bytes, and had {length} when the archive was listed"));
}
