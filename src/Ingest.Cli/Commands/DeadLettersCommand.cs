using System.CommandLine;
using System.Globalization;
using Ingest.Cli.Hosting;
using Ingest.Cli.Terminal;
using Ingest.DeadLetters;
using Ingest.Settings;
using Ingest.Worker.Hosting;

namespace Ingest.Cli.Commands;

/// <summary><c>ingest deadletters list|show</c>.</summary>
internal static class DeadLettersCommand
{
    // SHA-256.
    private const int KeyDigits = 64;

    private static readonly Option<string?> Reason =
        new("--reason") { Description = "Only this reason code, such as wrong_type.", HelpName = "code" };
    private static readonly Option<string?> Device = new("--device") { Description = "Only this device.", HelpName = "name" };
    private static readonly Option<DateTimeOffset?> Since = Arguments.Time(
        "--since", "Only those received since this time: ISO 8601 (UTC), or a span back from now like 6h.");
    private static readonly Option<int> Limit = Arguments.Number("--limit", "Most dead letters listed, newest first.", 50, 1, 100_000);
    private static readonly Argument<string> Key =
        new("key") { Description = "The key of a dead letter, or as many of its first digits as tell it from the others." };

    public static Command Create()
    {
        var list = new Command("list", "List the readings that were rejected, newest first.")
        {
            Reason,
            Device,
            Since,
            Limit,
            SharedOptions.Database,
            SharedOptions.Set,
            SharedOptions.Json,
        };
        list.SetAction(ListAsync);
        var show = new Command("show", "Show one rejected reading whole: reason, origin, properties and body.")
        {
            Key,
            SharedOptions.Database,
            SharedOptions.Set,
            SharedOptions.Json,
        };
        show.SetAction(ShowAsync);
        return new Command("deadletters", "Look at the readings that were rejected.") { list, show };
    }

    private static async Task<int> ListAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var output = new Output(arguments.GetValue(SharedOptions.Json));
        await using var database = await OpenAsync(arguments, output, cancellationToken);
        var filter = new DeadLetterFilter(
            arguments.GetValue(Reason), arguments.GetValue(Device), arguments.GetValue(Since), arguments.GetValue(Limit));
        var found = await new DeadLetterReader(database.DataSource).ListAsync(filter, cancellationToken);
        if (output.Json)
        {
            Output.Write(new { deadLetters = found.Select(Summary) });
            return ExitCode.Success;
        }

        if (found.Count == 0)
        {
            output.Line("No dead letters match.");
            return ExitCode.Success;
        }

        new DeadLettersView(output).List(found);
        return ExitCode.Success;
    }

    private static async Task<int> ShowAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var output = new Output(arguments.GetValue(SharedOptions.Json));
        var key = arguments.GetRequiredValue(Key);
        if (key.Length is 0 or > KeyDigits || !key.All(char.IsAsciiHexDigit))
        {
            throw new CommandException(NoKey(key));
        }

        await using var database = await OpenAsync(arguments, output, cancellationToken);
        var found = await new DeadLetterReader(database.DataSource).FindAsync(key, cancellationToken);
        if (found.Count != 1)
        {
            throw new CommandException(
                found.Count == 0
                    ? $"No dead letter's key begins with {key}."
                    : $"More than one dead letter's key begins with {key}: give more digits.",
                ExitCode.Failure);
        }

        var letter = found[0];
        if (output.Json)
        {
            Output.Write(
                new
                {
                    deadLetter = Summary(letter),
                    properties = letter.Properties,
                    bodyText = DeadLettersView.BodyText(letter.Body),
                    bodyBase64 = Convert.ToBase64String(letter.Body),
                });
            return ExitCode.Success;
        }

        new DeadLettersView(output).Show(letter);
        return ExitCode.Success;
    }

    private static async Task<CommandDatabase> OpenAsync(ParseResult arguments, Output output, CancellationToken cancellationToken)
    {
        var reader = new SettingsReader(SharedOptions.Configuration(arguments));
        var settings = reader.ReadOptional<DatabaseSettings>(DatabaseSettings.Section);
        reader.ThrowIfAny();
        return await CommandDatabase.OpenAsync(settings, new ProgressLines(output), cancellationToken);
    }

    internal static string NoKey(string key) => key.Length > KeyDigits
        ? string.Create(
            CultureInfo.InvariantCulture,
            $"A key of {key.Length} characters is none: a key has {KeyDigits} hexadecimal digits, and its first ones are enough where "
                + $"they tell it from the others.")
        : $"'{key}' is no key: a key is hexadecimal digits, as 'ingest deadletters list' prints them.";

    private static object Summary(StoredDeadLetter letter) => new
    {
        key = Convert.ToHexStringLower(letter.Key),
        letter.Time,
        letter.Device,
        letter.Module,
        letter.Reason,
        letter.Detail,
        letter.Element,
        letter.Hub,
        letter.Partition,
        letter.SequenceNumber,
        letter.Offset,
        letter.MessageId,
        letter.MessageSource,
        letter.ContentType,
        letter.ContentEncoding,
        letter.ReceivedAt,
        bodyBytes = letter.Body.Length,
    };
}
