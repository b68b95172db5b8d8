using Npgsql;
using NpgsqlTypes;

namespace Ingest.Columns.Types;

/// <summary>jsonb: any JSON whose numbers fit numeric and whose strings text can hold, as long as the server can write it out.</summary>
internal sealed class JsonbType : SqlType<JsonbValue>
{
    /// <summary>
    /// Most bytes of one message's jsonb values when the server writes them out, where <c>1e131071</c> is 131,072 digits: what it stores and cannot
    /// write out (1 GiB) nobody could read or dump again.
    /// </summary>
    public const long LongestWritten = 16 * 1024 * 1024;

    public JsonbType()
        : base("jsonb", "jsonb") => (TakesWhole, TakesProperties) = (true, false);

    public override ColumnCodec CreateCodec() => new Codec();

    public override ValueFault Read(in JsonToken json, ValueScratch scratch, out JsonbValue value)
    {
        var fault = scratch.Canonicalizer.TryCanonicalize(json.Text, out value);
        if (fault != ValueFault.None)
        {
            return fault;
        }

        var written = scratch.Canonicalizer.WrittenLength;
        if (scratch.WrittenBytes + written > LongestWritten)
        {
            return ValueFault.TooLongWhenWritten;
        }

        scratch.WrittenBytes += written;
        scratch.TakenBytes += sizeof(char) * value.Canonical.Length;
        return ValueFault.None;
    }

    public override ValueFault Read(object property, ValueScratch scratch, out JsonbValue value) =>
        throw new NotSupportedException("An application property is no JSON, and the mapping refuses it");

    private sealed class Codec() : StringCodec(NpgsqlDbType.Jsonb)
    {
        protected override string? Text(ValueColumn column, int rowIndex) =>
            column.IsNull(rowIndex) ? null : ((ValueColumn<JsonbValue>)column).Values[rowIndex].Canonical;

        // See StoredRows: it is compared where it is stored.
        public override void Read(NpgsqlDataReader reader, int ordinal, ValueColumn column) => throw new NotSupportedException("A jsonb value is not read");
    }
}
