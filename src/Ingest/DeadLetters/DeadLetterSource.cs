using System.Runtime.InteropServices;
using Ingest.Decode;
using Ingest.Events;

namespace Ingest.DeadLetters;

/// <summary>A message with rejected readings: what its dead letters have in common, made once for all of them.</summary>
internal sealed class DeadLetterSource
{
    // The quota's key is indexed, and an index row has a limit that a name of any length would pass.
    private const int LongestQuotaName = 128;

    // What a row has besides: its header, its numbers and times, and its three index entries.
    private const int BytesOfRow = 400;

    private byte[]? _body;
    private int _room;

    public DeadLetterSource(RawEvent message)
    {
        Message = message;
        Hash = DeadLetterKey.OfMessage(message);
        QuotaName = Shorten(DeadLetterText.Clean(message.DeviceId) ?? "");
        Properties = DeadLetterText.Properties(message.Properties);
        Bytes = BytesOfRow + message.Body.Length + Properties.Length + new[]
        {
            message.DeviceId, message.ModuleId, message.Hub, message.Partition, message.Offset, message.MessageId, message.MessageSource,
            message.ContentType, message.ContentEncoding,
        }.Sum(text => (long)(text?.Length ?? 0));
        _room = (int)Math.Clamp(DeadLetterList.MostBytesOfMessage / Bytes, 1, DecoderOutput.MostBuiltOfMessage);
    }

    public RawEvent Message { get; }

    /// <summary>From <see cref="DeadLetterKey.OfMessage"/>.</summary>
    public byte[] Hash { get; }

    /// <summary>Whose quota its dead letters count against; empty where the hub names no device.</summary>
    public string QuotaName { get; }

    /// <summary>Its application properties, as JSON.</summary>
    public string Properties { get; }

    /// <summary>Bytes that one of its dead letters takes in the table, by and large, without its sentence.</summary>
    public long Bytes { get; }

    /// <summary>Its body as an array, the same for all of its dead letters.</summary>
    public byte[] Body => _body ??=
        MemoryMarshal.TryGetArray(Message.Body, out var segment)
            && segment.Offset == 0
            && segment.Count == segment.Array!.Length ? segment.Array : Message.Body.ToArray();

    /// <summary>Whether another dead letter of it can be kept.</summary>
    public bool TakeRoom() => _room-- > 0;

    private static string Shorten(string name)
    {
        if (name.Length <= LongestQuotaName)
        {
            return name;
        }

        return char.IsHighSurrogate(name[LongestQuotaName - 1]) ? name[..(LongestQuotaName - 1)] : name[..LongestQuotaName];
    }
}
