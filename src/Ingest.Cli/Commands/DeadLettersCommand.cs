using System.CommandLine;
using Ingest.Cli.Hosting;
using Ingest.Cli.Terminal;
using Ingest.DeadLetters;
using Ingest.Settings;
using Ingest.Worker.Hosting;

namespace Ingest.Cli.Commands;

/// <summary><c>ingest deadletters list|show</c>, and the commands that mend.</summary>
internal static class DeadLettersCommand
{
    private static readonly Option<int> Limit = Arguments.Number("--limit", "Most dead letters listed, newest first.", 50, 1, 100_000);
    private static readonly Option<bool> Resolved = new("--resolved")
    {
        Description = "Those that are resolved too: stored or found stored by a retry or an import, or discarded.",
    };

    private static readonly Argument<string> Key =
        new("key") { Description = "The key of a dead letter, or as many of its first digits as tell it from the others." };

    public static Command Create()
    {
        var list = new Command("list", "List the readings that were rejected, newest first.");
        DeadLetterSelection.AddTo(list, withKeys: false);
        foreach (var option in (Option[])[Limit, Resolved, SharedOptions.Database, SharedOptions.Set, SharedOptions.Json])
        {
            list.Add(option);
        }

        list.SetAction(ListAsync);
        var show = new Command("show", "Show one rejected reading whole: reason, origin, properties and body.")
        {
            Key,
            Resolved,
            SharedOptions.Database,
            SharedOptions.Set,
            SharedOptions.Json,
        };
        show.SetAction(ShowAsync);
        return new Command("deadletters", "Look at the readings that were rejected, and mend them.")
        {
            list,
            show,
            DeadLettersRetryCommand.Create(),
            DeadLettersExportCommand.Create(),
            DeadLettersImportCommand.Create(),
            DeadLettersDiscardCommand.Create(),
        };
    }

    /// <summary>Opens the database that the settings name.</summary>
    public static async Task<CommandDatabase> OpenAsync(ParseResult arguments, Output output, CancellationToken cancellationToken)
    {
        var reader = new SettingsReader(SharedOptions.Configuration(arguments));
        var settings = reader.ReadOptional<DatabaseSettings>(DatabaseSettings.Section);
        reader.ThrowIfAny();
        return await CommandDatabase.OpenAsync(settings, new ProgressLines(output), cancellationToken);
    }

    private static async Task<int> ListAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var output = new Output(arguments.GetValue(SharedOptions.Json));
        await using var database = await OpenAsync(arguments, output, cancellationToken);
        var filter = DeadLetterSelection.Filter(arguments, arguments.GetValue(Limit)) with { WithResolved = arguments.GetValue(Resolved) };
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
        DeadLetterSelection.CheckKey(key);
        await using var database = await OpenAsync(arguments, output, cancellationToken);
        var letter = await DeadLetterSelection.FindAsync(
            new DeadLetterReader(database.DataSource), key, arguments.GetValue(Resolved), cancellationToken);
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
        letter.Resolution,
        letter.ResolvedAt,
        letter.ResolvedBy,
        letter.Because,
    };
}
