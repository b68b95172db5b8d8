using System.CommandLine;
using System.Globalization;
using Ingest.Cli.Hosting;
using Ingest.Cli.Terminal;
using Ingest.DeadLetters;

namespace Ingest.Cli.Commands;

/// <summary><c>ingest deadletters discard</c>.</summary>
internal static class DeadLettersDiscardCommand
{
    private static readonly Option<string> Because = new("--because")
    {
        Description = "Why: it is kept with each of them.",
        HelpName = "text",
        Required = true,
    };

    private static readonly Option<bool> All = new("--all") { Description = "Every open dead letter." };

    private static readonly Option<bool> DryRun = new("--dry-run") { Description = "Count them, and discard none." };

    public static Command Create()
    {
        var command = new Command(
            "discard",
            "Resolve open dead letters that are not worth storing. They stay until their retention ends, with the reason, and count as "
                + "discarded.");
        DeadLetterSelection.AddTo(command, withKeys: true);
        foreach (var option in (Option[])[Because, All, DryRun, SharedOptions.Database, SharedOptions.Set, SharedOptions.Json])
        {
            command.Add(option);
        }

        command.Validators.Add(result =>
        {
            if (result.GetValue(All) == DeadLetterSelection.IsGiven(result))
            {
                result.AddError(result.GetValue(All)
                    ? "--all discards every open dead letter: leave out what restricts it, or --all."
                    : "Say which to discard: --reason, --device, --since, --until, --from, --to or keys; or --all.");
            }

            if (result.GetResult(Because) is not null && string.IsNullOrWhiteSpace(result.GetValue(Because)))
            {
                result.AddError("--because takes a reason that is not empty.");
            }
        });
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var output = new Output(arguments.GetValue(SharedOptions.Json));
        await using var database = await DeadLettersCommand.OpenAsync(arguments, output, cancellationToken);
        var reader = new DeadLetterReader(database.DataSource);
        var filter = await DeadLetterSelection.FilterAsync(arguments, reader, cancellationToken);
        var dryRun = arguments.GetValue(DryRun);
        var discarded = dryRun
            ? await reader.CountAsync(filter, cancellationToken)
            : await new DeadLetterDiscard(database.DataSource).RunAsync(
                filter, arguments.GetRequiredValue(Because).Trim(), cancellationToken);
        output.Line(string.Create(
            CultureInfo.InvariantCulture, $"{(dryRun ? "would discard" : "discarded")} {discarded} dead letters"));
        if (output.Json)
        {
            Output.Write(new { discarded, dryRun });
        }

        return ExitCode.Success;
    }
}
