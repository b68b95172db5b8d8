namespace Ingest.Cli.Terminal;

/// <summary>Progress as plain lines, in the order it is reported.</summary>
internal sealed class ProgressLines(Output output) : IProgress<string>
{
    public void Report(string value) => output.Line(value);
}
