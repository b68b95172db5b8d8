using System.Text.Json;
using Spectre.Console;

namespace Ingest.Cli.Terminal;

/// <summary>
/// Where a command writes. With <c>--json</c> the tables and lines for people go to standard error, and standard output carries the one JSON
/// object as its last line.
/// </summary>
internal sealed class Output(bool json)
{
    private static readonly JsonSerializerOptions JsonOptions = new(JsonSerializerDefaults.Web)
    {
        Converters = { new System.Text.Json.Serialization.JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    public bool Json { get; } = json;

    /// <summary>The console for people.</summary>
    public IAnsiConsole Console { get; } = CreateConsole(json ? System.Console.Error : System.Console.Out, json ? System.Console.IsErrorRedirected : System.Console.IsOutputRedirected);

    /// <summary>Whether a view may redraw itself: a terminal, and nobody asked for JSON.</summary>
    public bool Live => !Json && Console.Profile.Capabilities.Interactive && !System.Console.IsOutputRedirected;

    /// <summary>One plain line, never wrapped or styled.</summary>
    public void Line(string text) => Console.Profile.Out.Writer.WriteLine(text);

    /// <summary>The JSON object, on one line of standard output.</summary>
    public static void Write<T>(T value) => System.Console.Out.WriteLine(JsonSerializer.Serialize(value, JsonOptions));

    private static IAnsiConsole CreateConsole(TextWriter writer, bool redirected)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(writer) });
        if (redirected)
        {
            // A file or pipe has no width that a table would have to fit.
            console.Profile.Width = 200;
        }

        return console;
    }
}
