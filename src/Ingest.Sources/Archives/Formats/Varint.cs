namespace Ingest.Sources.Archives.Formats;

/// <summary>Avro's whole numbers: zigzag, seven bits a byte, the lowest first.</summary>
internal static class Varint
{
    /// <summary>Most bytes that one has.</summary>
    public const int LongestBytes = 10;

    /// <returns>False where it does not end in these bytes, or is too long.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out long value, out int length)
    {
        var bits = 0UL;
        for (length = 0; length < bytes.Length && length < LongestBytes;)
        {
            var next = bytes[length];
            bits |= (ulong)(next & 0x7F) << (7 * length++);
            if (next < 0x80)
            {
                value = (long)(bits >> 1) ^ -(long)(bits & 1);
                return true;
            }
        }

        value = 0;
        return false;
    }
}
