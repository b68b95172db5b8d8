using System.Buffers.Text;
using System.Text;

namespace Ingest.Sources.Archives.Formats;

/// <summary>Times as archives write them.</summary>
internal static class ArchivedTime
{
    /// <summary>The time that the text is in IoT Hub's own form, with seven digits and Z, which is quick to read; else the text.</summary>
    public static object Of(ReadOnlySpan<byte> text) =>
        Utf8Parser.TryParse(text, out DateTime time, out var length, 'O') && length == text.Length && time.Kind == DateTimeKind.Utc
            ? time
            : Encoding.UTF8.GetString(text);
}
