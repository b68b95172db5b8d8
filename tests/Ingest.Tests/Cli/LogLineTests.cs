using Ingest.Worker.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;
using Xunit;

namespace Ingest.Tests.Cli;

public sealed class LogLineTests
{
    [Theory]
    [InlineData("\u001B[2J", "\\u001B[2J")]
    [InlineData("a\r\n2026-01-01T00:00:00.000Z info: forged", "a\\u000D\\u000A2026-01-01T00:00:00.000Z info: forged")]
    [InlineData("\u202Ecod.exe\u200B", "\\u202Ecod.exe\\u200B")]
    public void A_log_line_is_one_line_and_shows_what_would_steer_the_terminal(string said, string shown)
    {
        var line = Line(said, new InvalidOperationException(said));

        Assert.EndsWith(Environment.NewLine, line, StringComparison.Ordinal);
        Assert.Contains($" warn: category[7] {shown} System.InvalidOperationException: {shown}", line, StringComparison.Ordinal);
        Assert.All(line[..^Environment.NewLine.Length], character => Assert.InRange(character, ' ', '~'));
    }

    [Fact]
    public void A_log_line_is_bounded() => Assert.InRange(Line(new string('x', 1_000_000), null).Length, 1, 2 * SafeText.LongestLine);

    private static string Line(string said, Exception? exception)
    {
        using var services = new ServiceCollection().AddLogging(
            static logging => logging.AddConsole().AddSafeConsole()).BuildServiceProvider();
        var name = services.GetRequiredService<Microsoft.Extensions.Options.IOptions<ConsoleLoggerOptions>>().Value.FormatterName;
        var formatter = services.GetServices<ConsoleFormatter>().Single(one => one.Name == name);
        using var writer = new StringWriter();
        formatter.Write(new LogEntry<string>(LogLevel.Warning, "category", 7, said, exception, static (state, _) => state), null, writer);
        return writer.ToString();
    }
}
