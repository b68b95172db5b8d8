using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Ingest.Events;

namespace Ingest.DeadLetters;

/// <summary>
/// What makes two dead letters one: the same stamp, device, body and element. SHA-256 over the four, each with its length or presence, so
/// that no two different sets of fields give the same bytes.
/// </summary>
internal static class DeadLetterKey
{
    public static byte[] Of(RawEvent message, int element)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Append(hash, message.EnqueuedTime is { } stamp ? stamp.Ticks : -1);
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
        Append(hash, element);
        return hash.GetHashAndReset();
    }

    private static void Append(IncrementalHash hash, long value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64BigEndian(bytes, value);
        hash.AppendData(bytes);
    }
}
