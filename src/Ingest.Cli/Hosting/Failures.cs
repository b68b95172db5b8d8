using System.CommandLine.Parsing;
using Ingest.Checkpoints;
using Ingest.Database;
using Ingest.Failures;
using Ingest.Sources.Archives;
using Ingest.Sources.EventHubs;
using Ingest.Worker.Hosting;
using Npgsql;

namespace Ingest.Cli.Hosting;

/// <summary>What a failed command says, and its exit code. What is not foreseen here is a defect, and keeps its stack trace.</summary>
internal static class Failures
{
    public static (string Message, int ExitCode)? Explain(Exception exception) => exception switch
    {
        CommandException command => (command.Message, command.ExitCode),
        DatabaseSetupException setup => (setup.Message, ExitCode.Unusable),
        StartUpException start => (start.Message, start.MayPass ? ExitCode.Failure : ExitCode.Unusable),
        CheckpointFencedException => (exception.Message, ExitCode.Failure),
        StoredValuesMismatchException or DatabaseUnavailableException => (exception.Message, ExitCode.Failure),
        UnauthorizedAccessException =>
            ($"{exception.Message} Make it accessible, or name another state folder with XDG_STATE_HOME.", ExitCode.Unusable),
        ArchiveException archive => (archive.Message, ExitCode.Unusable),
        HubException hub => (hub.Message, ExitCode.Failure),
        OperatorMistakeException mistake => (mistake.Message, ExitCode.Failure),
        NpgsqlException postgres => (PostgresFailure.Of(postgres).Sentence, ExitCode.Failure),
        OperationCanceledException => ("stopped before it was done; what was not committed will be read again.", ExitCode.Failure),
        _ => null,
    };

    /// <summary>The names of the commands from the first to this one.</summary>
    public static IEnumerable<string> PathOf(CommandResult command)
    {
        List<string> names = [];
        for (SymbolResult? at = command; at is CommandResult inner; at = at.Parent)
        {
            names.Insert(0, inner.Command.Name);
        }

        return names;
    }
}
