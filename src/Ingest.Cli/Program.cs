using System.CommandLine;
using Ingest.Cli.Commands;
using Ingest.Cli.Hosting;

// Signals are ours (ShutdownSignals): the parser must not end the process while a batch is being committed.
var configuration = new InvocationConfiguration { ProcessTerminationTimeout = null, EnableDefaultExceptionHandler = false };
var parsed = IngestCommand.Create().Parse(args);
if (parsed.Errors.Count > 0 && parsed.Action is not System.CommandLine.Help.HelpAction)
{
    foreach (var error in parsed.Errors)
    {
        Console.Error.WriteLine($"ingest: {error.Message}");
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
    Console.Error.WriteLine($"ingest: {explained.Message}");
    return explained.ExitCode;
}
