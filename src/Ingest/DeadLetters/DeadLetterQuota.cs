namespace Ingest.DeadLetters;

/// <summary>
/// How many dead letters of one device and day are kept: all up to the quota, past it one in a hundred. Which one follows from the dead
/// letter's key, so that seeing it again gives the same answer.
/// </summary>
/// <param name="quota">Dead letters kept whole, of one device and UTC day of arrival.</param>
internal sealed class DeadLetterQuota(int quota)
{
    private const int OneIn = 100;

    /// <param name="kept">How many the device has that day already.</param>
    /// <param name="key">The dead letter's key.</param>
    public bool Keeps(long kept, ReadOnlySpan<byte> key) => kept < quota || IsSample(key);

    private static bool IsSample(ReadOnlySpan<byte> key) => System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(key) % OneIn == 0;
}
