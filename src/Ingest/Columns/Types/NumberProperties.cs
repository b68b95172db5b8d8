namespace Ingest.Columns.Types;

/// <summary>Numbers in application properties, converted to a number of equal value or not at all.</summary>
internal static class NumberProperties
{
    // 2^63: the first double that is no long any more.
    private const double PastInt64 = 9_223_372_036_854_775_808d;

    public static ValueFault ToDouble(object value, out double result)
    {
        switch (value)
        {
            case double number:
                result = number;
                return ValueFault.None;
            case float number:
                result = number;
                return ValueFault.None;
            case decimal number:
                result = (double)number;
                return Math.Abs(result) < (double)decimal.MaxValue && (decimal)result == number ? ValueFault.None : ValueFault.WrongType;
            case ulong number:
                result = number;
                return result < 2 * PastInt64 && (ulong)result == number ? ValueFault.None : ValueFault.OutOfRange;
            default:
                var fault = ToInt64(value, out var whole);
                result = whole;
                return fault != ValueFault.None ? fault : result < PastInt64 && (long)result == whole ? ValueFault.None : ValueFault.OutOfRange;
        }
    }

    public static ValueFault ToInt64(object value, out long result)
    {
        switch (value)
        {
            case long number:
                result = number;
                return ValueFault.None;
            case int or short or sbyte or byte or ushort or uint:
                result = Convert.ToInt64(value, System.Globalization.CultureInfo.InvariantCulture);
                return ValueFault.None;
            case ulong number:
                result = unchecked((long)number);
                return result >= 0 ? ValueFault.None : ValueFault.OutOfRange;
            case float or double:
                var wide = value is float single ? single : (double)value;
                result = 0;
                if (!double.IsFinite(wide) || Math.Truncate(wide) != wide)
                {
                    return ValueFault.WrongType;
                }

                if (wide is < -PastInt64 or >= PastInt64)
                {
                    return ValueFault.OutOfRange;
                }

                result = (long)wide;
                return ValueFault.None;
            case decimal number:
                result = 0;
                if (decimal.Truncate(number) != number)
                {
                    return ValueFault.WrongType;
                }

                if (number is < long.MinValue or > long.MaxValue)
                {
                    return ValueFault.OutOfRange;
                }

                result = (long)number;
                return ValueFault.None;
            default:
                result = 0;
                return ValueFault.WrongType;
        }
    }
}
