using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Ingest.Events;

namespace Ingest.DeadLetters;

/// <summary>
/// What makes two dead letters one: the same stamp, device, body and element. SHA-256 over the message's hash and the element, so that a
/// body is hashed once, however many of its elements are rejected.
/// </summary>
internal static class DeadLetterKey
{
    /// <summary>
    /// A message's part of the keys: SHA-256 over stamp, device and body, each with its length or presence, so that no two different sets of
    /// fields give the same bytes.
    /// </summary>
    public static byte[] OfMessage(RawEvent message)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Append(hash, message.RowTime is { } stamp ? stamp.Ticks : -1);
        if (message.DeviceId is { } device)
        {
            var bytes = Encoding.UTF8.GetBytes(device);
            Append(hash, bytes.Length);
            hash.AppendData(bytes);
        }
        else
        {
            Append(hash, -1);
        }

        Append(hash, message.Body.Length);
        hash.AppendData(message.Body.Span);
        return hash.GetHashAndReset();
    }

    /// <param name="messageHash">From <see cref="OfMessage"/>.</param>
    /// <param name="element">The rejected element; -1 for the body.</param>
    public static byte[] Of(ReadOnlySpan<byte> messageHash, int element)
    {
        Span<byte> bytes = stackalloc byte[SHA256.HashSizeInBytes + sizeof(long)];
        messageHash.CopyTo(bytes);
        BinaryPrimitives.WriteInt64BigEndian(bytes[SHA256.HashSizeInBytes..], element);
        return SHA256.HashData(bytes);
    }

    private static void Append(IncrementalHash hash, long value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64BigEndian(bytes, value);
        hash.AppendData(bytes);
    }
}
