namespace Ingest.Worker.Hosting;

/// <summary>What ended a process, on standard error, through <see cref="SafeText"/>.</summary>
public static class ErrorLines
{
    /// <summary>One line, or the list of all that is wrong, of which each line is one problem.</summary>
    public static void Write(string message, string prefix = "") => Console.Error.WriteLine(prefix + SafeText.Lines(message));

    /// <summary>Several problems as the lines of one message: a line break inside one is shown.</summary>
    public static string List(string heading, IEnumerable<string> problems) =>
        string.Join(Environment.NewLine, problems.Select(problem => "  - " + SafeText.Line(problem)).Prepend(heading));
}
