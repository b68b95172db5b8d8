using System.CommandLine;
using System.Globalization;
using System.Text;
using Ingest.Cli.Hosting;
using Ingest.Cli.Terminal;
using Ingest.DeadLetters;
using Ingest.Settings;
using Ingest.Worker.Hosting;
using Spectre.Console;

namespace Ingest.Cli.Commands;

/// <summary><c>ingest deadletters list|show</c>.</summary>
internal static class DeadLettersCommand
{
    // SHA-256.
    private const int KeyDigits = 64;
    private const int ShownDigits = 12;

    private static readonly Option<string?> Reason = new("--reason") { Description = "Only this reason code, such as wrong_type.", HelpName = "code" };
    private static readonly Option<string?> Device = new("--device") { Description = "Only this device.", HelpName = "name" };
    private static readonly Option<DateTimeOffset?> Since = Arguments.Time("--since", "Only those received since this time: ISO 8601 (UTC), or a span back from now like 6h.");
    private static readonly Option<int> Limit = Arguments.Number("--limit", "Most dead letters listed, newest first.", 50, 1, 100_000);
    private static readonly Argument<string> Key = new("key") { Description = "The key of a dead letter, or as many of its first digits as tell it from the others." };

    public static Command Create()
    {
        var list = new Command("list", "List the readings that were rejected, newest first.") { Reason, Device, Since, Limit, SharedOptions.Database, SharedOptions.Set, SharedOptions.Json };
        list.SetAction(ListAsync);
        var show = new Command("show", "Show one rejected reading whole: reason, origin, properties and body.") { Key, SharedOptions.Database, SharedOptions.Set, SharedOptions.Json };
        show.SetAction(ShowAsync);
        return new Command("deadletters", "Look at the readings that were rejected.") { list, show };
    }

    private static async Task<int> ListAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var output = new Output(arguments.GetValue(SharedOptions.Json));
        await using var database = await OpenAsync(arguments, output, cancellationToken);
        var filter = new DeadLetterFilter(arguments.GetValue(Reason), arguments.GetValue(Device), arguments.GetValue(Since), arguments.GetValue(Limit));
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

        var table = new Table().Border(TableBorder.Rounded).AddColumns("key", "received (UTC)", "device", "reason", "detail");
        foreach (var letter in found)
        {
            table.AddRow(
                ShortKey(letter),
                letter.ReceivedAt.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture),
                Markup.Escape(letter.Device ?? "–"),
                Markup.Escape(letter.Reason),
                Markup.Escape(letter.Detail));
        }

        output.Console.Write(table);
        output.Line("ingest deadletters show <key> shows one whole.");
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
                found.Count == 0 ? $"No dead letter's key begins with {key}." : $"More than one dead letter's key begins with {key}: give more digits.",
                ExitCode.Failure);
        }

        var letter = found[0];
        var text = BodyText(letter.Body);
        if (output.Json)
        {
            Output.Write(new { deadLetter = Summary(letter), properties = letter.Properties, bodyText = text, bodyBase64 = Convert.ToBase64String(letter.Body) });
            return ExitCode.Success;
        }

        var grid = new Grid().AddColumn(new GridColumn().NoWrap()).AddColumn();
        foreach (var (name, value) in Fields(letter))
        {
            grid.AddRow($"[grey]{name}[/]", Markup.Escape(value));
        }

        output.Console.Write(grid);
        output.Line("");
        output.Line(text ?? Convert.ToHexString(letter.Body));
        return ExitCode.Success;
    }

    private static async Task<CommandDatabase> OpenAsync(ParseResult arguments, Output output, CancellationToken cancellationToken)
    {
        var reader = new SettingsReader(SharedOptions.Configuration(arguments));
        var settings = reader.ReadOptional<DatabaseSettings>(DatabaseSettings.Section);
        reader.ThrowIfAny();
        return await CommandDatabase.OpenAsync(settings, new ProgressLines(output), cancellationToken);
    }

    // Another writer's dead letters may have shorter keys: whatever the table holds is shown.
    private static string ShortKey(StoredDeadLetter letter) =>
        Convert.ToHexStringLower(letter.Key) is var key && key.Length > ShownDigits ? key[..ShownDigits] : key;

    internal static string NoKey(string key) => key.Length > KeyDigits
        ? string.Create(CultureInfo.InvariantCulture, $"A key of {key.Length} characters is none: a key has {KeyDigits} hexadecimal digits, and its first ones are enough where they tell it from the others.")
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

    private static IEnumerable<(string Name, string Value)> Fields(StoredDeadLetter letter)
    {
        yield return ("key", Convert.ToHexStringLower(letter.Key));
        yield return ("reason", letter.Reason);
        yield return ("detail", letter.Detail);
        yield return ("element", letter.Element < 0 ? "whole body" : letter.Element.ToString(CultureInfo.InvariantCulture));
        yield return ("time", letter.Time?.ToString("O", CultureInfo.InvariantCulture) ?? "–");
        yield return ("device", letter.Device ?? "–");
        yield return ("module", letter.Module ?? "–");
        yield return ("hub", $"{letter.Hub}, partition {letter.Partition}, sequence number {letter.SequenceNumber?.ToString(CultureInfo.InvariantCulture) ?? "–"}, offset {letter.Offset ?? "–"}");
        yield return ("message", $"id {letter.MessageId ?? "–"}, source {letter.MessageSource ?? "–"}, content type {letter.ContentType ?? "–"}, encoding {letter.ContentEncoding ?? "–"}");
        yield return ("properties", letter.Properties);
        yield return ("received", letter.ReceivedAt.ToString("O", CultureInfo.InvariantCulture));
        yield return ("body", $"{letter.Body.Length} bytes");
    }

    /// <summary>The body as text, or null where it is none that a terminal should be given.</summary>
    private static string? BodyText(byte[] body)
    {
        try
        {
            var text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(body);
            return text.Any(character => char.IsControl(character) && character is not ('\t' or '\r' or '\n')) ? null : text;
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }
}
