using System.Text.Json;
using Ingest.Worker.Hosting;
using Spectre.Console;

namespace Ingest.Cli.Terminal;

/// <summary>
/// Where a command writes. With <c>--json</c> the tables and lines for people go to standard error, and standard output carries the one
/// JSON object as its last line.
/// </summary>
internal sealed class Output(bool json, TextWriter? people = null)
{
    private static readonly JsonSerializerOptions JsonOptions = new(JsonSerializerDefaults.Web)
    {
        Converters = { new System.Text.Json.Serialization.JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    private const int LongestCell = 1024;

    public bool Json { get; } = json;

    /// <summary>The console for people.</summary>
    public IAnsiConsole Console { get; } = CreateConsole(
        people ?? (json ? System.Console.Error : System.Console.Out),
        people is not null || (json ? System.Console.IsErrorRedirected : System.Console.IsOutputRedirected));

    /// <summary>Whether a view may redraw itself: a terminal, and nobody asked for JSON.</summary>
    public bool Live => !Json && Console.Profile.Capabilities.Interactive && !System.Console.IsOutputRedirected;

    /// <summary>One plain line, never wrapped or styled.</summary>
    public void Line(string text) => Console.Profile.Out.Writer.WriteLine(SafeText.Line(text));

    /// <summary>Text that may have lines of its own, such as a body: indented, so that none of them passes for one of ours.</summary>
    public void Block(string text) => Console.Profile.Out.Writer.WriteLine("  " + SafeText.Lines(text));

    /// <summary>Text from outside as the cell of a table.</summary>
    public static string Cell(string? text)
    {
#pragma warning disable RS0030 // The one place where it is harmless.
        return Markup.Escape(SafeText.Line(text, LongestCell));
#pragma warning restore RS0030
    }

    /// <summary>The JSON object, on one line of standard output.</summary>
    public static void Write<T>(T value) => System.Console.Out.WriteLine(Serialize(value));

    /// <summary>
    /// As JSON. The encoder is the default one, which escapes all but plain ASCII: no dangerous character leaves as it is.
    /// </summary>
    internal static string Serialize<T>(T value) => JsonSerializer.Serialize(value, JsonOptions);

    private static IAnsiConsole CreateConsole(TextWriter writer, bool redirected)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            // A text that is no stream of this process takes no colours.
            Ansi = writer is StringWriter ? AnsiSupport.No : AnsiSupport.Detect,
        });
        console.Pipeline.Attach(new SafeSegments());
        if (redirected)
        {
            // A file or pipe has no width that a table would have to fit.
            console.Profile.Width = 200;
        }

        return console;
    }
}
