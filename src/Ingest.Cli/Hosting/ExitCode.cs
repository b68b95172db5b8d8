namespace Ingest.Cli.Hosting;

/// <summary>What the exit codes of <c>ingest</c> mean.</summary>
internal static class ExitCode
{
    /// <summary>Done, and the counts add up.</summary>
    public const int Success = 0;

    /// <summary>It failed, or the counts do not add up: the last line says what and where.</summary>
    public const int Failure = 1;

    /// <summary>The command line, a setting or the start-up check is wrong: nothing was read or written.</summary>
    public const int Unusable = 2;
}
