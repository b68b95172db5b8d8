using Ingest.Settings;

namespace Ingest.DeadLetters;

/// <summary>Dead letters of a device, or of all, that are kept of a UTC day of arrival.</summary>
/// <param name="Rows">How many.</param>
/// <param name="Bytes">Bytes that they take.</param>
internal readonly record struct DeadLettersKept(long Rows, long Bytes)
{
    public DeadLettersKept With(long bytes) => new(Rows + 1, Bytes + bytes);
}

/// <summary>
/// Which dead letters of a day are kept: all up to the quotas. Past its number, one in a hundred of a device is kept; past a number of
/// bytes, and past what is kept of all devices together, none, so that nobody fills the disk. Which one is kept follows from the dead
/// letter's key, so that seeing it again gives the same answer.
/// </summary>
internal sealed class DeadLetterQuota(DeadLetterSettings settings)
{
    private const int OneIn = 100;
    private const long Megabyte = 1_000_000;

    /// <param name="device">What is kept of the device that day already.</param>
    /// <param name="all">What is kept of all devices.</param>
    /// <param name="key">The dead letter's key.</param>
    /// <param name="bytes">Bytes that it takes.</param>
    public bool Keeps(DeadLettersKept device, DeadLettersKept all, ReadOnlySpan<byte> key, long bytes) =>
        all.Rows < settings.QuotaPerDay
        && all.Bytes + bytes <= settings.QuotaMegabytesPerDay * Megabyte
        && device.Bytes + bytes <= settings.QuotaMegabytesPerDeviceAndDay * Megabyte
        && (device.Rows < settings.QuotaPerDeviceAndDay || IsSample(key));

    private static bool IsSample(ReadOnlySpan<byte> key) => System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(key) % OneIn == 0;
}
