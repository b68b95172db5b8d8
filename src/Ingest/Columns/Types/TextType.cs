using System.Text.Json;
using Npgsql;
using NpgsqlTypes;

namespace Ingest.Columns.Types;

/// <summary>text: code points other than zero. Of properties <c>char</c>, <c>Guid</c> and <c>Uri</c> besides.</summary>
internal sealed class TextType : SqlType<string>
{
    public TextType()
        : base("text", "a string (text)") => Fitting = ["text", "character varying"];

    public override ColumnCodec CreateCodec() => new Codec();

    public override ValueFault Read(in JsonToken json, ValueScratch scratch, out string value)
    {
        value = "";
        if (json.Type != JsonTokenType.String)
        {
            return ValueFault.WrongType;
        }

        var text = json.Text;
        if (json.IsEscaped)
        {
            if (!scratch.TryUnescape(text, out var unescaped))
            {
                return ValueFault.LoneSurrogate;
            }

            if (unescaped.Contains((byte)0))
            {
                return ValueFault.Nul;
            }

            text = unescaped;
        }

        scratch.TakenBytes += text.Length;
        value = scratch.Texts.FromUtf8(text);
        return ValueFault.None;
    }

    public override ValueFault Read(object property, ValueScratch scratch, out string value)
    {
        var text = property switch
        {
            string known => known,
            char character => character.ToString(),
            Guid id => id.ToString(),
            Uri address => address.OriginalString,
            _ => null,
        };
        value = text ?? "";
        scratch.TakenBytes += value.Length;
        return text is null ? ValueFault.WrongType
            : text.Contains('\0', StringComparison.Ordinal) ? ValueFault.Nul
            : Holds(text) ? ValueFault.None
            : ValueFault.LoneSurrogate;
    }

    /// <summary>Whether PostgreSQL's text can hold it: half of a surrogate pair is no code point, and zero is none that it takes.</summary>
    public static bool Holds(ReadOnlySpan<char> text)
    {
        for (var index = 0; index < text.Length; index++)
        {
            if (text[index] == '\0')
            {
                return false;
            }

            if (char.IsSurrogate(text[index]) && (index + 1 == text.Length || !char.IsSurrogatePair(text[index], text[++index])))
            {
                return false;
            }
        }

        return true;
    }

    private sealed class Codec() : StringCodec(NpgsqlDbType.Text)
    {
        protected override string? Text(ValueColumn column, int rowIndex) =>
            column.IsNull(rowIndex) ? null : ((ValueColumn<string>)column).Values[rowIndex];

        public override void Read(NpgsqlDataReader reader, int ordinal, ValueColumn column)
        {
            if (!reader.IsDBNull(ordinal))
            {
                ((ValueColumn<string>)column).SetLast(reader.GetString(ordinal));
            }
        }
    }
}
