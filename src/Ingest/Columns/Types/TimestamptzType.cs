using System.Text;
using System.Text.Json;
using Ingest.Events;
using NpgsqlTypes;

namespace Ingest.Columns.Types;

/// <summary>
/// timestamptz: ISO 8601 with <c>Z</c> or an offset, cut to microseconds. Of properties <c>DateTime</c> (UTC unless it says that it is local) and
/// <c>DateTimeOffset</c> besides.
/// </summary>
internal sealed class TimestamptzType : SqlType<DateTime>
{
    public TimestamptzType()
        : base("timestamptz", "a string with an ISO 8601 time and its offset (timestamptz)") => Fitting = ["timestamp with time zone"];

    public override ColumnCodec CreateCodec() => new ValueCodec<DateTime>(NpgsqlDbType.TimestampTz);

    public override ValueFault Read(in JsonToken json, ValueScratch scratch, out DateTime value)
    {
        value = default;
        if (json.Type != JsonTokenType.String)
        {
            return ValueFault.WrongType;
        }

        var text = json.IsEscaped && scratch.TryUnescape(json.Text, out var unescaped) ? unescaped : json.Text;
        return IsoTime.TryParse(text, out value) ? Finite(value) : ValueFault.WrongType;
    }

    public override ValueFault Read(object property, ValueScratch scratch, out DateTime value)
    {
        switch (property)
        {
            case DateTime { Kind: DateTimeKind.Local } time:
                value = WholeMicroseconds(time.ToUniversalTime());
                break;
            case DateTime time:
                value = WholeMicroseconds(time);
                break;
            case DateTimeOffset time:
                value = WholeMicroseconds(time.UtcDateTime);
                break;
            case string text when IsoTime.TryParse(Encoding.UTF8.GetBytes(text), out value):
                break;
            default:
                value = default;
                return ValueFault.WrongType;
        }

        return Finite(value);
    }

    private static ValueFault Finite(DateTime time) => IsoTime.IsInfinite(time) ? ValueFault.OutOfRange : ValueFault.None;

    private static DateTime WholeMicroseconds(DateTime time) => Instant.Of(time).ToDateTime();
}
