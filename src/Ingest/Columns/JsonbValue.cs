using System.Text;
using Ingest.Columns.Types;

namespace Ingest.Columns;

/// <summary>
/// A jsonb value in a canonical form: two values are equal here exactly where jsonb says they are equal (the order and repetition of names,
/// white space, escapes and the notation of numbers do not count).
/// </summary>
/// <param name="Canonical">
/// Canonical JSON text. It is what is sent: the server reads it as the value that the device sent, and keeps numbers by value, without
/// trailing zeros (<c>1.50</c> comes back as <c>1.5</c>).
/// </param>
public readonly record struct JsonbValue(string Canonical)
{
    [ThreadStatic]
    private static JsonbCanonicalizer? _canonicalizer;

    /// <summary>The value of a JSON text, such as the server's own output of a jsonb column.</summary>
    /// <exception cref="FormatException">The text is not JSON, or jsonb cannot hold it.</exception>
    public static JsonbValue FromText(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return FromUtf8(Encoding.UTF8.GetBytes(text));
    }

    /// <inheritdoc cref="FromText"/>
    public static JsonbValue FromUtf8(ReadOnlySpan<byte> text)
    {
        _canonicalizer ??= new JsonbCanonicalizer();
        var fault = _canonicalizer.TryCanonicalize(text, out var value);
        return fault == ValueFault.None ? value : throw new FormatException($"jsonb cannot hold this text: {fault}");
    }
}
