using Ingest.Events;

namespace Ingest.Sources.Archives.Formats;

/// <summary>What the messages of a file are read with.</summary>
/// <param name="Archive">See <see cref="RawEvent.Hub"/>.</param>
/// <param name="File">See <see cref="RawEvent.Partition"/>.</param>
/// <param name="Version">See <see cref="ArchiveFile.Version"/>; each message's <see cref="RawEvent.Offset"/>.</param>
/// <param name="Fields">What the pipeline asks for.</param>
/// <param name="AcceptOtherStamps">Whether to read messages whose stamps cannot equal those of live rows.</param>
/// <param name="Names">Text that repeats.</param>
/// <param name="LargeBlocks">Bounds the memory of several files.</param>
internal sealed record MessageContext(
    string Archive, string File, string Version, EventFields Fields, bool AcceptOtherStamps, SharedNames Names, LargeBlocks LargeBlocks);

/// <summary>The messages of a file in their order, numbered from 1.</summary>
internal abstract class MessageReader(MessageContext context) : IDisposable
{
    /// <summary>How many messages are read.</summary>
    public long Record { get; private set; }

    protected MessageContext Context { get; } = context;

    /// <summary>Recognises a file by its first bytes.</summary>
    /// <returns>Null for a file without any message.</returns>
    /// <exception cref="UnreadableFileException">It is none that is known, or its header is damaged.</exception>
    public static async Task<MessageReader?> OpenAsync(FileBytes bytes, MessageContext context, CancellationToken cancellationToken)
    {
        if (await bytes.HaveAsync(AvroBlocks.Magic.Length, cancellationToken) && bytes.Ahead.StartsWith(AvroBlocks.Magic))
        {
            return AvroMessages.Of(await AvroBlocks.OpenAsync(bytes, context.LargeBlocks, cancellationToken), context);
        }

        return await JsonLines.IsNextAsync(bytes, cancellationToken) switch
        {
            true => new JsonLines(bytes, context),
            null => null,
            false => throw new UnreadableFileException(
                "it is neither Avro nor JSON lines: it begins with the bytes "
                    + Convert.ToHexString(bytes.Ahead[..Math.Min(4, bytes.Ahead.Length)])),
        };
    }

    /// <summary>Reads the next message.</summary>
    /// <returns>Null at the end.</returns>
    /// <exception cref="UnreadableFileException">It is damaged, or cannot be used; it is the one after <see cref="Record"/>.</exception>
    public async ValueTask<RawEvent?> ReadAsync(CancellationToken cancellationToken)
    {
        var message = await NextAsync(cancellationToken);
        Record += message is null ? 0 : 1;
        return message;
    }

    /// <summary>Nothing more is read.</summary>
    public abstract void Dispose();

    /// <summary>The next message, numbered one after <see cref="Record"/>.</summary>
    protected abstract ValueTask<RawEvent?> NextAsync(CancellationToken cancellationToken);

    /// <summary>The message, under the file's name and its number in it.</summary>
    protected RawEvent ToEvent(
        SystemProperties system,
        ReadOnlyMemory<byte> body,
        IReadOnlyDictionary<string, object?>? properties,
        IReadOnlyDictionary<string, object?>? annotations = null)
    {
        system.Set("Offset", Context.Version);
        system.Set("SequenceNumber", Record + 1);
        return system.ToEvent(Context.Archive, Context.File, Context.Fields.TimeSource, body, properties, annotations);
    }
}
