using System.Text;
using Avro.File;
using Ingest.TestSupport.Archives;
using Ingest.TestSupport.Databases;
using Ingest.TestSupport.Processes;
using Xunit;

namespace Ingest.IntegrationTests.Archives;

/// <summary>Every format through the command line, against rows that came from the hub.</summary>
public sealed class ArchiveFormatTests(PostgresFixture postgres)
{
    public static TheoryData<string> Formats => ["routed", "routed deflate", "captured", "captured deflate", "base64", "objects", "crlf"];

    [Theory]
    [MemberData(nameof(Formats))]
    public async Task Each_format_finds_the_rows_of_the_hub_and_adds_the_missing_ones(string format)
    {
        await using var stage = await ArchiveStage.CreateAsync(postgres);
        var messages = ArchiveStage.Messages(600);
        await stage.LiveAsync(messages);
        var rows = await stage.RowsAsync();
        stage.Folder.Add(Write(format, messages[..250]));
        stage.Folder.Add("some where/else", Write(format, messages[250..]));

        var found = await stage.ReplayAsync();

        Assert.True(found.ExitCode == 0, found.ToString());
        Assert.Equal(600, found.Json.GetProperty("duplicate").GetInt64());
        Assert.Equal(rows, await stage.RowsAsync());

        await using var empty = await ArchiveStage.CreateAsync(postgres);
        var added = await CliProcess.RunAsync(empty.Environment, "replay", "--archive", stage.Folder.Path, "--json");

        Assert.True(added.ExitCode == 0, added.ToString());
        Assert.Equal(rows, await empty.RowsAsync());
    }

    [Fact]
    public async Task A_range_takes_the_stamps_in_it_and_nothing_else()
    {
        await using var stage = await ArchiveStage.CreateAsync(postgres);
        var messages = ArchiveStage.Messages(600);
        stage.Folder.Add(Write("routed", messages[..300]));
        stage.Folder.Add(Write("base64", messages[300..]));
        var (from, to) = (ArchiveStage.Begin.AddSeconds(21), ArchiveStage.Begin.AddSeconds(42));

        var replay = await stage.ReplayAsync("--from", $"{from:O}", "--to", $"{to:O}");

        Assert.True(replay.ExitCode == 0, replay.ToString());
        var expected = messages.Count(message => message.Stamp >= from && message.Stamp < to);
        Assert.Equal(expected, replay.Json.GetProperty("stored").GetInt64());
        Assert.Equal(expected, replay.Json.GetProperty("received").GetInt64());
        Assert.Equal(expected, (await stage.RowsAsync()).Count);
    }

    [Fact]
    public async Task A_byte_order_mark_blank_lines_and_a_last_line_without_end_are_no_messages()
    {
        await using var stage = await ArchiveStage.CreateAsync(postgres);
        var lines = ArchiveStage.Messages(3).Select(ArchiveWriter.Line);
        stage.Folder.Add([0xEF, 0xBB, 0xBF, .. Encoding.UTF8.GetBytes("\r\n" + string.Join("\r\n\r\n", lines))]);

        var replay = await stage.ReplayAsync();

        Assert.True(replay.ExitCode == 0, replay.ToString());
        Assert.Equal(3, replay.Json.GetProperty("stored").GetInt64());
    }

    [Fact]
    public async Task Routed_twin_changes_are_ignored_as_from_the_hub()
    {
        await using var stage = await ArchiveStage.CreateAsync(postgres);
        var twin = ArchiveStage.Messages(1)[0] with
        {
            Properties = new Dictionary<string, string> { ["opType"] = "updateTwin", ["iothub-message-schema"] = "twinChangeNotification" },
        };
        stage.Folder.Add(ArchiveWriter.Routed([twin]));

        var replay = await stage.ReplayAsync();

        Assert.Equal(1, replay.Json.GetProperty("ignored").GetInt64());
    }

    private static byte[] Write(string format, IReadOnlyList<ArchivedMessage> messages) => format switch
    {
        "routed" => ArchiveWriter.Routed(messages),
        "routed deflate" => ArchiveWriter.Routed(messages, Codec.Type.Deflate),
        "captured" => ArchiveWriter.Captured(messages),
        "captured deflate" => ArchiveWriter.Captured(messages, Codec.Type.Deflate),
        "base64" => ArchiveWriter.Lines(messages),
        "objects" => ArchiveWriter.Lines(messages.Select(message => message with { ContentEncoding = "utf-8" })),
        "crlf" => ArchiveWriter.Lines(messages, "\r\n"),
        _ => throw new ArgumentOutOfRangeException(nameof(format)),
    };
}
