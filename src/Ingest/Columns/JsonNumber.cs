using System.Buffers.Text;

namespace Ingest.Columns;

/// <summary>A JSON number taken apart without losing a digit: its significant digits and the powers of ten they stand at.</summary>
internal readonly ref struct JsonNumber
{
    // Past this an exponent only has to stay out of every range; sums of it and a body's length must not overflow.
    private const long FarExponent = 1L << 40;

    private readonly ReadOnlySpan<byte> _whole;
    private readonly ReadOnlySpan<byte> _fraction;
    private readonly int _first;
    private readonly int _last;

    /// <param name="text">A number that a JSON reader has accepted.</param>
    public JsonNumber(ReadOnlySpan<byte> text)
    {
        IsNegative = text[0] == (byte)'-';
        var digits = IsNegative ? text[1..] : text;
        var exponent = 0L;
        var e = digits.IndexOfAny((byte)'e', (byte)'E');
        if (e >= 0)
        {
            exponent = ReadExponent(digits[(e + 1)..]);
            digits = digits[..e];
        }

        var point = digits.IndexOf((byte)'.');
        _whole = point < 0 ? digits : digits[..point];
        _fraction = point < 0 ? [] : digits[(point + 1)..];
        _first = _whole.IndexOfAnyExcept((byte)'0');
        if (_first < 0)
        {
            var inFraction = _fraction.IndexOfAnyExcept((byte)'0');
            _first = inFraction < 0 ? -1 : _whole.Length + inFraction;
        }

        var last = _fraction.LastIndexOfAnyExcept((byte)'0');
        _last = last >= 0 ? _whole.Length + last : _whole.LastIndexOfAnyExcept((byte)'0');
        IsZero = _first < 0;
        HighestPower = IsZero ? 0 : _whole.Length - 1 - _first + exponent;
        LowestPower = IsZero ? 0 : _whole.Length - 1 - _last + exponent;
    }

    /// <summary>Whether a text is a number as JSON writes them.</summary>
    public static bool IsNumber(ReadOnlySpan<byte> text)
    {
        text = text is [(byte)'-', ..] ? text[1..] : text;
        var whole = Digits(ref text);
        if (whole.IsEmpty || whole is [(byte)'0', _, ..])
        {
            return false;
        }

        if (text is [(byte)'.', ..])
        {
            text = text[1..];
            if (Digits(ref text).IsEmpty)
            {
                return false;
            }
        }

        if (text is [(byte)'e' or (byte)'E', ..])
        {
            text = text is [_, (byte)'+' or (byte)'-', ..] ? text[2..] : text[1..];
            return !Digits(ref text).IsEmpty && text.IsEmpty;
        }

        return text.IsEmpty;
    }

    public bool IsNegative { get; }

    public bool IsZero { get; }

    /// <summary>The power of ten of the first digit that is not zero.</summary>
    public long HighestPower { get; }

    /// <summary>The power of ten of the last digit that is not zero.</summary>
    public long LowestPower { get; }

    public bool IsWhole => LowestPower >= 0;

    /// <summary>Whether PostgreSQL's numeric holds it: 131,072 digits before the point, 16,383 behind it.</summary>
    public bool FitsNumeric => HighestPower < 131_072 && LowestPower >= -16_383;

    /// <summary>Digits, point and sign of a number that numeric holds, as the server writes it out: without an exponent.</summary>
    public long WrittenLength =>
        (IsNegative && !IsZero ? 1 : 0) + Math.Max(1, HighestPower + 1) + (LowestPower < 0 ? 1 - LowestPower : 0);

    /// <summary>The value of a number without a fraction (<see cref="IsWhole"/>).</summary>
    /// <returns>False where it does not fit.</returns>
    public bool TryGetInt64(out long value)
    {
        value = 0;
        if (IsZero)
        {
            return true;
        }

        // Nineteen digits always fit an unsigned 64-bit number.
        if (HighestPower > 18)
        {
            return false;
        }

        var magnitude = 0UL;
        for (var i = _first; i <= _last; i++)
        {
            magnitude = (magnitude * 10) + (ulong)(Digit(i) - '0');
        }

        for (var i = 0; i < LowestPower; i++)
        {
            magnitude *= 10;
        }

        if (magnitude > (IsNegative ? 1UL << 63 : long.MaxValue))
        {
            return false;
        }

        value = IsNegative ? unchecked(-(long)magnitude) : (long)magnitude;
        return true;
    }

    /// <summary>
    /// Appends the one notation that all numbers equal to this one share: no superfluous zeros, no minus before zero, plain up to forty
    /// digits before the point and twenty places behind it, else with an exponent.
    /// </summary>
    public void AppendCanonical(PooledBuffer<byte> buffer)
    {
        if (IsZero)
        {
            buffer.Append((byte)'0');
            return;
        }

        if (IsNegative)
        {
            buffer.Append((byte)'-');
        }

        if (HighestPower >= 40 || LowestPower < -20)
        {
            AppendDigits(buffer, _first, _last);
            if (LowestPower != 0)
            {
                buffer.Append((byte)'e');
                _ = Utf8Formatter.TryFormat(LowestPower, buffer.Extend(20), out var written);
                buffer.Truncate(buffer.Count - 20 + written);
            }
        }
        else if (HighestPower < 0)
        {
            buffer.AppendRange("0."u8);
            buffer.Extend((int)(-1 - HighestPower)).Fill((byte)'0');
            AppendDigits(buffer, _first, _last);
        }
        else if (IsWhole)
        {
            AppendDigits(buffer, _first, _last);
            buffer.Extend((int)LowestPower).Fill((byte)'0');
        }
        else
        {
            var units = _first + (int)HighestPower;
            AppendDigits(buffer, _first, units);
            buffer.Append((byte)'.');
            AppendDigits(buffer, units + 1, _last);
        }
    }

    private byte Digit(int index) => index < _whole.Length ? _whole[index] : _fraction[index - _whole.Length];

    private void AppendDigits(PooledBuffer<byte> buffer, int first, int last)
    {
        for (var i = first; i <= last; i++)
        {
            buffer.Append(Digit(i));
        }
    }

    private static long ReadExponent(ReadOnlySpan<byte> text)
    {
        var negative = text[0] == (byte)'-';
        var exponent = 0L;
        foreach (var digit in text[0] is (byte)'-' or (byte)'+' ? text[1..] : text)
        {
            exponent = Math.Min(FarExponent, (exponent * 10) + (digit - '0'));
        }

        return negative ? -exponent : exponent;
    }

    private static ReadOnlySpan<byte> Digits(ref ReadOnlySpan<byte> text)
    {
        var length = text.IndexOfAnyExceptInRange((byte)'0', (byte)'9');
        var digits = length < 0 ? text : text[..length];
        text = text[digits.Length..];
        return digits;
    }
}
