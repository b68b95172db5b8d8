using System.CommandLine;
using Ingest.Cli.Commands;
using Ingest.Cli.Hosting;
using Xunit;

namespace Ingest.Tests.Cli;

public sealed class DeadLettersCommandTests
{
    [Theory]
    [InlineData(65, "A key of 65 characters is none: a key has 64 hexadecimal digits")]
    [InlineData(100_000, "A key of 100000 characters is none")]
    [InlineData(0, "'' is no key")]
    public async Task A_key_of_another_length_is_refused_in_words_before_the_database_is_asked(int length, string expected)
    {
        var show = IngestCommand.Create().Parse(["deadletters", "show", new string('a', length), "--database", "Host=127.0.0.1;Port=1"]);

        var refused = await Assert.ThrowsAsync<CommandException>(
            () => show.InvokeAsync(
                new InvocationConfiguration { EnableDefaultExceptionHandler = false }, TestContext.Current.CancellationToken));
        Assert.StartsWith(expected, refused.Message, StringComparison.Ordinal);
    }
}
