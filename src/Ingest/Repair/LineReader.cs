using System.Runtime.CompilerServices;

namespace Ingest.Repair;

/// <summary>Reads the lines of a stream as bytes, each bounded: one that is longer is passed over.</summary>
internal static class LineReader
{
    /// <summary>Most bytes of a line.</summary>
    public const int Longest = 8 * 1024 * 1024;

    /// <returns>Each line that is not empty, with its number; null in place of one that is too long.</returns>
    public static async IAsyncEnumerable<(long Number, byte[]? Line)> ReadAsync(
        Stream stream, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var buffer = new byte[64 * 1024];
        using var line = new MemoryStream();
        var (number, isTooLong, length) = (1L, false, 0);
        do
        {
            length = await stream.ReadAsync(buffer, cancellationToken);

            // The last line may have no end.
            var chunk = length == 0 ? "\n"u8.ToArray() : buffer.AsMemory(0, length);
            while (!chunk.IsEmpty)
            {
                var end = chunk.Span.IndexOf((byte)'\n');
                var part = end < 0 ? chunk : chunk[..end];
                chunk = end < 0 ? default : chunk[(end + 1)..];
                isTooLong |= line.Length + part.Length > Longest;
                line.Write(isTooLong ? default : part.Span);
                if (end < 0)
                {
                    continue;
                }

                if (isTooLong)
                {
                    yield return (number, null);
                }
                else if (!line.GetBuffer().AsSpan(0, (int)line.Length).Trim(" \t\r"u8).IsEmpty)
                {
                    yield return (number, line.ToArray());
                }

                line.SetLength(0);
                (isTooLong, number) = (false, number + 1);
            }
        }
        while (length > 0);
    }
}
