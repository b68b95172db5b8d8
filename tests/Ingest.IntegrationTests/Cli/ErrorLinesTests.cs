using Ingest.TestSupport.Processes;
using Xunit;

namespace Ingest.IntegrationTests.Cli;

/// <summary>What a command says on standard error when it cannot do its work, of whatever it was given.</summary>
public sealed class ErrorLinesTests
{
    private const string Evil = "\u001B]0;owned\u0007\u001B[2J\u202E\u200B\r\ningest: all is well";

    [Theory]
    [InlineData("Health__Address", "status")]
    [InlineData("Telemetry__Table", "run")]
    public async Task A_setting_that_cannot_be_used_is_quoted_without_what_would_steer_the_terminal(string setting, string command) =>
        AssertHarmless(await CliProcess.RunAsync(new Dictionary<string, string> { [setting] = Evil, ["Telemetry__TimeSource"] = Evil }, command));

    [Fact]
    public async Task So_is_an_argument_that_nobody_knows() =>
        AssertHarmless(await CliProcess.RunAsync(new Dictionary<string, string>(), "status", "--" + Evil));

    private static void AssertHarmless(CliResult result)
    {
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("\\u001B]0;owned", result.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("\ningest: all is well", result.Errors, StringComparison.Ordinal);
        Assert.All(result.Errors.ReplaceLineEndings(""), character => Assert.False(char.IsControl(character) || character is '\u202E' or '\u200B', $"U+{(int)character:X4} was sent"));
    }
}
