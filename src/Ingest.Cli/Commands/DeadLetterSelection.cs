using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Ingest.Cli.Hosting;
using Ingest.DeadLetters;

namespace Ingest.Cli.Commands;

/// <summary>The options that say which dead letters a command means.</summary>
internal static class DeadLetterSelection
{
    // SHA-256.
    private const int KeyDigits = 64;

    private static readonly Option<string?> Reason =
        new("--reason") { Description = "Only this reason code, such as wrong_type.", HelpName = "code" };
    private static readonly Option<string?> Device = new("--device") { Description = "Only this device.", HelpName = "name" };
    private static readonly Option<DateTimeOffset?> Since = Arguments.Time(
        "--since", "Only those received since this time: ISO 8601 (UTC), or a span back from now like 6h.");
    private static readonly Option<DateTimeOffset?> Until = Arguments.Time("--until", "Only those received before this time.");
    private static readonly Option<DateTimeOffset?> From = Arguments.Time("--from", "Only those whose stamp is at this time or later.");
    private static readonly Option<DateTimeOffset?> To = Arguments.Time("--to", "Only those whose stamp is before this time.");
    private static readonly Argument<string[]> Keys = new("key")
    {
        Description = "Only these: the keys, or as many of their first digits as tell each from the others.",
        Arity = ArgumentArity.ZeroOrMore,
    };

    /// <summary>Adds the options to a command.</summary>
    /// <param name="command">The command.</param>
    /// <param name="withKeys">Whether it takes keys too.</param>
    public static void AddTo(Command command, bool withKeys)
    {
        if (withKeys)
        {
            command.Add(Keys);
        }

        foreach (var option in (Option[])[Reason, Device, Since, Until, From, To])
        {
            command.Add(option);
        }
    }

    /// <summary>Whether the options restrict anything.</summary>
    public static bool IsGiven(CommandResult arguments) =>
        arguments.GetValue(Keys) is { Length: > 0 }
            || ((Option[])[Reason, Device, Since, Until, From, To]).Any(option => arguments.GetResult(option) is not null);

    /// <summary>The conditions, but for the keys.</summary>
    public static DeadLetterFilter Filter(ParseResult arguments, int limit = 0) =>
        new(arguments.GetValue(Reason), arguments.GetValue(Device), arguments.GetValue(Since), limit)
        {
            Until = arguments.GetValue(Until),
            From = arguments.GetValue(From),
            To = arguments.GetValue(To),
        };

    /// <summary>The conditions and the keys, which are looked for.</summary>
    /// <exception cref="CommandException">A key is none, or means none or several letters.</exception>
    public static async Task<DeadLetterFilter> FilterAsync(
        ParseResult arguments, DeadLetterReader reader, CancellationToken cancellationToken)
    {
        var filter = Filter(arguments);
        if (arguments.GetValue(Keys) is not { Length: > 0 } keys)
        {
            return filter;
        }

        Array.ForEach(keys, CheckKey);
        List<byte[]> found = [];
        foreach (var key in keys)
        {
            found.Add((await FindAsync(reader, key, withResolved: false, cancellationToken)).Key);
        }

        return filter with { Keys = found };
    }

    /// <summary>The one letter whose key begins so.</summary>
    /// <exception cref="CommandException">It is no key, or there is none, or more than one.</exception>
    public static async Task<StoredDeadLetter> FindAsync(
        DeadLetterReader reader, string key, bool withResolved, CancellationToken cancellationToken)
    {
        CheckKey(key);
        var found = await reader.FindAsync(key, withResolved, cancellationToken);
        if (found.Count == 1)
        {
            return found[0];
        }

        var isResolved = found.Count == 0 && !withResolved
            && (await reader.FindAsync(key, withResolved: true, cancellationToken)).Count > 0;
        throw new CommandException(
            isResolved ? $"The dead letter whose key begins with {key} is resolved: 'ingest deadletters show {key} --resolved' says how."
                : found.Count == 0 ? $"No dead letter's key begins with {key}."
                : $"More than one dead letter's key begins with {key}: give more digits.",
            ExitCode.Failure);
    }

    /// <exception cref="CommandException">It is no key.</exception>
    public static void CheckKey(string key)
    {
        if (key.Length is 0 or > KeyDigits || !key.All(char.IsAsciiHexDigit))
        {
            throw new CommandException(NoKey(key));
        }
    }

    internal static string NoKey(string key) => key.Length > KeyDigits
        ? string.Create(
            CultureInfo.InvariantCulture,
            $"A key of {key.Length} characters is none: a key has {KeyDigits} hexadecimal digits, and its first ones are enough where "
                + $"they tell it from the others.")
        : $"'{key}' is no key: a key is hexadecimal digits, as 'ingest deadletters list' prints them.";
}
