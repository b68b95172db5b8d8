using System.IO.Compression;
using System.Text;

namespace Ingest.Sources.Archives.Formats;

/// <summary>
/// The blocks of an Avro file, each proven by its sync marker before it is handed out. Reads the container by itself, because the library's
/// reader takes a block without records for the end of the file, and asks for as much memory as a damaged length says.
/// </summary>
internal sealed class AvroBlocks : IDisposable
{
    private const int SyncBytes = 16;
    private const int LargestBlockBytes = 128 * 1024 * 1024;
    private const int MostMetadata = 1_000;
    private const int LargestMetadataBytes = 1024 * 1024;

    private readonly FileBytes _bytes;
    private readonly LargeBlocks _large;
    private readonly byte[] _sync;
    private readonly bool _deflated;
    private bool _hasLarge;

    private AvroBlocks(FileBytes bytes, LargeBlocks large, AvroType schema, bool deflated, byte[] sync)
    {
        _bytes = bytes;
        _large = large;
        Schema = schema;
        _deflated = deflated;
        _sync = sync;
    }

    public static ReadOnlySpan<byte> Magic => "Obj\u0001"u8;

    /// <summary>The schema that the file was written with.</summary>
    public AvroType Schema { get; }

    /// <summary>Reads the header.</summary>
    /// <exception cref="UnreadableFileException">It is damaged, or its codec is unknown.</exception>
    public static async Task<AvroBlocks> OpenAsync(FileBytes bytes, LargeBlocks large, CancellationToken cancellationToken)
    {
        bytes.Take(Magic.Length);
        var metadata = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        long entries;
        while ((entries = await EntriesAsync(bytes, cancellationToken)) > 0)
        {
            for (; entries > 0; entries--)
            {
                var name = Encoding.UTF8.GetString(await TextAsync(bytes, cancellationToken));
                metadata[name] = await TextAsync(bytes, cancellationToken);
                if (metadata.Count > MostMetadata)
                {
                    throw new UnreadableFileException($"its header has more than {MostMetadata} entries");
                }
            }
        }

        if (!metadata.TryGetValue("avro.schema", out var schema))
        {
            throw new UnreadableFileException("its header names no schema");
        }

        var codec = metadata.TryGetValue("avro.codec", out var named) ? Encoding.UTF8.GetString(named) : "null";
        if (codec is not ("null" or "deflate"))
        {
            throw new UnreadableFileException(
                $"it is compressed with '{codec}', and only 'deflate' and 'null' (none) are read, which IoT Hub and Event Hubs write: "
                    + "write it anew with one of them");
        }

        var type = AvroSchema.Parse(schema);
        return bytes.Left >= SyncBytes
            ? new AvroBlocks(bytes, large, type, codec == "deflate", await bytes.TakeAsync(SyncBytes, cancellationToken))
            : throw new UnreadableFileException("it ends in its header");
    }

    /// <summary>The next block that has records; those that have none are passed over. Null at the end of the file.</summary>
    /// <exception cref="UnreadableFileException">It is damaged, or not there to its end.</exception>
    public async ValueTask<(long Records, ReadOnlyMemory<byte> Bytes)?> NextAsync(CancellationToken cancellationToken)
    {
        while (_bytes.Left > 0)
        {
            if (await _bytes.HaveAsync(Magic.Length, cancellationToken) && _bytes.Ahead.StartsWith(Magic))
            {
                throw new UnreadableFileException("another Avro file begins after its last block: make them two");
            }

            var records = await NumberAsync(_bytes, cancellationToken);
            var size = await NumberAsync(_bytes, cancellationToken);
            if (records < 0 || size < 0)
            {
                throw new UnreadableFileException($"a block of {records} records in {size} bytes");
            }

            if (size > _bytes.Left - SyncBytes)
            {
                throw new UnreadableFileException($"it ends within a block of {records} records: {size} bytes, and {_bytes.Left} are left");
            }

            if (size > LargestBlockBytes)
            {
                throw new UnreadableFileException($"a block of {size} bytes: at the most {LargestBlockBytes} are read at a time");
            }

            if (size > LargeBlocks.Bytes / (_deflated ? 4 : 1) && !_hasLarge)
            {
                await _large.EnterAsync(cancellationToken);
                _hasLarge = true;
            }

            ReadOnlyMemory<byte> block = await _bytes.TakeAsync((int)size, cancellationToken);
            var marker = await _bytes.TakeAsync(SyncBytes, cancellationToken);
            if (!_sync.AsSpan().SequenceEqual(marker))
            {
                throw new UnreadableFileException("the marker after a block is not the one of its header: it is damaged");
            }

            if (records > 0)
            {
                block = _deflated ? Inflated(block) : block;
                return records <= block.Length
                    ? (records, block)
                    : throw new UnreadableFileException($"a block of {records} records in {block.Length} bytes");
            }
        }

        return null;
    }

    public void Dispose()
    {
        if (_hasLarge)
        {
            _hasLarge = false;
            _large.Leave();
        }
    }

    private static ReadOnlyMemory<byte> Inflated(ReadOnlyMemory<byte> deflated)
    {
        try
        {
            return Inflate(deflated);
        }
        catch (InvalidDataException exception)
        {
            throw new UnreadableFileException($"a block cannot be inflated: {exception.Message}", exception);
        }
    }

    private static ReadOnlyMemory<byte> Inflate(ReadOnlyMemory<byte> deflated)
    {
        using var inflater = new DeflateStream(
            new MemoryStream(System.Runtime.InteropServices.MemoryMarshal.TryGetArray(deflated, out var bytes) ? bytes.Array! : []),
            CompressionMode.Decompress);
        var inflated = new byte[Math.Clamp(4L * deflated.Length, 256, LargestBlockBytes)];
        var length = 0;
        int read;
        while ((read = inflater.Read(inflated, length, inflated.Length - length)) > 0)
        {
            length += read;
            if (length == LargestBlockBytes)
            {
                throw new UnreadableFileException($"a block that inflates to more than {LargestBlockBytes} bytes");
            }

            if (length == inflated.Length)
            {
                Array.Resize(ref inflated, (int)Math.Min(2L * inflated.Length, LargestBlockBytes));
            }
        }

        return inflated.AsMemory(0, length);
    }

    private static async ValueTask<long> EntriesAsync(FileBytes bytes, CancellationToken cancellationToken)
    {
        var entries = await NumberAsync(bytes, cancellationToken);
        if (entries < 0)
        {
            await NumberAsync(bytes, cancellationToken);
        }

        return entries == long.MinValue ? long.MaxValue : Math.Abs(entries);
    }

    private static async ValueTask<byte[]> TextAsync(FileBytes bytes, CancellationToken cancellationToken)
    {
        var length = await NumberAsync(bytes, cancellationToken);
        return length >= 0 && length <= Math.Min(bytes.Left, LargestMetadataBytes)
            ? await bytes.TakeAsync((int)length, cancellationToken)
            : throw new UnreadableFileException($"its header holds a text of {length} bytes");
    }

    private static async ValueTask<long> NumberAsync(FileBytes bytes, CancellationToken cancellationToken)
    {
        await bytes.HaveAsync(Varint.LongestBytes, cancellationToken);
        if (!Varint.TryRead(bytes.Ahead, out var value, out var length))
        {
            throw new UnreadableFileException(bytes.Left < Varint.LongestBytes ? "it ends within a number" : "a number without end");
        }

        bytes.Take(length);
        return value;
    }
}
