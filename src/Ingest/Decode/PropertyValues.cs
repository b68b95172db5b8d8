using System.Text;
using Ingest.Events;

namespace Ingest.Decode;

/// <summary>
/// Application properties as column values. A property has a type already, so it is converted only where nothing is lost: between numbers
/// of equal value, from <c>char</c>, <c>Guid</c> and <c>Uri</c> to text, from <c>DateTime</c> (UTC unless it says that it is local),
/// <c>DateTimeOffset</c> and ISO 8601 text to a time. Text is never a number.
/// </summary>
internal static class PropertyValues
{
    // 2^63: the first double that is no long any more.
    private const double PastInt64 = 9_223_372_036_854_775_808d;

    public static RejectReason? ToDouble(object value, out double result)
    {
        switch (value)
        {
            case double number:
                result = number;
                return null;
            case float number:
                result = number;
                return null;
            case decimal number:
                result = (double)number;
                return Math.Abs(result) < (double)decimal.MaxValue && (decimal)result == number ? null : RejectReason.WrongType;
            case ulong number:
                result = number;
                return result < 2 * PastInt64 && (ulong)result == number ? null : RejectReason.OutOfRange;
            default:
                var reason = ToInt64(value, out var whole);
                result = whole;
                return reason is not null ? reason : result < PastInt64 && (long)result == whole ? null : RejectReason.OutOfRange;
        }
    }

    public static RejectReason? ToSingle(object value, out float result)
    {
        var reason = ToDouble(value, out var wide);
        result = (float)wide;
        return reason is not null ? reason
            : float.IsInfinity(result) && double.IsFinite(wide) ? RejectReason.OutOfRange
            : result.Equals((float)wide) && ((double)result).Equals(wide) ? null
            : RejectReason.WrongType;
    }

    public static RejectReason? ToInt64(object value, out long result)
    {
        switch (value)
        {
            case long number:
                result = number;
                return null;
            case int or short or sbyte or byte or ushort or uint:
                result = Convert.ToInt64(value, System.Globalization.CultureInfo.InvariantCulture);
                return null;
            case ulong number:
                result = unchecked((long)number);
                return result >= 0 ? null : RejectReason.OutOfRange;
            case float or double:
                var wide = value is float single ? single : (double)value;
                result = 0;
                if (!double.IsFinite(wide) || Math.Truncate(wide) != wide)
                {
                    return RejectReason.WrongType;
                }

                if (wide is < -PastInt64 or >= PastInt64)
                {
                    return RejectReason.OutOfRange;
                }

                result = (long)wide;
                return null;
            case decimal number:
                result = 0;
                if (decimal.Truncate(number) != number)
                {
                    return RejectReason.WrongType;
                }

                if (number is < long.MinValue or > long.MaxValue)
                {
                    return RejectReason.OutOfRange;
                }

                result = (long)number;
                return null;
            default:
                result = 0;
                return RejectReason.WrongType;
        }
    }

    /// <summary>The text of a property, not yet checked for what PostgreSQL refuses.</summary>
    public static string? ToText(object value) => value switch
    {
        string text => text,
        char character => character.ToString(),
        Guid id => id.ToString(),
        Uri address => address.OriginalString,
        _ => null,
    };

    public static RejectReason? ToTime(object value, out DateTime result)
    {
        switch (value)
        {
            case DateTime { Kind: DateTimeKind.Local } time:
                result = WholeMicroseconds(time.ToUniversalTime());
                break;
            case DateTime time:
                result = WholeMicroseconds(time);
                break;
            case DateTimeOffset time:
                result = WholeMicroseconds(time.UtcDateTime);
                break;
            case string text when IsoTime.TryParse(Encoding.UTF8.GetBytes(text), out result):
                break;
            default:
                result = default;
                return RejectReason.WrongType;
        }

        return IsoTime.IsInfinite(result) ? RejectReason.OutOfRange : null;
    }

    private static DateTime WholeMicroseconds(DateTime time) => Instant.Of(time).ToDateTime();
}
