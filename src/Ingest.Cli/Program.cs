using System.CommandLine;
using Ingest.Cli.Commands;
using Ingest.Cli.Hosting;
using Ingest.Database;
using Ingest.Worker.Hosting;

// Signals are ours (ShutdownSignals): the parser must not end the process while a batch is being committed.
var configuration = new InvocationConfiguration { ProcessTerminationTimeout = null, EnableDefaultExceptionHandler = false };
var parsed = IngestCommand.Create().Parse(args);
if (parsed.Errors.Count > 0 && parsed.Action is not System.CommandLine.Help.HelpAction)
{
    foreach (var error in parsed.Errors)
    {
        ErrorLines.Write(SafeText.Line(error.Message), "ingest: ");
    }

    Console.Error.WriteLine($"See: {string.Join(' ', Failures.PathOf(parsed.CommandResult))} --help");
    return ExitCode.Unusable;
}

try
{
    return await parsed.InvokeAsync(configuration);
}
catch (Exception exception) when (Failures.Explain(exception) is { } explained)
{
    // The lines of a list of problems are ours; a line break in anything else came from outside.
    ErrorLines.Write(
        exception is StartUpException or DatabaseSetupException ? explained.Message : SafeText.Line(explained.Message), "ingest: ");
    return explained.ExitCode;
}
