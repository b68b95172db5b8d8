using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace Ingest.Cli.Commands;

/// <summary>Parsers and checks of option values, with errors that say what the value must look like.</summary>
internal static class Arguments
{
    /// <summary>An option that takes a whole number in a range.</summary>
    public static Option<int> Number(string name, string description, int defaultValue, int least, int most)
    {
        var option = new Option<int>(name) { Description = description, DefaultValueFactory = _ => defaultValue, HelpName = "number" };
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1
                && int.TryParse(result.Tokens[0].Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)
                && (value < least || value > most))
            {
                result.AddError($"{name} takes a whole number from {least} to {most}, not {value}.");
            }
        });
        return option;
    }

    /// <summary>
    /// An option that takes a time: ISO 8601, UTC where it names no offset, or a span back from now such as <c>15m</c>, <c>6h</c>,
    /// <c>7d</c>.
    /// </summary>
    public static Option<DateTimeOffset?> Time(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "time",
        CustomParser = result => ParseTime(name, result),
    };

    public static bool TryParseTime(string text, DateTimeOffset now, out DateTimeOffset time)
    {
        if (text.Length > 1
            && double.TryParse(text[..^1], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var amount)
            && amount <= 36_500)
        {
            TimeSpan? back = text[^1] switch
            {
                's' => TimeSpan.FromSeconds(amount),
                'm' => TimeSpan.FromMinutes(amount),
                'h' => TimeSpan.FromHours(amount),
                'd' => TimeSpan.FromDays(amount),
                _ => null,
            };
            if (back is { } span)
            {
                time = now - span;
                return true;
            }
        }

        return DateTimeOffset.TryParse(
            text,
            CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal,
            out time);
    }

    private static DateTimeOffset? ParseTime(string name, ArgumentResult result)
    {
        var text = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
        if (TryParseTime(text, TimeProvider.System.GetUtcNow(), out var time))
        {
            return time;
        }

        result.AddError($"{name} takes a time like 2026-03-01T08:00:00Z, or a span back from now like 15m, 6h or 7d, not '{text}'.");
        return null;
    }
}
