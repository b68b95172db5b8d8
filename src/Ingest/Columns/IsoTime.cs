namespace Ingest.Columns;

/// <summary>
/// Points in time as ISO 8601 writes them: <c>2026-03-04T05:06:07.089Z</c>, or with an offset (<c>+02:00</c>, <c>+0200</c>, <c>+02</c>) in
/// place of <c>Z</c>. <c>T</c> may be a space, seconds may be absent. Without an offset a time is no point in time.
/// </summary>
internal static class IsoTime
{
    /// <summary>
    /// Reads a time to the microsecond, PostgreSQL's precision; further digits are cut off and not rounded, so that the same text is the
    /// same value everywhere.
    /// </summary>
    /// <param name="text">ASCII; anything else is no time.</param>
    /// <param name="zone">The offset of a text that names none; null where that is no time.</param>
    /// <param name="time">UTC, in whole microseconds.</param>
    /// <returns>
    /// False where the text is no such time, or names one that does not exist or lies outside the years 1 to 9999 in UTC.
    /// </returns>
    public static bool TryParse(ReadOnlySpan<byte> text, TimeSpan? zone, out DateTime time)
    {
        time = default;
        if (!TryDigits(ref text, 4, out var year) || !TrySkip(ref text, '-')
            || !TryDigits(ref text, 2, out var month) || !TrySkip(ref text, '-')
            || !TryDigits(ref text, 2, out var day)
            || !(TrySkip(ref text, 'T') || TrySkip(ref text, 't') || TrySkip(ref text, ' '))
            || !TryDigits(ref text, 2, out var hour) || !TrySkip(ref text, ':')
            || !TryDigits(ref text, 2, out var minute))
        {
            return false;
        }

        var second = 0;
        var microseconds = 0;
        if (TrySkip(ref text, ':')
            && (!TryDigits(ref text, 2, out second) || (TrySkip(ref text, '.') && !TryFraction(ref text, out microseconds))))
        {
            return false;
        }

        if (!TryOffset(text, zone, out var offsetMinutes)
            || year == 0
            || month is 0 or > 12
            || day == 0
            || day > DateTime.DaysInMonth(year, month)
            || hour > 23
            || minute > 59
            || second > 59)
        {
            return false;
        }

        var ticks = new DateTime(year, month, day, hour, minute, second).Ticks
            + (microseconds * TimeSpan.TicksPerMicrosecond)
            - (offsetMinutes * TimeSpan.TicksPerMinute);
        if (ticks < DateTime.MinValue.Ticks || ticks > DateTime.MaxValue.Ticks)
        {
            return false;
        }

        time = new DateTime(ticks, DateTimeKind.Utc);
        return true;
    }

    /// <summary>
    /// Whether Npgsql would store a time of whole microseconds as <c>-infinity</c>: <see cref="DateTime.MinValue"/>.
    /// <see cref="DateTime.MaxValue"/>, which it would store as <c>infinity</c>, is no whole microsecond.
    /// </summary>
    public static bool IsInfinite(DateTime time) => time.Ticks == DateTime.MinValue.Ticks;

    /// <summary>Reads an offset as it stands behind a time: <c>Z</c>, <c>+02:00</c>, <c>+0200</c> or <c>+02</c>.</summary>
    public static bool TryOffset(ReadOnlySpan<byte> text, TimeSpan? zone, out int minutes)
    {
        minutes = 0;
        if (text.IsEmpty && zone is { } offset)
        {
            minutes = (int)offset.TotalMinutes;
            return true;
        }

        if (text is [(byte)'Z' or (byte)'z'])
        {
            return true;
        }

        var negative = text is [(byte)'-', ..];
        if (!(negative || text is [(byte)'+', ..]))
        {
            return false;
        }

        text = text[1..];
        if (!TryDigits(ref text, 2, out var hours))
        {
            return false;
        }

        var rest = 0;
        if (!text.IsEmpty)
        {
            TrySkip(ref text, ':');
            if (!TryDigits(ref text, 2, out rest) || !text.IsEmpty)
            {
                return false;
            }
        }

        minutes = ((hours * 60) + rest) * (negative ? -1 : 1);

        // PostgreSQL's own bound on an offset is just under 16 hours.
        return hours <= 15 && rest <= 59;
    }

    private static bool TryFraction(ref ReadOnlySpan<byte> text, out int microseconds)
    {
        microseconds = 0;
        var digits = text.IndexOfAnyExceptInRange((byte)'0', (byte)'9');
        digits = digits < 0 ? text.Length : digits;
        for (var i = 0; i < 6; i++)
        {
            microseconds = (microseconds * 10) + (i < digits ? text[i] - '0' : 0);
        }

        text = text[digits..];
        return digits > 0;
    }

    private static bool TryDigits(ref ReadOnlySpan<byte> text, int count, out int value)
    {
        value = 0;
        if (text.Length < count)
        {
            return false;
        }

        foreach (var digit in text[..count])
        {
            if (!char.IsAsciiDigit((char)digit))
            {
                return false;
            }

            value = (value * 10) + (digit - '0');
        }

        text = text[count..];
        return true;
    }

    private static bool TrySkip(ref ReadOnlySpan<byte> text, char expected)
    {
        if (text.IsEmpty || text[0] != expected)
        {
            return false;
        }

        text = text[1..];
        return true;
    }
}
