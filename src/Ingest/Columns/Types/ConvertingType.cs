namespace Ingest.Columns.Types;

/// <summary>Turns a value of another JSON type into one that a column takes; leaves it as it is where it cannot.</summary>
internal delegate ValueFault TokenConversion(JsonToken json, ValueScratch scratch, out JsonToken converted);

/// <summary>A type that takes values of other JSON types too, converted where nothing is lost.</summary>
/// <param name="inner">The type.</param>
/// <param name="convert">How values are converted to it.</param>
/// <param name="also">What it takes besides, in the words of a rejection.</param>
internal sealed class ConvertingType<T>(SqlType<T> inner, TokenConversion convert, string also)
    : SqlType<T>(inner.Name, $"{inner.Expected}, or {also},")
{
    public override ColumnCodec CreateCodec() => inner.CreateCodec();

    public override ValueFault Read(in JsonToken json, ValueScratch scratch, out T value)
    {
        var fault = convert(json, scratch, out var converted);
        if (fault == ValueFault.None)
        {
            return inner.Read(converted, scratch, out value);
        }

        value = default!;
        return fault;
    }

    public override ValueFault Read(object property, ValueScratch scratch, out T value)
    {
        var fault = inner.Read(property, scratch, out value);
        return fault == ValueFault.WrongType && Conversions.TryAsJson(property, out var type, out var text)
            ? Read(new JsonToken(type, text, isEscaped: false), scratch, out value)
            : fault;
    }
}
