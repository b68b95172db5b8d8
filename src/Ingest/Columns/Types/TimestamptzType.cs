using Ingest.Settings;
using NpgsqlTypes;

namespace Ingest.Columns.Types;

/// <summary>
/// timestamptz: ISO 8601 with <c>Z</c> or an offset, or another format, cut to microseconds. Of properties <c>DateTime</c> (UTC unless it
/// says that it is local) and <c>DateTimeOffset</c> besides.
/// </summary>
internal sealed class TimestamptzType : SqlType<DateTime>
{
    private readonly TimeReader _reader;

    public TimestamptzType()
        : this(new TimeReader(TimeFormat.Iso8601, zone: null))
    {
    }

    public TimestamptzType(TimeReader reader)
        : base("timestamptz", $"{reader.Expected} (timestamptz)") => (_reader, Fitting) = (reader, ["timestamp with time zone"]);

    public override ColumnCodec CreateCodec() => new ValueCodec<DateTime>(NpgsqlDbType.TimestampTz);

    public override ValueFault Read(in JsonToken json, ValueScratch scratch, out DateTime value) =>
        _reader.TryRead(json, scratch, out value) ? Finite(value) : ValueFault.WrongType;

    public override ValueFault Read(object property, ValueScratch scratch, out DateTime value) =>
        _reader.TryRead(property, out value) ? Finite(value) : ValueFault.WrongType;

    private static ValueFault Finite(DateTime time) => IsoTime.IsInfinite(time) ? ValueFault.OutOfRange : ValueFault.None;
}
