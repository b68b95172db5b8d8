namespace Ingest.Cli.Hosting;

/// <summary>Ends a command with one line on standard error. The message says what was wrong and what to do.</summary>
internal sealed class CommandException : Exception
{
    public CommandException(string message)
        : base(message)
    {
    }

    public CommandException(string message, Exception inner)
        : base(message, inner)
    {
    }

    public CommandException(string message, int exitCode)
        : base(message) => ExitCode = exitCode;

    public int ExitCode { get; } = Hosting.ExitCode.Unusable;
}
