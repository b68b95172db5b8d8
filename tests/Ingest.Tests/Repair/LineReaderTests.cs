using System.Text;
using Ingest.Repair;
using Xunit;

namespace Ingest.Tests.Repair;

public sealed class LineReaderTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("a", "1:a")]
    [InlineData("a\nb\n", "1:a 2:b")]
    [InlineData("a\r\n\n \r\nb", "1:a\r 4:b")]
    [InlineData("\n\n", "")]
    public async Task Lines_come_with_their_numbers_and_empty_ones_do_not(string text, string expected) =>
        Assert.Equal(expected, await ReadAsync(text));

    [Fact]
    public async Task A_line_that_is_too_long_is_passed_over_and_the_next_is_read()
    {
        var longest = new string('x', LineReader.Longest);
        var read = await ReadAsync($"a\n{longest}x\nb\n{longest}");

        Assert.Equal($"1:a 2:- 3:b 4:{longest}", read);
    }

    private static async Task<string> ReadAsync(string text)
    {
        List<string> lines = [];
        using var stream = new MemoryStream(Encoding.UTF8.GetBytes(text));
        await foreach (var (number, line) in LineReader.ReadAsync(stream, TestContext.Current.CancellationToken))
        {
            lines.Add($"{number}:{(line is null ? "-" : Encoding.UTF8.GetString(line))}");
        }

        return string.Join(' ', lines);
    }
}
